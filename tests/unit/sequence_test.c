/* Queue and stack, one thread: every function, every error, the order of what comes out. */
#include "tests/unit/sequence.h"

#include <errno.h>
#include <string.h>

#include <weft/stacks/treiber.h>

enum { MANY = 10000 };

/* The values that a drain was given. */
typedef struct drained {
    size_t count;
    uintptr_t value[64];
} drained;

static void drain(void *value, void *ctx)
{
    drained *d = ctx;
    if (d->count < T_COUNT(d->value))
        d->value[d->count] = t_int(value);
    d->count++;
}

/* The value that comes out as the ith of n that went in as 1 to n. */
static uintptr_t nth_out(const container *kind, size_t i, size_t n)
{
    return kind->lifo ? n - i : i + 1;
}

static void fill(const container *kind, void *sequence, size_t n)
{
    for (size_t i = 1; i <= n; i++)
        assert_int_equal(kind->put(sequence, t_ptr(i)), 0);
}

static void test_null_sequence(void **state)
{
    const t_env *env = *state;
    const container *kind = env->what;
    void *value = t_ptr(7);
    void *values[1] = {t_ptr(1)};
    drained d = {0};
    errno = 4711;
    assert_int_equal(kind->put(NULL, t_ptr(1)), -EINVAL);
    assert_int_equal(kind->put_many(NULL, values, 1), -EINVAL);
    assert_false(kind->take(NULL, &value));
    assert_int_equal(t_int(value), 7);
    assert_true(kind->is_empty(NULL));
    kind->destroy(NULL, drain, &d);
    assert_int_equal(d.count, 0);
    assert_int_equal(errno, 4711);
}

static void test_create_errors(void **state)
{
    t_env *env = *state;
    const container *kind = env->what;
    void *sequence = t_ptr(1);
    assert_int_equal(kind->create(NULL, env->domain), -EINVAL);
    t_alloc_fail(&env->alloc, 1, true);
    assert_int_equal(kind->create(&sequence, env->domain), -ENOMEM);
    assert_null(sequence);
    t_alloc_fail_never(&env->alloc);
}

static void test_null_domain_is_the_default_one(void **state)
{
    const container *kind = ((t_env *)*state)->what;
    void *sequence = NULL;
    assert_int_equal(kind->create(&sequence, NULL), 0);
    fill(kind, sequence, 3);
    assert_int_equal(t_take(kind, sequence), nth_out(kind, 0, 3));
    kind->destroy(sequence, NULL, NULL);
    t_barrier(NULL);
}

static void test_empty(void **state)
{
    const t_env *env = *state;
    const container *kind = env->what;
    void *sequence = t_sequence_new(env), *value = t_ptr(7);
    assert_true(kind->is_empty(sequence));
    assert_false(kind->take(sequence, &value));
    assert_int_equal(t_int(value), 7);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(kind->put(sequence, t_ptr(5)), 0);
        assert_false(kind->is_empty(sequence));
        assert_false(kind->take(sequence, NULL)); /* nowhere to put it: it stays */
        assert_false(kind->is_empty(sequence));
        assert_int_equal(t_take(kind, sequence), 5);
        assert_true(kind->is_empty(sequence));
        assert_false(kind->take(sequence, &value));
    }
    kind->destroy(sequence, NULL, NULL);
}

static void test_null_is_a_value(void **state)
{
    const t_env *env = *state;
    const container *kind = env->what;
    void *sequence = t_sequence_new(env), *value = t_ptr(7);
    drained d = {0};
    assert_int_equal(kind->put(sequence, NULL), 0);
    assert_false(kind->is_empty(sequence));
    assert_true(kind->take(sequence, &value));
    assert_null(value);
    assert_int_equal(kind->put(sequence, NULL), 0);
    assert_int_equal(kind->put_many(sequence, (void *[2]){NULL, NULL}, 2), 0);
    kind->destroy(sequence, drain, &d);
    assert_int_equal(d.count, 3);
    assert_int_equal(d.value[0] + d.value[1] + d.value[2], 0);
}

static void test_order(void **state)
{
    const t_env *env = *state;
    const container *kind = env->what;
    void *sequence = t_sequence_new(env);
    for (size_t n = 1; n <= MANY; n *= 10) {
        fill(kind, sequence, n);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(t_take(kind, sequence), nth_out(kind, i, n));
        assert_true(kind->is_empty(sequence));
    }
    kind->destroy(sequence, NULL, NULL);
}

