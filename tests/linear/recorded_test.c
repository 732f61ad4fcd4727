/*
 * Real threads on the real structures, under both schemes: what they did is recorded and must be linearizable. Each
 * round begins with an empty structure whose nodes are the last round's, so that addresses come back. Threads yield now
 * and then between operations, so that fewer cores than threads see more orders; and as parked_test (LIN_PARKED), over a
 * build of the library in which they are held up at any atomic operation inside.
 */
#define _GNU_SOURCE
#include "tests/linear/check.h"
#include "tests/linear/generate.h"
#include "tests/linear/recorder.h"
#include "tests/linear/timeline.h"
#include "tests/unit/support.h"

#ifdef LIN_PARKED
#include "tests/linear/park.h"
#endif

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <weft/hashmap/split_map.h>
#include <weft/queues/msq.h>
#include <weft/stacks/treiber.h>

enum { THREADS = 4, OPERATIONS = 2500, ROUNDS = T_SCALE(40, 5), KEYS = 12, MOST = OPERATIONS + THREADS * OPERATIONS };

/* What is recorded: the structure, or one that only looks like it. */
typedef struct structure {
    lin_type type;
    bool (*put)(void *object, int64_t value);
    int64_t (*take)(void *object); /* 0: empty */
    bool (*insert)(void *object, int64_t key, int64_t value);
} structure;

static bool msq_put(void *object, int64_t value)
{
    return weft_msq_enqueue(object, t_ptr((uintptr_t)value)) == 0;
}

static int64_t msq_take(void *object)
{
    void *value;
    return weft_msq_try_dequeue(object, &value) ? (int64_t)t_int(value) : 0;
}

static bool treiber_put(void *object, int64_t value)
{
    return weft_treiber_push(object, t_ptr((uintptr_t)value)) == 0;
}

static int64_t treiber_take(void *object)
{
    void *value;
    return weft_treiber_try_pop(object, &value) ? (int64_t)t_int(value) : 0;
}

static bool map_insert(void *object, int64_t key, int64_t value)
{
    return weft_map_insert(object, t_ptr((uintptr_t)key), t_ptr((uintptr_t)value)) == 0;
}

/* Says that it inserted when the key was there. */
static bool map_insert_always(void *object, int64_t key, int64_t value)
{
    (void)map_insert(object, key, value);
    return true;
}

typedef struct round {
    const structure *what;
    void *object;
    uint64_t seed;
    lin_log log[THREADS + 1];
    int64_t first_value;
    atomic_uint ready;
} round;

static void on_sequence(round *r, lin_log *log, lin_random *random, int64_t value)
{
    bool queue = r->what->type == LIN_QUEUE;
    if (lin_below(random, 100) < 52) {
        lin_operation *op = lin_call(log, queue ? LIN_ENQUEUE : LIN_PUSH, 0, value);
        CHECK(r->what->put(r->object, value));
        lin_return(op, LIN_NOTHING, 0);
    } else {
        lin_operation *op = lin_call(log, queue ? LIN_DEQUEUE : LIN_POP, 0, 0);
        int64_t taken = r->what->take(r->object);
        lin_return(op, taken ? LIN_VALUE : LIN_NOTHING, taken);
    }
}

/* `last`: by key, what this thread last read there, to be expected. */
static void on_map(round *r, lin_log *log, lin_random *random, int64_t value, int64_t *last)
{
    int64_t key = (int64_t)lin_below(random, KEYS), *seen = &last[key];
    void *k = t_ptr((uintptr_t)key), *found = NULL;
    lin_operation *op = lin_call(log, LIN_GET + lin_below(random, LIN_MAP_KINDS - LIN_GET), key, value);
    switch (op->kind) {
    case LIN_REPLACE: {
        static const lin_result answers[] = {LIN_TRUE, LIN_FALSE, LIN_NOTHING};
        op->result = *seen ? *seen : value;
        int error = weft_map_compare_and_replace(r->object, k, t_ptr((uintptr_t)op->result), t_ptr((uintptr_t)value));
        lin_return(op, answers[error == -EAGAIN ? 1 : error == -ENOENT ? 2 : 0], op->result);
        return;
    }
    case LIN_GET_OR_INSERT:
        if (weft_map_get_or_insert(r->object, NULL, k, t_ptr((uintptr_t)value), &found) == 0)
            found = NULL;
        break;
    case LIN_GET:
        found = weft_map_get(r->object, NULL, k);
        break;
    case LIN_PUT:
        CHECK(weft_map_put(r->object, k, t_ptr((uintptr_t)value), &found) >= 0);
        break;
    case LIN_INSERT:
        lin_return(op, r->what->insert(r->object, key, value) ? LIN_TRUE : LIN_FALSE, 0);
        return;
    default:
        lin_return(op, weft_map_remove(r->object, k, NULL) ? LIN_TRUE : LIN_FALSE, 0);
        return;
    }
    lin_return(op, found ? LIN_VALUE : LIN_NOTHING, (int64_t)t_int(found));
    *seen = op->kind == LIN_PUT || !found ? value : (int64_t)t_int(found);
}

