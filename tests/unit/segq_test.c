/* The segment queue: what its cells do, closing, many at once, and how much memory it holds. */
#include "tests/unit/support.h"

#include <errno.h>
#include <limits.h>

#include <weft/queues/segq_kernel.h>

enum { CELLS = WEFT_SEGMENT_CELLS, MANY = 3 * CELLS + 7 };

static weft_segq *new_queue(const t_env *env)
{
    weft_segq *queue;
    CHECK(weft_segq_create(&queue, env->domain) == 0);
    return queue;
}

static weft_i_segq_segment *first(weft_segq *queue)
{
    return weft_i_load(&queue->head, memory_order_relaxed);
}

static uintptr_t take(weft_segq *queue)
{
    void *value = NULL;
    CHECK(weft_segq_try_dequeue(queue, &value));
    return t_int(value);
}

static void put(weft_segq *queue, size_t from, size_t to)
{
    for (size_t i = from; i <= to; i++)
        CHECK(weft_segq_enqueue(queue, t_ptr(i)) == 0);
}

/* ---- cells ---- */

/* The two words that a segment keeps for itself go to another segment, also if that is the next one's own words. */
static void test_any_pointer_is_a_value(void **state)
{
    const t_env *env = *state;
    weft_segq *queue = new_queue(env);
    uintptr_t word[64];
    size_t words = 0;
    void *value;
    /* the addresses of all segments that come and go: each returns as the tail, or as the next one */
    for (int round = 0; round < 300; round++) {
        weft_i_segq_segment *tail = weft_i_load(&queue->tail, memory_order_relaxed);
        bool known = false;
        for (size_t i = 0; i < words; i++)
            known = known || word[i] == (uintptr_t)tail;
        if (!known && words + 2 <= T_COUNT(word)) {
            word[words++] = (uintptr_t)tail;
            word[words++] = (uintptr_t)tail | 1;
        }
        for (size_t i = 0; i < words; i++)
            CHECK(weft_segq_enqueue(queue, (void *)word[i]) == 0);
        for (size_t i = 0; i < words; i++)
            assert_int_equal(take(queue), word[i]);
        assert_false(weft_segq_try_dequeue(queue, &value));
        if (round % 8 == 0)
            t_barrier(env->domain);
    }
    assert_true(words >= 4);
    weft_segq_destroy(queue, NULL, NULL);
}

/* The next segment is going to be the one whose address is the value. */
static void test_a_value_of_the_next_segment(void **state)
{
    const t_env *env = *state;
    for (uintptr_t bit = 0; bit < 2; bit++) {
        weft_segq *queue = new_queue(env);
        put(queue, 1, CELLS);
        weft_i_segq_segment *next = weft_i_segq_segment_make(env->domain, 1);
        CHECK(next != NULL);
        weft_i_node_free(env->domain, weft_i_local_get(env->domain), WEFT_I_SEGMENT, next); /* into the cache */
        CHECK(weft_segq_enqueue(queue, (void *)((uintptr_t)next | bit)) == 0);
        for (size_t i = 1; i <= CELLS; i++)
            assert_int_equal(take(queue), i);
        assert_int_equal(take(queue), (uintptr_t)next | bit);
        weft_segq_destroy(queue, NULL, NULL);
    }
}

/* An enqueuer that has linked a segment vanishes (in a fork's child) before it has moved tail. */
static void test_tail_does_not_stay_behind(void **state)
{
    const t_env *env = *state;
    weft_segq *queue = new_queue(env);
    void *none = NULL;
    put(queue, 1, CELLS);
    weft_i_segq_segment *next = weft_i_segq_segment_make(env->domain, 1);
    CHECK(next != NULL);
    weft_i_store(weft_i_segq_cell(next, 0), t_ptr(CELLS + 1), memory_order_relaxed);
    assert_true(weft_i_cas(&first(queue)->next, &none, (void *)next, memory_order_release, memory_order_relaxed));
    for (size_t i = 1; i <= CELLS + 1; i++)
        assert_int_equal(take(queue), i);
    t_barrier(env->domain); /* the first segment is used again from here on */
    put(queue, 1, 3 * CELLS);
    for (size_t i = 1; i <= 3 * CELLS; i++)
        assert_int_equal(take(queue), i);
    weft_segq_destroy(queue, NULL, NULL);
}

