/* Containers under many threads: no value is lost or taken twice, and the order is kept; and a test of these checks. */
#include "tests/unit/sequence.h"

#include "tests/stress/observe.h"

#include <stdlib.h>

enum { EACH = T_SCALE(60000, 6000), THREADS = 4 };

typedef struct run {
    const container *kind;
    void *sequence;
    atomic_size_t left; /* not yet taken */
    o_log log[2 * THREADS];
} run;

static bool put(run *r, void *value)
{
    return r->kind->put(r->sequence, value) == 0;
}

static bool put_three(run *r, size_t producer, size_t from)
{
    void *values[3] = {o_value(producer, from), o_value(producer, from + 1), o_value(producer, from + 2)};
    return r->kind->put_many(r->sequence, values, 3) == 0;
}

static void take_one(run *r, o_log *log)
{
    void *value;
    if (!r->kind->take(r->sequence, &value))
        return;
    log->value[log->count++] = value;
    atomic_fetch_sub(&r->left, 1);
}

/* Even threads put, singly and in threes, and take now and then; odd ones only take. */
static void produce_and_consume(unsigned index, void *ctx)
{
    run *r = ctx;
    if (index % 2 == 0)
        for (size_t i = 0; i < EACH;) {
            bool three = i % 7 == 0 && i + 3 <= EACH;
            CHECK(three ? put_three(r, index / 2, i) : put(r, o_value(index / 2, i)));
            i += three ? 3 : 1;
            if (i % 5 == 0)
                take_one(r, &r->log[index]);
        }
    while (atomic_load(&r->left) > 0)
        take_one(r, &r->log[index]);
}

static void test_conserves(void **state)
{
    t_env *env = *state;
    run r = {.kind = env->what, .sequence = t_sequence_new(env), .left = (size_t)THREADS * EACH};
    for (size_t i = 0; i < T_COUNT(r.log); i++)
        r.log[i].value = malloc((size_t)THREADS * EACH * sizeof(void *));
    t_run(2 * THREADS, produce_and_consume, &r);
    assert_true(o_conserved(r.log, T_COUNT(r.log), THREADS, EACH));
    if (!r.kind->lifo)
        assert_true(o_in_order(r.log, T_COUNT(r.log)));
    assert_true(r.kind->is_empty(r.sequence));
    for (size_t i = 0; i < T_COUNT(r.log); i++)
        free(r.log[i].value);
    r.kind->destroy(r.sequence, NULL, NULL);
}

/* A thread that puts and takes while no other does gets its own values back, in order. */
static void test_order_when_alone(void **state)
{
    t_env *env = *state;
    const container *kind = env->what;
    void *sequence = t_sequence_new(env), *value;
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(kind->put(sequence, o_value(0, i)), 0);
    for (size_t i = 0; i < 1000; i++) {
        assert_true(kind->take(sequence, &value));
        assert_int_equal(o_sequence(value), kind->lifo ? 999 - i : i);
    }
    kind->destroy(sequence, NULL, NULL);
}

/* The checks notice each fault. */
static void test_checks_can_fail(void **state)
{
    void *all[4] = {o_value(0, 0), o_value(0, 1), o_value(1, 0), o_value(1, 1)};
    o_log log = {all, 4};
    (void)state;
    assert_true(o_conserved(&log, 1, 2, 2) && o_in_order(&log, 1));
    log.count = 3; /* lost */
    assert_false(o_conserved(&log, 1, 2, 2));
    log.count = 4;
    all[3] = all[2]; /* twice */
    assert_false(o_conserved(&log, 1, 2, 2));
    assert_false(o_in_order(&log, 1));
    all[3] = o_value(1, 1);
    all[0] = o_value(0, 1); /* reordered */
    all[1] = o_value(0, 0);
    assert_true(o_conserved(&log, 1, 2, 2));
    assert_false(o_in_order(&log, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks_can_fail),
        T_SEQUENCES(test_conserves),
        T_SEQUENCES(test_order_when_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