static void work(unsigned index, void *ctx)
{
    round *r = ctx;
    lin_random random = {r->seed + index};
    int64_t last[KEYS] = {0};
    atomic_fetch_add(&r->ready, 1);
    while (atomic_load(&r->ready) < THREADS) /* on its feet: a barrier wakes one after another */
        sched_yield();
    for (int64_t i = 0; i < OPERATIONS; i++) {
        int64_t value = r->first_value + i * THREADS + index;
        if (r->what->type == LIN_MAP)
            on_map(r, &r->log[index], &random, value, last);
        else
            on_sequence(r, &r->log[index], &random, value);
        if (lin_below(&random, 16) == 0)
            sched_yield();
    }
}

/* What is left inside, taken out by one more client; the map is emptied. */
static void drain(round *r)
{
    lin_log *log = &r->log[THREADS];
    for (bool more = true; more && r->what->type != LIN_MAP;) {
        lin_operation *op = lin_call(log, r->what->type == LIN_QUEUE ? LIN_DEQUEUE : LIN_POP, 0, 0);
        int64_t taken = r->what->take(r->object);
        lin_return(op, taken ? LIN_VALUE : LIN_NOTHING, taken);
        more = taken != 0;
    }
    if (r->what->type == LIN_MAP)
        weft_map_clear(r->object);
}

typedef struct total {
    size_t operations, concurrent, violations;
} total;

static void one_round(round *r, total *sum)
{
    lin_history all = {0};
    lin_finding found;
    atomic_store(&r->ready, 0);
    t_run(THREADS, work, r);
    drain(r);
    for (int i = 0; i <= THREADS; i++)
        for (size_t o = 0; o < r->log[i].history.count; o++)
            CHECK(lin_add(&all, r->log[i].history.op[o]));
    lin_check(&all, r->what->type, &found);
    lin_shrink(&found, r->what->type);
    CHECK(found.verdict == LIN_LINEARIZABLE || found.verdict == LIN_VIOLATION);
    if (found.verdict == LIN_VIOLATION && sum->violations++ == 0) {
        print_message("%s\n", found.why);
        if (found.window.count <= 40)
            (void)lin_draw_text(stdout, &found.window);
    }
    sum->operations += all.count;
    sum->concurrent += lin_concurrent(&all);
    lin_free(&found.window);
    lin_free(&all);
    for (int i = 0; i <= THREADS; i++)
        r->log[i].history.count = 0;
}

static total record(const structure *what, void *object, int rounds)
{
    total sum = {0};
    round r = {.what = what, .object = object, .first_value = 1};
    for (int i = 0; i <= THREADS; i++)
        CHECK(lin_log_open(&r.log[i], (uint32_t)i, MOST));
    for (int i = 0; i < rounds; i++) {
        r.seed = (uint64_t)i * 1000;
        one_round(&r, &sum);
    }
    for (int i = 0; i <= THREADS; i++)
        lin_free(&r.log[i].history);
    print_message("%zu operations, %zu beside others, %zu violations\n", sum.operations, sum.concurrent, sum.violations);
    return sum;
}

static void assert_right(total sum)
{
    assert_int_equal(sum.violations, 0);
    assert_true(sum.operations >= (size_t)ROUNDS * THREADS * OPERATIONS);
    assert_true(sum.concurrent > 0);
}

/* ---- the structures, and what is none ---- */

static const structure queue = {LIN_QUEUE, msq_put, msq_take, NULL}, stack = {LIN_STACK, treiber_put, treiber_take, NULL};
static const structure map = {LIN_MAP, NULL, NULL, map_insert}, no_map = {LIN_MAP, NULL, NULL, map_insert_always};
static const structure no_queue = {LIN_QUEUE, treiber_put, treiber_take, NULL}, no_stack = {LIN_STACK, msq_put, msq_take, NULL};

static void test_queue(void **state)
{
    weft_msq *object;
    assert_int_equal(weft_msq_create(&object, ((t_env *)*state)->domain), 0);
    assert_right(record(&queue, object, ROUNDS));
    assert_int_equal(record(&no_stack, object, 3).violations, 3);
    weft_msq_destroy(object, NULL, NULL);
}

static void test_stack(void **state)
{
    weft_treiber *object;
    assert_int_equal(weft_treiber_create(&object, ((t_env *)*state)->domain), 0);
    assert_right(record(&stack, object, ROUNDS));
    assert_int_equal(record(&no_queue, object, 3).violations, 3);
    weft_treiber_destroy(object, NULL, NULL);
}

static void test_map(void **state)
{
    weft_map *object;
    assert_int_equal(weft_map_create(&object, ((t_env *)*state)->domain, NULL), 0);
    assert_right(record(&map, object, ROUNDS));
    assert_int_equal(record(&no_map, object, 3).violations, 3);
    weft_map_destroy(object, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T_BOTH(test_queue), T_BOTH(test_stack), T_BOTH(test_map)};
    lin_clock_choose();
#ifdef LIN_PARKED
    lin_park_set(50, 3000);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    print_message("held up %zu times inside operations\n", lin_parked());
    return failed || lin_parked() < 10000;
#else
    return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
