/* weft_ring: all operations beside a plain queue, held slots, spare slots that are all in use, threads, bad input. */
#include "tests/unit/support.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <weft/queues/ring_kernel.h>

enum { ONE_PRODUCER = WEFT_RING_ONE_PRODUCER, ONE_CONSUMER = WEFT_RING_ONE_CONSUMER, LARGEST = 300, MOST = 1000 };

static const unsigned forms[] = {0, ONE_PRODUCER, ONE_CONSUMER, ONE_PRODUCER | ONE_CONSUMER};
static const size_t sizes[] = {1, 4, 8, 12, 64, LARGEST};
static const size_t capacities[] = {1, 2, 3, 16, 64, MOST}; /* 16 and the spares are a power of two */

static weft_ring *new_ring(size_t capacity, size_t size, unsigned form)
{
    weft_ring *ring;
    CHECK(weft_ring_create(&ring, capacity, size, form) == 0);
    CHECK(weft_ring_capacity(ring) == capacity && weft_ring_size(ring) == 0);
    return ring;
}

/* All spare slots are claimed: as if so many threads had stopped in the middle of a push or pop. */
static void claim_all(weft_ring *ring, weft_i_ring_claim *claims)
{
    for (size_t i = 0; i < WEFT_RING_SPARES; i++) {
        claims[i] = weft_i_ring_claim_one(ring);
        CHECK(claims[i].at != NULL);
    }
}

static void unclaim_all(weft_ring *ring, const weft_i_ring_claim *claims)
{
    for (size_t i = 0; i < WEFT_RING_SPARES; i++)
        weft_i_ring_unclaim(ring, claims[i], weft_i_ring_low(ring, claims[i].word));
}

/* ---- any operations, one after the other, beside a plain queue ---- */

typedef struct walk {
    weft_ring *ring;
    size_t capacity, size;
    size_t queue[MOST], head, tail; /* numbers of elements, in a circle */
    size_t numbers;
    void *reserved[MOST], *taken[MOST];
    size_t taken_number[MOST], reserves, takes;
    char element[LARGEST];
    size_t displaced, refused;
} walk;

static size_t inside(const walk *w)
{
    return w->tail - w->head;
}

static bool is_full(const walk *w)
{
    return inside(w) + w->reserves + w->takes == w->capacity;
}

static void put_in(walk *w, size_t number)
{
    w->queue[w->tail++ % MOST] = number;
}

static void check_next(walk *w, const void *element)
{
    CHECK(t_is_element(element, w->size, w->queue[w->head++ % MOST]));
}

static void push_some(walk *w, t_rng *random)
{
    bool full = is_full(w);
    char many[5 * LARGEST];
    t_write_element(w->element, w->size, w->numbers);
    w->refused += full;
    switch (t_below(random, 4)) {
    case 0:
    case 1:
        CHECK(weft_ring_try_push(w->ring, w->element) == !full);
        if (!full)
            put_in(w, w->numbers++);
        return;
    case 2:
        for (size_t i = 0; i < 5; i++)
            t_write_element(many + i * w->size, w->size, w->numbers + i);
        for (size_t done = weft_ring_push_many(w->ring, many, 5), i = 0; i < 5; i++) {
            CHECK((i < done) == !is_full(w) || i > done);
            if (i < done)
                put_in(w, w->numbers++);
        }
        return;
    default:
        CHECK(weft_ring_force_push(w->ring, w->element, many) == full);
        if (full && inside(w) == 0) {
            CHECK(t_is_element(many, w->size, w->numbers));
            return;
        }
        if (full)
            check_next(w, many);
        w->displaced += full;
        put_in(w, w->numbers++);
    }
}

static void pop_some(walk *w, t_rng *random)
{
    char many[5 * LARGEST];
    size_t filled = inside(w), count = 1 + t_below(random, 5);
    if (t_below(random, 2)) {
        CHECK(weft_ring_try_pop(w->ring, w->element) == (filled > 0));
        if (filled)
            check_next(w, w->element);
        return;
    }
    size_t got = weft_ring_pop_many(w->ring, many, count);
    CHECK(got == (count < filled ? count : filled));
    for (size_t i = 0; i < got; i++)
        check_next(w, many + i * w->size);
}

