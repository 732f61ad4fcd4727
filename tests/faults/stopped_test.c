/*
 * A thread stops in the middle of an operation of a bounded ring: at each atomic operation and, on x86-64, at each
 * instruction. Others then push and pop as if it were not there, but for the one place that it may keep. Rings that may
 * wait for a stopped thread, or hide what lies behind it, are seen to fail the same test. The others run in a signal
 * handler of the stopped thread, so that the test also shows that weft_ring may be used there.
 */
#include "tests/faults/midst.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ck_ring.h>

#include <weft/queues/ring_kernel.h>

enum { CAPACITY = 4, LAPS = 3, OWN = 50, THEIRS = 100, SECONDS = 2, FAULTY = 7 };

/* ---- the rings ---- */

/* D. Vyukov's bounded queue: a ticket by compare-and-swap, then the slot, then its sequence number. */
typedef struct vyukov {
    _Atomic(size_t) head, tail;
    struct {
        _Atomic(size_t) sequence;
        uint64_t value;
    } slot[CAPACITY];
} vyukov;

static void *vyukov_new(void)
{
    vyukov *v = calloc(1, sizeof *v);
    for (size_t i = 0; i < CAPACITY; i++)
        v->slot[i].sequence = i;
    return v;
}

static bool vyukov_push(void *ring, uint64_t value)
{
    vyukov *v = ring;
    size_t at = v->tail;
    do
        if (v->slot[at % CAPACITY].sequence != at)
            return false;
    while (!atomic_compare_exchange_strong(&v->tail, &at, at + 1));
    v->slot[at % CAPACITY].value = value;
    v->slot[at % CAPACITY].sequence = at + 1;
    return true;
}

static bool vyukov_pop(void *ring, uint64_t *value)
{
    vyukov *v = ring;
    size_t at = v->head;
    do
        if (v->slot[at % CAPACITY].sequence != at + 1)
            return false;
    while (!atomic_compare_exchange_strong(&v->head, &at, at + 1));
    *value = v->slot[at % CAPACITY].value;
    v->slot[at % CAPACITY].sequence = at + CAPACITY;
    return true;
}

typedef struct ck {
    ck_ring_t ring;
    ck_ring_buffer_t buffer[CAPACITY * 2];
} ck;

/* It has one place less than its size, which is a power of two. */
static void *ck_new(void)
{
    ck *c = calloc(1, sizeof *c);
    ck_ring_init(&c->ring, CAPACITY);
    return c;
}

static bool ck_push(void *ring, uint64_t value)
{
    ck *c = ring;
    return ck_ring_enqueue_mpmc(&c->ring, c->buffer, (void *)(uintptr_t)value);
}

static bool ck_pop(void *ring, uint64_t *value)
{
    ck *c = ring;
    void *got;
    bool done = ck_ring_dequeue_mpmc(&c->ring, c->buffer, &got);
    *value = done ? (uint64_t)(uintptr_t)got : 0;
    return done;
}

static void *weft_new(void)
{
    weft_ring *ring;
    CHECK(weft_ring_create(&ring, CAPACITY, sizeof(uint64_t), 0) == 0);
    return ring;
}

static bool weft_push(void *ring, uint64_t value)
{
    return weft_ring_try_push(ring, &value);
}

static bool weft_pop(void *ring, uint64_t *value)
{
    return weft_ring_try_pop(ring, value);
}

static void weft_destroy(void *ring)
{
    weft_ring_destroy(ring);
}

typedef struct kind {
    const char *name;
    size_t capacity;
    void *(*create)(void);
    bool (*push)(void *ring, uint64_t value);
    bool (*pop)(void *ring, uint64_t *value);
    void (*destroy)(void *ring);
} kind;

static const kind the_weft = {"weft_ring", CAPACITY, weft_new, weft_push, weft_pop, weft_destroy},
                  the_vyukov = {"Vyukov's ring", CAPACITY, vyukov_new, vyukov_push, vyukov_pop, free},
                  the_ck = {"ck_ring", CAPACITY - 1, ck_new, ck_push, ck_pop, free};