/* An enqueuer has the number of a cell and does not come: dequeuers mark the cell and go on, and it finds the mark. */
static void test_a_late_enqueuer_holds_nobody_up(void **state)
{
    const t_env *env = *state;
    weft_segq *queue = new_queue(env);
    void *value = NULL, *empty = weft_i_segq_empty(first(queue));
    size_t number = weft_i_fetch_add(&first(queue)->given, 1, memory_order_relaxed);
    assert_true(weft_segq_is_empty(queue));
    put(queue, 1, 2);
    assert_false(weft_segq_is_empty(queue));
    assert_int_equal(take(queue), 1);
    assert_false(weft_i_cas(weft_i_segq_cell(first(queue), number), &empty, t_ptr(7), memory_order_release,
                            memory_order_relaxed));
    assert_int_equal(take(queue), 2);
    assert_false(weft_segq_try_dequeue(queue, &value));
    weft_segq_destroy(queue, NULL, NULL);
}

/* The same with a segment's last cell: what is in the next segment is inside. */
static void test_a_late_enqueuer_at_the_end(void **state)
{
    const t_env *env = *state;
    weft_segq *queue = new_queue(env);
    void *value;
    put(queue, 1, CELLS - 1);
    for (size_t i = 1; i < CELLS; i++)
        assert_int_equal(take(queue), i);
    (void)weft_i_fetch_add(&first(queue)->given, 1, memory_order_relaxed);
    assert_true(weft_segq_is_empty(queue));
    put(queue, 7, 7);
    assert_false(weft_segq_is_empty(queue));
    assert_int_equal(take(queue), 7);
    assert_false(weft_segq_try_dequeue(queue, &value));
    assert_true(weft_segq_is_empty(queue));
    weft_segq_destroy(queue, NULL, NULL);
}

/* The same at the end of a segment, where nothing follows, and across several cells of enqueue_many. */
static void test_marked_cells(void **state)
{
    const t_env *env = *state;
    weft_segq *queue = new_queue(env);
    void *values[CELLS], *value = NULL;
    for (size_t i = 0; i < CELLS; i++)
        values[i] = t_ptr(i + 1);
    for (size_t i = 0; i < 5; i++) { /* five dequeuers come before the enqueuers */
        size_t number = weft_i_fetch_add(&first(queue)->taken, 1, memory_order_relaxed);
        (void)weft_i_exchange(weft_i_segq_cell(first(queue), number), weft_i_segq_marked(first(queue)),
                              memory_order_relaxed);
    }
    assert_int_equal(weft_segq_enqueue_many(queue, values, CELLS), 0);
    for (size_t i = 0; i < CELLS; i++)
        assert_int_equal(take(queue), i + 1);
    assert_false(weft_segq_try_dequeue(queue, &value));
    (void)weft_i_fetch_add(&first(queue)->given, CELLS, memory_order_relaxed);
    assert_false(weft_segq_try_dequeue(queue, &value));
    put(queue, 9, 9);
    assert_int_equal(take(queue), 9);
    weft_segq_destroy(queue, NULL, NULL);
}

/* ---- many ---- */

static void test_many(void **state)
{
    const t_env *env = *state;
    weft_segq *queue = new_queue(env);
    static void *in[MANY], *out[MANY + 1];
    for (size_t i = 0; i < MANY; i++)
        in[i] = t_ptr(i + 1);
    for (size_t lead = 0; lead < 3; lead++) {
        put(queue, 1, lead);
        assert_int_equal(weft_segq_enqueue_many(queue, in, MANY), 0);
        assert_int_equal(weft_segq_dequeue_many(queue, out, lead), lead);
        assert_int_equal(weft_segq_dequeue_many(queue, out, MANY + 1), MANY);
        for (size_t i = 0; i < MANY; i++)
            assert_int_equal(t_int(out[i]), i + 1);
        assert_true(weft_segq_is_empty(queue));
    }
    assert_int_equal(weft_segq_dequeue_many(queue, out, 5), 0);
    assert_int_equal(weft_segq_dequeue_many(queue, NULL, 5), 0);
    assert_int_equal(weft_segq_dequeue_many(queue, out, 0), 0);
    assert_int_equal(weft_segq_dequeue_many(NULL, out, 5), 0);
    assert_int_equal(weft_segq_enqueue_many(queue, in, (size_t)INT_MAX + 1), -EINVAL);
    assert_true(weft_segq_is_empty(queue));
    weft_segq_destroy(queue, NULL, NULL);
}