static void hold_some(walk *w, t_rng *random)
{
    if (t_below(random, 2)) {
        void *slot = weft_ring_reserve(w->ring);
        CHECK((slot == NULL) == is_full(w));
        if (slot)
            w->reserved[w->reserves++] = memset(slot, 0, w->size);
    } else {
        void *slot = weft_ring_take(w->ring);
        CHECK((slot == NULL) == (inside(w) == 0));
        if (slot) {
            CHECK(t_is_element(slot, w->size, w->queue[w->head % MOST]));
            w->taken_number[w->takes] = w->queue[w->head++ % MOST];
            w->taken[w->takes++] = slot;
        }
    }
}

/* Any of those that are held, in any order. */
static void let_go_some(walk *w, t_rng *random)
{
    if (w->reserves && t_below(random, 2)) {
        size_t which = t_below(random, w->reserves);
        void *slot = w->reserved[which];
        w->reserved[which] = w->reserved[--w->reserves];
        if (t_below(random, 3)) {
            t_write_element(slot, w->size, w->numbers);
            weft_ring_commit(w->ring, slot);
            put_in(w, w->numbers++);
        } else {
            weft_ring_abort(w->ring, slot);
        }
    } else if (w->takes) {
        size_t which = t_below(random, w->takes);
        CHECK(t_is_element(w->taken[which], w->size, w->taken_number[which]));
        weft_ring_give_back(w->ring, w->taken[which]);
        w->taken[which] = w->taken[--w->takes];
        w->taken_number[which] = w->taken_number[w->takes];
    }
}

static void take_steps(walk *w, t_rng *random, size_t steps, size_t holding)
{
    for (size_t i = 0; i < steps; i++) {
        size_t what = t_below(random, 8 + holding);
        if (what < 4)
            push_some(w, random);
        else if (what < 7)
            pop_some(w, random);
        else if (what == 7)
            let_go_some(w, random);
        else
            hold_some(w, random);
        CHECK(weft_ring_size(w->ring) == inside(w));
    }
    while (w->reserves + w->takes)
        let_go_some(w, random);
}

static void test_any_sequence(void **state)
{
    t_rng random = {11};
    size_t displaced = 0, refused = 0;
    weft_i_ring_claim claimed[WEFT_I_RING_SPARES];
    walk *w = malloc(sizeof *w);
    (void)state;
    CHECK(w != NULL);
    for (size_t f = 0; f < T_COUNT(forms); f++)
        for (size_t s = 0; s < T_COUNT(sizes); s++)
            for (size_t c = 0; c < T_COUNT(capacities); c++) {
                const size_t steps = T_SCALE(3000, 300);
                *w = (walk){.ring = new_ring(capacities[c], sizes[s], forms[f])};
                w->capacity = capacities[c];
                w->size = sizes[s];
                take_steps(w, &random, steps, 0);
                take_steps(w, &random, steps, 2);
                claim_all(w->ring, claimed);
                take_steps(w, &random, steps, 1);
                unclaim_all(w->ring, claimed);
                take_steps(w, &random, steps, 0);
                displaced += w->displaced;
                refused += w->refused;
                weft_ring_destroy(w->ring);
            }
    assert_true(displaced > T_SCALE(10000, 1000) && refused > T_SCALE(50000, 5000));
    free(w);
}

/* ---- laps that wrap: positions from just below the largest word on ---- */