/* ---- what is stopped ---- */

typedef struct scene {
    const kind *kind;
    void *ring;
    size_t before;
    bool fine;
} scene;

static void push(void *ctx)
{
    scene *s = ctx;
    (void)s->kind->push(s->ring, OWN);
}

static void pop(void *ctx)
{
    scene *s = ctx;
    uint64_t value;
    (void)s->kind->pop(s->ring, &value);
}

static void force(void *ctx)
{
    scene *s = ctx;
    (void)weft_ring_force_push(s->ring, &(uint64_t){OWN}, NULL);
}

static void commit(void *ctx)
{
    scene *s = ctx;
    uint64_t *slot = weft_ring_reserve(s->ring);
    if (slot)
        *slot = OWN;
    weft_ring_commit(s->ring, slot);
}

static void give_up(void *ctx)
{
    scene *s = ctx;
    weft_ring_abort(s->ring, weft_ring_reserve(s->ring));
}

static void take(void *ctx)
{
    scene *s = ctx;
    weft_ring_give_back(s->ring, weft_ring_take(s->ring));
}

enum { PUSH, POP };

/* Those behind the first two are weft_ring's alone. */
static const struct operation {
    const char *name;
    m_call *run;
} operations[] = {[PUSH] = {"push", push},     [POP] = {"pop", pop},        {"force_push", force},
                  {"reserve, commit", commit}, {"reserve, abort", give_up}, {"take, give_back", take}};

/* ---- what others do meanwhile ---- */

/* Fills the ring, and empties it. What was there comes first, then what the stopped thread may have pushed, then theirs. */
static bool one_lap(scene *s, size_t expected)
{
    size_t pushed = 0, popped = 0, theirs = 0;
    uint64_t value, last = 0;
    while (pushed <= CAPACITY && s->kind->push(s->ring, THEIRS + pushed))
        pushed++;
    for (; popped <= CAPACITY && s->kind->pop(s->ring, &value); popped++) {
        if (popped && value <= last)
            return false;
        theirs += value >= THEIRS;
        last = value;
    }
    return theirs == pushed && popped <= s->kind->capacity && popped + 1 >= s->kind->capacity &&
           popped - pushed <= expected + 1 && popped - pushed + 1 >= expected;
}

static void others(void *ctx)
{
    scene *s = ctx;
    s->fine = one_lap(s, s->before);
    for (int lap = 0; lap < LAPS; lap++)
        s->fine = s->fine && one_lap(s, 0);
}

/* Afterwards the ring is whole. */
static bool is_whole(scene *s)
{
    uint64_t value;
    while (s->kind->pop(s->ring, &value))
        ;
    for (size_t n = 0; n < s->kind->capacity; n++)
        if (!s->kind->push(s->ring, n))
            return false;
    if (s->kind->push(s->ring, CAPACITY))
        return false;
    for (size_t n = 0; n < s->kind->capacity; n++)
        if (!s->kind->pop(s->ring, &value) || value != n)
            return false;
    return !s->kind->pop(s->ring, &value);
}

/* Whether others noticed nothing; *goes_on: the operation has an n-th place. */
static bool stopped_at(const kind *which, const struct operation *operation, size_t before, bool by_steps, size_t n,
                       bool *goes_on)
{
    scene s = {.kind = which, .ring = which->create(), .before = before, .fine = true};
    for (size_t i = 0; i < before; i++)
        CHECK(which->push(s.ring, i));
    *goes_on = m_run(by_steps, n, operation->run, others, &s);
    bool fine = s.fine && is_whole(&s);
    which->destroy(s.ring);
    return fine;
}