static void test_put_many(void **state)
{
    const t_env *env = *state;
    const container *kind = env->what;
    void *sequence = t_sequence_new(env), *value;
    static void *values[5000];
    for (size_t i = 0; i < T_COUNT(values); i++)
        values[i] = t_ptr(i + 2);
    assert_int_equal(kind->put_many(sequence, NULL, 0), 0);
    assert_int_equal(kind->put_many(sequence, values, 0), 0);
    assert_int_equal(kind->put_many(sequence, NULL, 1), -EINVAL);
    assert_true(kind->is_empty(sequence));

    assert_int_equal(kind->put_many(sequence, values, 1), 0);
    assert_int_equal(t_take(kind, sequence), 2);

    size_t n = T_COUNT(values) + 2; /* one before, all, one after: values 1 to n in order */
    assert_int_equal(kind->put(sequence, t_ptr(1)), 0);
    assert_int_equal(kind->put_many(sequence, values, T_COUNT(values)), 0);
    assert_int_equal(kind->put(sequence, t_ptr(n)), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(t_take(kind, sequence), nth_out(kind, i, n));
    assert_false(kind->take(sequence, &value));
    kind->destroy(sequence, NULL, NULL);
}

/* Random operations, compared with an array from whose front or end values are taken. */
static void test_random_against_array(void **state)
{
    const t_env *env = *state;
    const container *kind = env->what;
    void *sequence = t_sequence_new(env), *value = NULL;
    static uintptr_t model[MANY];
    size_t first = 0, end = 0; /* model[first .. end) is inside */
    t_rng rng = {11};
    uintptr_t next = 1;
    while (end + 8 < MANY) {
        uint64_t r = t_random(&rng);
        if (r % 16 == 0) {
            void *values[8];
            size_t n = r / 16 % 8;
            for (size_t i = 0; i < n; i++)
                values[i] = t_ptr(model[end++] = next++);
            assert_int_equal(kind->put_many(sequence, values, n), 0);
        } else if (r % 16 < 9) {
            assert_int_equal(kind->put(sequence, t_ptr(model[end++] = next++)), 0);
        } else if (kind->take(sequence, &value)) {
            assert_true(first < end);
            assert_int_equal(t_int(value), kind->lifo ? model[--end] : model[first++]);
        } else {
            assert_true(first == end);
        }
        assert_int_equal(kind->is_empty(sequence), first == end);
    }
    kind->destroy(sequence, NULL, NULL);
}

static void test_destroy_drains_in_order(void **state)
{
    const t_env *env = *state;
    const container *kind = env->what;
    for (size_t n = 0; n <= 40; n += 20) {
        void *sequence = t_sequence_new(env);
        drained d = {0};
        fill(kind, sequence, n + 1);
        (void)t_take(kind, sequence);
        kind->destroy(sequence, drain, &d);
        assert_int_equal(d.count, n);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(d.value[i], kind->lifo ? n - i : i + 2);
    }
}

/* A drain may use other structures, and put into them what it is given. */
typedef struct other {
    const container *kind;
    void *sequence;
} other;

static void drain_into_other(void *value, void *ctx)
{
    const other *o = ctx;
    CHECK(o->kind->put(o->sequence, value) == 0);
}

static void test_drain_into_another(void **state)
{
    const t_env *env = *state;
    const container *kind = env->what;
    void *first = t_sequence_new(env);
    other second = {kind, t_sequence_new(env)};
    drained d = {0};
    fill(kind, first, 10);
    kind->destroy(first, drain_into_other, &second);
    kind->destroy(second.sequence, drain, &d);
    assert_int_equal(d.count, 10);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(d.value[i], i + 1); /* reversed twice, or never */
}

static void test_destroy_without_drain(void **state)
{
    const t_env *env = *state;
    const container *kind = env->what;
    void *sequence = t_sequence_new(env);
    fill(kind, sequence, 1000);
    kind->destroy(sequence, NULL, NULL); /* the teardown checks that no memory is left */
}

static void test_domain_is_busy_until_destroyed(void **state)
{
    const t_env *env = *state;
    const container *kind = env->what;
    void *first = t_sequence_new(env), *second = t_sequence_new(env);
    assert_int_equal(weft_domain_destroy(env->domain), -EBUSY);
    fill(kind, first, 2);
    kind->destroy(first, NULL, NULL);
    assert_int_equal(weft_domain_destroy(env->domain), -EBUSY);
    fill(kind, second, 2); /* the refusals changed nothing */
    assert_int_equal(t_take(kind, second), nth_out(kind, 0, 2));
    kind->destroy(second, NULL, NULL);
}

/* Under steady load nodes are recycled, without a call to the allocator. */
static void test_steady_load_does_not_allocate(void **state)
{
    t_env *env = *state;
    const container *kind = env->what;
    void *sequence = t_sequence_new(env);
    for (int i = 0; i < 2 * MANY; i++) {
        fill(kind, sequence, 1);
        (void)t_take(kind, sequence);
    }
    size_t calls = atomic_load(&env->alloc.calls);
    for (int i = 0; i < 2 * MANY; i++) {
        fill(kind, sequence, 1);
        (void)t_take(kind, sequence);
    }
    if (!WEFT_I_ASAN) /* under asan each node is given back, so that a use after free is seen */
        assert_int_equal(atomic_load(&env->alloc.calls), calls);
    kind->destroy(sequence, NULL, NULL);
}

/* Memory for nodes stays bounded: caches are trimmed, and a flush gives them back. */
static void test_memory_is_given_back(void **state)
{
    t_env *env = *state;
    const container *kind = env->what;
    void *sequence = t_sequence_new(env);
    assert_int_equal(weft_domain_attach(env->domain), 0);
    fill(kind, sequence, 1);
    (void)t_take(kind, sequence);
    t_barrier(env->domain);
    weft_domain_flush(env->domain);
    size_t before = t_stats(env->domain).allocated;
    fill(kind, sequence, 5 * MANY);
    size_t words = kind == &containers[CONTAINER_segq] ? 1 : 2; /* a cell; a node */
    assert_true(t_stats(env->domain).allocated >= before + 5 * MANY * words * sizeof(void *));
    for (int i = 0; i < 5 * MANY; i++)
        (void)t_take(kind, sequence);
    t_barrier(env->domain);
    weft_domain_flush(env->domain);
    assert_true(t_stats(env->domain).allocated <= before + 4096);
    kind->destroy(sequence, NULL, NULL);
}

enum {
    APART = 16
}; /* domains made so far apart share a thread's hint, so that each use of one makes it forget the other */

/* A thread without a hint finds its cache again, with what is in it. */
static void test_a_cache_is_found_again(void **state)
{
    t_env *env = *state;
    const container *kind = env->what;
    const weft_domain_config config = {.scheme = env->scheme};
    weft_domain *others[APART];
    void *sequence = t_sequence_new(env), *far;
    for (size_t i = 0; i < APART; i++)
        assert_int_equal(weft_domain_create(&others[i], &config), 0);
    assert_int_equal(kind->create(&far, others[APART - 1]), 0);
    fill(kind, sequence, 100);
    for (int i = 0; i < 100; i++)
        (void)t_take(kind, sequence);
    t_barrier(env->domain);
    size_t before = t_stats(env->domain).allocated;
    for (int i = 0; i < 20 * MANY; i++) {
        fill(kind, sequence, 1);
        fill(kind, far, 1);
        assert_int_equal(t_take(kind, sequence), 1);
        assert_int_equal(t_take(kind, far), 1);
    }
    assert_true(t_stats(env->domain).allocated <= before + 512 * 1024);
    kind->destroy(far, NULL, NULL);
    kind->destroy(sequence, NULL, NULL);
    for (size_t i = 0; i < APART; i++)
        assert_int_equal(weft_domain_destroy(others[i]), 0);
}

static void test_pop_all(void **state)
{
    const t_env *env = *state;
    weft_treiber *stack = t_sequence_new(env);
    const container *kind = env->what;
    drained d = {0};
    assert_int_equal(weft_treiber_pop_all(NULL, drain, &d), 0);
    assert_int_equal(weft_treiber_pop_all(stack, drain, &d), 0);
    assert_int_equal(d.count, 0);
    fill(kind, stack, 50);
    assert_int_equal(weft_treiber_pop_all(stack, drain, &d), 50);
    assert_int_equal(d.count, 50);
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(d.value[i], 50 - i);
    assert_true(weft_treiber_is_empty(stack));
    fill(kind, stack, MANY);
    assert_int_equal(weft_treiber_pop_all(stack, NULL, NULL), MANY);
    assert_true(weft_treiber_is_empty(stack));

    other back = {kind, stack}; /* the callback may use the same stack: the values are out already */
    fill(kind, stack, 10);
    assert_int_equal(weft_treiber_pop_all(stack, drain_into_other, &back), 10);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(t_take(kind, stack), i + 1);
    weft_treiber_destroy(stack, drain, &d);
    assert_int_equal(d.count, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_SEQUENCES(test_null_sequence),
        T_SEQUENCES(test_create_errors),
        T_SEQUENCES(test_null_domain_is_the_default_one),
        T_SEQUENCES(test_empty),
        T_SEQUENCES(test_null_is_a_value),
        T_SEQUENCES(test_order),
        T_SEQUENCES(test_put_many),
        T_SEQUENCES(test_random_against_array),
        T_SEQUENCES(test_destroy_drains_in_order),
        T_SEQUENCES(test_drain_into_another),
        T_SEQUENCES(test_destroy_without_drain),
        T_SEQUENCES(test_domain_is_busy_until_destroyed),
        T_SEQUENCES(test_steady_load_does_not_allocate),
        T_SEQUENCES(test_memory_is_given_back),
        T_SEQUENCES(test_a_cache_is_found_again),
        T_SEQUENCE(test_pop_all, treiber),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