static void test_wrap(void **state)
{
    (void)state;
    for (size_t capacity = 1; capacity <= 5; capacity++)
        for (size_t f = 0; f < T_COUNT(forms); f++) {
            weft_ring *ring = new_ring(capacity, 8, forms[f]);
            const size_t first = (size_t)0 - 6 * ring->unit;
            for (size_t i = 0; i < capacity; i++)
                ring->entry[i] = first + i;
            ring->tail = ring->head = first;
            for (uint64_t n = 0, got; n < 10 * capacity; n++) {
                uint64_t *slot = weft_ring_reserve(ring);
                assert_non_null(slot);
                for (uint64_t i = 1; i < capacity; i++)
                    assert_true(weft_ring_try_push(ring, &n));
                assert_false(weft_ring_try_push(ring, &n));
                assert_int_equal(weft_ring_size(ring), capacity - 1);
                *slot = n;
                weft_ring_commit(ring, slot);
                for (uint64_t i = 0; i < capacity; i++)
                    assert_true(weft_ring_try_pop(ring, &got) && got == n);
                assert_false(weft_ring_try_pop(ring, &got));
            }
            assert_true(ring->tail < first);
            weft_ring_destroy(ring);
        }
}

/* ---- an index that a thread, which had stopped, has moved back ---- */

static void test_left_behind(void **state)
{
    enum { LATER = 2000 };
    (void)state;
    for (size_t capacity = 1; capacity <= 5; capacity++)
        for (size_t f = 0; f < T_COUNT(forms); f++)
            for (size_t filled = 0; filled <= capacity; filled++) {
                weft_ring *ring = new_ring(capacity, 8, forms[f]);
                const size_t first = ring->tail;
                uint64_t pushed = 0, popped = 0, got;
                for (; pushed < LATER + filled; pushed++) {
                    if (pushed - popped == capacity)
                        CHECK(weft_ring_try_pop(ring, &got) && got == popped++);
                    CHECK(weft_ring_try_push(ring, &pushed));
                    if (pushed + 1 - popped > filled)
                        CHECK(weft_ring_try_pop(ring, &got) && got == popped++);
                }
                ring->tail = ring->head = first;
                CHECK(weft_ring_size(ring) == filled);
                CHECK(weft_ring_try_push(ring, &pushed) == (filled < capacity));
                pushed += filled < capacity;
                while (weft_ring_try_pop(ring, &got))
                    CHECK(got == popped++);
                CHECK(popped == pushed && ring->head - first > LATER);
                weft_ring_destroy(ring);
            }
}

/* ---- what a holder costs ---- */

/* All places but one are held, from the first lap on: what goes through the last one keeps its order. */
static void test_held(void **state)
{
    enum { CAPACITY = 8 };
    (void)state;
    for (size_t f = 0; f < T_COUNT(forms); f++)
        for (int taken = 0; taken < 2; taken++) {
            weft_ring *ring = new_ring(CAPACITY, 8, forms[f]);
            uint64_t *held[CAPACITY - 1], got, none;
            for (uint64_t n = 0; n < CAPACITY - 1; n++)
                if (taken) {
                    assert_true(weft_ring_try_push(ring, &n));
                    held[n] = weft_ring_take(ring);
                    assert_int_equal(*held[n], n);
                } else {
                    held[n] = weft_ring_reserve(ring);
                    *held[n] = n;
                }
            for (uint64_t n = 0; n < 50; n++) {
                assert_true(weft_ring_try_push(ring, &n));
                assert_false(weft_ring_try_push(ring, &n));
                assert_null(weft_ring_reserve(ring));
                assert_true(weft_ring_try_pop(ring, &got) && got == n);
                assert_false(weft_ring_try_pop(ring, &got));
            }
            assert_false(weft_ring_force_push(ring, &(uint64_t){70}, &got)); /* there is room for one */
            assert_true(weft_ring_force_push(ring, &(uint64_t){71}, &got) && got == 70);
            uint64_t *last = weft_ring_take(ring);
            assert_int_equal(*last, 71);
            assert_true(weft_ring_force_push(ring, &(uint64_t){72}, &got) && got == 72); /* no slot is left */
            assert_false(weft_ring_try_pop(ring, &none));
            weft_ring_give_back(ring, last);
            for (size_t n = 0; n < CAPACITY - 1; n++) {
                assert_int_equal(*held[n], n);
                if (taken)
                    weft_ring_give_back(ring, held[n]);
                else
                    weft_ring_commit(ring, held[n]);
                assert_int_equal(weft_ring_size(ring), taken ? 0 : n + 1);
            }
            for (uint64_t n = 0; !taken && n < CAPACITY - 1; n++)
                assert_true(weft_ring_try_pop(ring, &got) && got == n);
            weft_ring_destroy(ring);
        }
}