/* ---- closing ---- */

static void count_drained(void *value, void *ctx)
{
    CHECK(t_int(value) == ++*(size_t *)ctx);
}

/* With so many values inside: none, a few, a full segment, and more. */
static void test_close(void **state)
{
    const t_env *env = *state;
    static const size_t inside[] = {0, 1, CELLS - 1, CELLS, CELLS + 1, 2 * CELLS};
    for (size_t k = 0, takes = 0; k < T_COUNT(inside);
         takes = !takes, k += !takes) { /* each twice: drained, and taken */
        weft_segq *queue = new_queue(env);
        void *value = NULL, *two[2] = {NULL, NULL};
        size_t drained = 0;
        put(queue, 1, inside[k]);
        assert_false(weft_segq_is_closed(queue));
        weft_segq_close(queue);
        weft_segq_close(queue);
        assert_true(weft_segq_is_closed(queue));
        for (int i = 0; i < 3 * CELLS; i++)
            assert_int_equal(weft_segq_enqueue(queue, &drained), -EPIPE);
        assert_int_equal(weft_segq_enqueue_many(queue, two, 2), -EPIPE);
        assert_int_equal(weft_segq_is_empty(queue), inside[k] == 0);
        if (takes) {
            for (size_t i = 1; i <= inside[k]; i++)
                assert_int_equal(take(queue), i);
            for (int i = 0; i < 3; i++)
                assert_false(weft_segq_try_dequeue(queue, &value));
            assert_true(weft_segq_is_empty(queue) && weft_segq_is_closed(queue));
            drained = inside[k];
        }
        weft_segq_destroy(queue, count_drained, &drained);
        assert_int_equal(drained, inside[k]);
    }
    weft_segq_close(NULL);
    assert_false(weft_segq_is_closed(NULL));
}

/* Closed, or out of memory: refusals use up no numbers, which would run into the closed bit on 32-bit machines. */
static void test_refusals_use_no_numbers(void **state)
{
    t_env *env = *state;
    for (int closed = 0; closed < 2; closed++) {
        weft_segq *queue = new_queue(env);
        void *two[2] = {NULL, NULL};
        put(queue, 1, CELLS);
        if (closed)
            weft_segq_close(queue);
        t_alloc_fail(&env->alloc, 1, true);
        size_t given = weft_i_load(&first(queue)->given, memory_order_relaxed);
        for (int i = 0; i < 100; i++) {
            assert_int_equal(weft_segq_enqueue(queue, two), closed ? -EPIPE : -ENOMEM);
            assert_int_equal(weft_segq_enqueue_many(queue, two, 2), closed ? -EPIPE : -ENOMEM);
        }
        assert_int_equal(weft_i_load(&first(queue)->given, memory_order_relaxed), given);
        t_alloc_fail_never(&env->alloc);
        weft_segq_destroy(queue, NULL, NULL);
    }
}

enum { PRODUCERS = 2, CONSUMERS = 2 };

typedef struct closing {
    weft_segq *queue;
    atomic_size_t next, accepted, taken, sum_in, sum_out; /* values are 1, 2, 3, ... */
} closing;

/* Producers put until they are refused; consumers take until nothing comes after the closing; the last thread closes. */
static void close_beside(unsigned index, void *ctx)
{
    closing *c = ctx;
    void *three[3];
    if (index < PRODUCERS) {
        for (int error = 0; error == 0;) {
            size_t count = 3 - 2 * (atomic_load(&c->next) % 2), from = atomic_fetch_add(&c->next, count) + 1;
            for (size_t i = 0; i < count; i++)
                three[i] = t_ptr(from + i);
            error = count == 1 ? weft_segq_enqueue(c->queue, three[0]) : weft_segq_enqueue_many(c->queue, three, count);
            CHECK(error >= 0 || error == -EPIPE);
            size_t added = error < 0 ? 0 : error > 0 ? (size_t)error : count;
            (void)atomic_fetch_add(&c->accepted, added);
            for (size_t i = 0; i < added; i++)
                (void)atomic_fetch_add(&c->sum_in, (from + i) * (from + i));
        }
    } else if (index < PRODUCERS + CONSUMERS) {
        for (bool closed = false, got = true; !closed || got;) {
            closed = weft_segq_is_closed(c->queue);
            size_t some =
                index % 2 ? weft_segq_dequeue_many(c->queue, three, 3) : weft_segq_try_dequeue(c->queue, &three[0]);
            got = some > 0;
            (void)atomic_fetch_add(&c->taken, some);
            for (size_t i = 0; i < some; i++)
                (void)atomic_fetch_add(&c->sum_out, t_int(three[i]) * t_int(three[i]));
        }
    } else {
        while (atomic_load(&c->taken) < 5000)
            sched_yield();
        weft_segq_close(c->queue);
    }
}