static void test_weft(bool by_steps)
{
    for (size_t o = 0; o < T_COUNT(operations); o++) {
        size_t places = 0, most = 0;
        for (size_t before = by_steps; before <= CAPACITY; before += by_steps ? CAPACITY : 1) {
            bool goes_on = true;
            for (size_t n = 0; goes_on; n++) {
                CHECK(stopped_at(&the_weft, &operations[o], before, by_steps, n, &goes_on));
                places += goes_on;
                most = n > most ? n : most;
            }
        }
        print_message("%s: stopped %zu times, at up to %zu %s\n", operations[o].name, places, most,
                      by_steps ? "instructions" : "atomic operations");
        assert_true(most >= (by_steps ? 40 : 5) && places >= most);
    }
}

static void test_at_atomic_operations(void **state)
{
    (void)state;
    test_weft(false);
}

#if M_STEPS
static void test_at_instructions(void **state)
{
    (void)state;
    test_weft(true);
}

/* In a child, which an alarm ends when it waits. Whether all went well at this place. */
static bool child_is_fine(const kind *which, const struct operation *operation, size_t n, bool *goes_on)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(SECONDS);
        bool fine = stopped_at(which, operation, 2, true, n, goes_on);
        _exit(fine ? *goes_on : FAULTY);
    }
    CHECK(waitpid(child, &status, 0) == child);
    *goes_on = WIFEXITED(status) && WEXITSTATUS(status) == 1;
    return WIFEXITED(status) && WEXITSTATUS(status) != FAULTY;
}

static void must_fail(const kind *which, const struct operation *operation)
{
    size_t n = 0;
    bool goes_on = true, fine = true;
    for (; goes_on && fine; n++)
        fine = child_is_fine(which, operation, n, &goes_on);
    print_message("%s, %s: others fail when it stops at instruction %zu\n", which->name, operation->name, n);
    assert_false(fine);
}

static void test_rings_that_wait(void **state)
{
    (void)state;
    must_fail(&the_vyukov, &operations[PUSH]);
    must_fail(&the_vyukov, &operations[POP]);
    must_fail(&the_ck, &operations[PUSH]); /* its pop reads the element before it takes it */
}
#endif

/* ---- a claim ---- */

typedef struct claims {
    weft_ring *ring;
    weft_i_ring_claim each[WEFT_I_RING_SPARES], one;
    size_t from, to;
} claims;

static weft_i_ring_claim claim_at(weft_ring *ring, size_t i)
{
    weft_i_ring_claim claim = {&ring->spare[i].word, ring->spare[i].word};
    CHECK(weft_i_ring_try_claim(ring, &claim));
    return claim;
}

static void move_the_free_one(void *ctx)
{
    claims *c = ctx;
    c->each[c->from] = claim_at(c->ring, c->from);
    weft_i_ring_unclaim(c->ring, c->each[c->to], weft_i_ring_low(c->ring, c->each[c->to].word));
}

static void claim_one(void *ctx)
{
    claims *c = ctx;
    c->one = weft_i_ring_claim_one(c->ring);
}

/* Of all spares one is free at any moment. Wherever it goes while a claim looks for it, the claim finds it. */
static void test_claim(void **state)
{
    claims c;
    size_t moved = 0;
    (void)state;
    for (c.from = 0; c.from < WEFT_I_RING_SPARES; c.from++)
        for (c.to = 0; c.to < WEFT_I_RING_SPARES; c.to++)
            for (size_t n = 0, goes_on = 1; c.to != c.from && goes_on; n++) {
                c.ring = weft_new();
                for (size_t i = 0; i < WEFT_I_RING_SPARES; i++)
                    if (i != c.from)
                        c.each[i] = claim_at(c.ring, i);
                goes_on = m_run(false, n, claim_one, move_the_free_one, &c);
                CHECK(c.one.at != NULL || !goes_on);
                moved += goes_on && c.one.at == &c.ring->spare[c.to].word;
                weft_destroy(c.ring);
            }
    assert_true(moved > 1000);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_atomic_operations),
        cmocka_unit_test(test_claim),
#if M_STEPS
        cmocka_unit_test(test_at_instructions),
        cmocka_unit_test(test_rings_that_wait),
#endif
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