static void test_alignment(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 1024; size += size < 130 ? 1 : 127) {
        size_t alignment = size & (~size + 1);
        weft_ring *ring = new_ring(5, size, 0);
        void *slots[5];
        for (int i = 0; i < 5; i++) {
            slots[i] = weft_ring_reserve(ring);
            CHECK((uintptr_t)slots[i] % (alignment < 128 ? alignment : 128) == 0);
        }
        for (int i = 0; i < 5; i++)
            weft_ring_abort(ring, slots[i]);
        weft_ring_destroy(ring);
    }
}

/* ---- threads ---- */

enum { THREADS = 4, PASSED = T_SCALE(60000, 6000), CHUNK = 3 };

typedef struct pass {
    weft_ring *ring;
    atomic_size_t popped;
    unsigned char seen[2 * PASSED];
} pass;

static size_t push_in_some_way(weft_ring *ring, t_rng *random, uint64_t from, size_t count)
{
    uint64_t elements[CHUNK], *slot;
    for (size_t i = 0; i < CHUNK; i++)
        elements[i] = from + i;
    switch (t_below(random, 4)) {
    case 0:
        return weft_ring_push_many(ring, elements, count);
    case 1:
        if (!(slot = weft_ring_reserve(ring)))
            return 0;
        *slot = from;
        if (t_below(random, 4)) {
            weft_ring_commit(ring, slot);
            return 1;
        }
        weft_ring_abort(ring, slot);
        return 0;
    default:
        return weft_ring_try_push(ring, elements);
    }
}

static size_t pop_in_some_way(weft_ring *ring, t_rng *random, uint64_t *elements)
{
    uint64_t *slot;
    switch (t_below(random, 4)) {
    case 0:
        return weft_ring_pop_many(ring, elements, CHUNK);
    case 1:
        if (!(slot = weft_ring_take(ring)))
            return 0;
        elements[0] = *slot;
        weft_ring_give_back(ring, slot);
        return 1;
    default:
        return weft_ring_try_pop(ring, elements);
    }
}

/* Half of the threads push, half pop: nothing is lost or doubled, and who pops sees each producer's elements in order. */
static void hand_over(unsigned index, void *ctx)
{
    pass *p = ctx;
    t_rng random = {index + 5};
    uint64_t last[2] = {0}, elements[CHUNK];
    size_t number = index / 2;
    for (uint64_t n = 0; index % 2 == 0 && n < PASSED;) {
        size_t left = PASSED - n,
               done = push_in_some_way(p->ring, &random, number * PASSED + n, left < CHUNK ? left : CHUNK);
        n += done;
        if (!done)
            sched_yield();
    }
    while (index % 2 == 1 && atomic_load(&p->popped) < 2 * PASSED) {
        size_t got = pop_in_some_way(p->ring, &random, elements);
        for (size_t i = 0; i < got; i++) {
            uint64_t from = elements[i] / PASSED, n = elements[i] % PASSED + 1;
            CHECK(from < 2 && n > last[from]);
            last[from] = n;
            CHECK(p->seen[elements[i]]++ == 0);
        }
        atomic_fetch_add(&p->popped, got);
        if (!got)
            sched_yield();
    }
}