static void test_close_beside_others(void **state)
{
    const t_env *env = *state;
    for (int i = 0; i < T_SCALE(20, 5); i++) {
        closing c = {.queue = new_queue(env)};
        void *value;
        t_run(PRODUCERS + CONSUMERS + 1, close_beside, &c);
        assert_int_equal(atomic_load(&c.accepted), atomic_load(&c.taken));
        assert_int_equal(atomic_load(&c.sum_in), atomic_load(&c.sum_out));
        assert_false(weft_segq_try_dequeue(c.queue, &value));
        weft_segq_destroy(c.queue, NULL, NULL);
    }
}

/* ---- memory ---- */

static void test_bytes_per_element(void **state)
{
    const t_env *env = *state;
    weft_segq *queue = new_queue(env);
    size_t before = t_stats(env->domain).allocated;
    put(queue, 1, 1000 * CELLS);
    assert_true(t_stats(env->domain).allocated - before <= (size_t)9 * 1000 * CELLS);
    weft_segq_destroy(queue, NULL, NULL);
}

/* What segq.h says: a thread that stands still under WEFT_HAZARD holds one segment back, and others a few batches. */
static void test_a_held_segment(void **state)
{
    const t_env *env = *state;
    weft_segq *queue = new_queue(env);
    t_worker holder;
    t_hold hold = {.domain = env->domain, .source = &queue->head};
    t_worker_start(&holder);
    t_worker_do(&holder, t_hold_enter, &hold);
    size_t most = 0, bound = 2 + 2 * WEFT_SEGMENTS;
    for (int i = 0; i < 400 * CELLS; i++) {
        put(queue, 1, 1);
        (void)take(queue);
        if (i % CELLS == 0) {
            size_t pending = t_stats(env->domain).pending;
            most = pending > most ? pending : most;
        }
    }
    if (env->scheme == WEFT_HAZARD)
        assert_true(most <= bound);
    else
        assert_true(most > bound); /* epochs have none */
    t_worker_do(&holder, t_hold_leave, &hold);
    t_worker_end(&holder);
    weft_segq_destroy(queue, NULL, NULL);
}

/* After a burst the memory goes back as the queue is used. */
static void test_after_a_burst(void **state)
{
    const t_env *env = *state;
    weft_segq *queue = new_queue(env);
    enum { BURST = T_SCALE(2000000, 500000) };
    put(queue, 1, BURST);
    size_t full = t_stats(env->domain).allocated;
    for (size_t i = 1; i <= BURST; i++)
        assert_int_equal(take(queue), i);
    for (int i = 0; i < 300 * CELLS; i++) {
        put(queue, 1, 1);
        (void)take(queue);
    }
    size_t few = (size_t)8 * WEFT_SEGMENTS * WEFT_I_SEGMENT_SIZE;
    assert_true(full > 2 * few && t_stats(env->domain).allocated <= few);
    weft_segq_destroy(queue, NULL, NULL);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_any_pointer_is_a_value),
        T_BOTH(test_a_value_of_the_next_segment),
        T_BOTH(test_tail_does_not_stay_behind),
        T_BOTH(test_a_late_enqueuer_holds_nobody_up),
        T_BOTH(test_a_late_enqueuer_at_the_end),
        T_BOTH(test_marked_cells),
        T_BOTH(test_many),
        T_BOTH(test_close),
        T_BOTH(test_refusals_use_no_numbers),
        T_BOTH(test_close_beside_others),
        T_BOTH(test_bytes_per_element),
        T_BOTH(test_a_held_segment),
        T_BOTH(test_after_a_burst),
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