static void test_threads(void **state)
{
    (void)state;
    for (size_t capacity = 1; capacity <= 64; capacity *= 4)
        for (int all_claimed = 0; all_claimed < 2; all_claimed++) {
            pass *p = calloc(1, sizeof *p);
            weft_i_ring_claim claimed[WEFT_I_RING_SPARES];
            p->ring = new_ring(capacity, 8, 0);
            if (all_claimed)
                claim_all(p->ring, claimed);
            t_run(THREADS, hand_over, p);
            assert_int_equal(weft_ring_size(p->ring), 0);
            for (uint64_t n = 0; n < capacity; n++) /* no slot was lost */
                assert_true(weft_ring_try_push(p->ring, &n));
            assert_false(weft_ring_try_push(p->ring, &capacity));
            weft_ring_destroy(p->ring);
            free(p);
        }
}

/*
 * A pool of buffers, as in DPDK's test_ring_stress: whoever has popped a buffer's number has the buffer alone. And the
 * numbers go round from ring to ring, as in the validation of Concurrency Kit's ck_ring.
 */
enum { STATIONS = 3, BUFFERS = 5, WORDS = 4, PASSES = T_SCALE(30000, 3000) };

typedef struct circle {
    weft_ring *ring[STATIONS];
    uint64_t buffer[BUFFERS][WORDS];
    atomic_size_t passes;
} circle;

static void pass_on(unsigned index, void *ctx)
{
    circle *c = ctx;
    t_rng random = {index + 3};
    for (size_t passes = 0; passes < PASSES;) {
        size_t from = t_below(&random, STATIONS);
        uint32_t number;
        if (!weft_ring_try_pop(c->ring[from], &number))
            continue;
        for (size_t i = 0; i < WORDS; i++)
            c->buffer[number][i] = index;
        for (size_t i = 0; i < WORDS; i++)
            CHECK(c->buffer[number][i] == index);
        CHECK(weft_ring_try_push(c->ring[(from + 1) % STATIONS], &number)); /* each ring has room for all */
        passes++;
    }
    atomic_fetch_add(&c->passes, PASSES);
}

static void test_circle(void **state)
{
    circle c = {.passes = 0};
    size_t seen[BUFFERS] = {0};
    (void)state;
    for (size_t i = 0; i < STATIONS; i++)
        c.ring[i] = new_ring(BUFFERS, sizeof(uint32_t), 0);
    for (uint32_t i = 0; i < BUFFERS; i++)
        CHECK(weft_ring_try_push(c.ring[i % STATIONS], &i));
    t_run(THREADS, pass_on, &c);
    assert_int_equal(c.passes, THREADS * PASSES);
    for (size_t i = 0; i < STATIONS; i++) {
        for (uint32_t number; weft_ring_try_pop(c.ring[i], &number);)
            seen[number]++;
        weft_ring_destroy(c.ring[i]);
    }
    for (size_t i = 0; i < BUFFERS; i++)
        assert_int_equal(seen[i], 1);
}

typedef struct log_of {
    weft_ring *ring;
    atomic_size_t pushed, displaced, popped;
    atomic_bool over;
} log_of;

/* Two threads push by force, the third pops now and then: each element comes out once, popped or displaced. */
static void log_and_read(unsigned index, void *ctx)
{
    log_of *log = ctx;
    uint64_t last[2] = {0}, got;
    for (uint64_t n = 1; index < 2 && n <= PASSED; n++) {
        atomic_fetch_add(&log->displaced, weft_ring_force_push(log->ring, &(uint64_t){index * PASSED + n}, &got));
        atomic_fetch_add(&log->pushed, 1);
    }
    while (index == 2 && atomic_load(&log->pushed) < 2 * PASSED)
        if (weft_ring_try_pop(log->ring, &got)) {
            uint64_t from = (got - 1) / PASSED;
            CHECK(from < 2 && got > last[from]);
            last[from] = got;
            atomic_fetch_add(&log->popped, 1);
        } else {
            sched_yield();
        }
}

static void test_force(void **state)
{
    uint64_t got;
    (void)state;
    for (size_t capacity = 1; capacity <= 16; capacity *= 4) {
        log_of log = {.ring = new_ring(capacity, 8, 0)};
        t_run(3, log_and_read, &log);
        while (weft_ring_try_pop(log.ring, &got))
            log.popped++;
        assert_int_equal(log.displaced + log.popped, 2 * PASSED);
        assert_true(log.displaced > 0);
        weft_ring_destroy(log.ring);
    }
}

/* ---- bad input ---- */

static void test_create_refuses(void **state)
{
    static const struct {
        size_t capacity, size;
        unsigned flags;
        int error;
    } bad[] = {
        {0, 8, 0, -EINVAL},
        {8, 0, 0, -EINVAL},
        {8, 8, 4, -EINVAL},
        {SIZE_MAX, 1, 0, -EINVAL},
        {1, SIZE_MAX, 0, -EINVAL},
        {1, SIZE_MAX / 8, 0, -EINVAL},
        {SIZE_MAX / 2, 3, 0, -EINVAL},
        {SIZE_MAX / 64, 9, 0, -EINVAL},
#if !T_SANITIZED && SIZE_MAX > UINT32_MAX /* sanitizers end a program that asks for so much; 1 GiB may be had */
        {SIZE_MAX / 8 / sizeof(size_t), 1, 0, -ENOMEM},
#endif
    };
    weft_ring *ring = (void *)&ring;
    (void)state;
    assert_int_equal(weft_ring_create(NULL, 8, 8, 0), -EINVAL);
    for (size_t i = 0; i < T_COUNT(bad); i++) {
        assert_int_equal(weft_ring_create(&ring, bad[i].capacity, bad[i].size, bad[i].flags), bad[i].error);
        assert_null(ring);
        ring = (void *)&ring;
    }
}

static void test_bad_input(void **state)
{
    weft_ring *ring = new_ring(2, 8, 0);
    uint64_t element = 5, got = 7;
    (void)state;
    assert_false(weft_ring_try_push(NULL, &element) || weft_ring_try_push(ring, NULL));
    assert_false(weft_ring_try_pop(NULL, &got) || weft_ring_try_pop(ring, NULL));
    assert_int_equal(weft_ring_push_many(NULL, &element, 1) + weft_ring_push_many(ring, NULL, 1), 0);
    assert_int_equal(weft_ring_pop_many(NULL, &got, 1) + weft_ring_pop_many(ring, NULL, 1), 0);
    assert_false(weft_ring_force_push(NULL, &element, &got) || weft_ring_force_push(ring, NULL, &got));
    assert_null(weft_ring_reserve(NULL));
    assert_null(weft_ring_take(NULL));
    assert_int_equal(weft_ring_size(NULL) + weft_ring_capacity(NULL), 0);
    weft_ring_destroy(NULL);
    char *slot = weft_ring_reserve(ring);
    void (*const let_go[])(weft_ring *, void *) = {weft_ring_commit, weft_ring_abort, weft_ring_give_back};
    for (size_t i = 0; i < T_COUNT(let_go); i++) {
        let_go[i](NULL, slot);
        let_go[i](ring, NULL);
        let_go[i](ring, slot + 1);
        assert_int_equal(weft_ring_size(ring), 0);
        let_go[i](ring, &element);
        let_go[i](ring, ring);
        assert_int_equal(weft_ring_size(ring), 0);
    }
    weft_ring_abort(ring, slot);
    assert_int_equal(weft_ring_push_many(ring, (uint64_t[]){1, 2, 3}, 3), 2);
    assert_true(weft_ring_force_push(ring, &element, NULL)); /* 1 is dropped */
    assert_true(weft_ring_try_pop(ring, &got) && got == 2);
    assert_int_equal(weft_ring_pop_many(ring, &got, 0), 0);
    assert_true(weft_ring_try_pop(ring, &got) && got == 5);
    weft_ring_destroy(ring);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_sequence), cmocka_unit_test(test_wrap),      cmocka_unit_test(test_left_behind),
        cmocka_unit_test(test_held),         cmocka_unit_test(test_alignment), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_circle),       cmocka_unit_test(test_force),     cmocka_unit_test(test_create_refuses),
        cmocka_unit_test(test_bad_input),
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
