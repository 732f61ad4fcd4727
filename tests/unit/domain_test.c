/* Domains: making, destroying, retiring, statistics, in one thread and a few workers. */
#include "tests/unit/support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void test_create_errors(void **state)
{
    (void)state;
    t_alloc alloc;
    t_alloc_init(&alloc);
    weft_allocator whole = t_allocator(&alloc);
    weft_domain_config config = {.scheme = WEFT_HAZARD};
    weft_domain *domain = (weft_domain *)&config;
    errno = 4711;
    assert_int_equal(weft_domain_create(NULL, NULL), -EINVAL);
    assert_int_equal(weft_domain_create(NULL, &config), -EINVAL);

    config.scheme = (weft_scheme)3;
    assert_int_equal(weft_domain_create(&domain, &config), -EINVAL);
    assert_null(domain);
    config.scheme = (weft_scheme)77;
    domain = (weft_domain *)&config;
    assert_int_equal(weft_domain_create(&domain, &config), -EINVAL);
    assert_null(domain);

    config.scheme = WEFT_EPOCH;
    config.allocator = (weft_allocator){.alloc = whole.alloc, .ctx = whole.ctx};
    domain = (weft_domain *)&config;
    assert_int_equal(weft_domain_create(&domain, &config), -EINVAL);
    assert_null(domain);
    config.allocator = (weft_allocator){.free = whole.free, .ctx = whole.ctx};
    domain = (weft_domain *)&config;
    assert_int_equal(weft_domain_create(&domain, &config), -EINVAL);
    assert_null(domain);

    config.allocator = whole;
    t_alloc_fail(&alloc, 1, true);
    domain = (weft_domain *)&config;
    assert_int_equal(weft_domain_create(&domain, &config), -ENOMEM);
    assert_null(domain);
    assert_int_equal(atomic_load(&alloc.bytes), 0);
    assert_int_equal(errno, 4711);
}

static void test_create_defaults(void **state)
{
    (void)state;
    weft_domain *domain = NULL;
    assert_int_equal(weft_domain_create(&domain, NULL), 0);
    assert_int_equal(weft_i_scheme(domain), WEFT_HAZARD);
    assert_int_equal(weft_domain_destroy(domain), 0);

    weft_domain_config zero;
    memset(&zero, 0, sizeof zero);
    assert_int_equal(weft_domain_create(&domain, &zero), 0);
    assert_int_equal(weft_i_scheme(domain), WEFT_HAZARD);
    assert_int_equal(weft_domain_destroy(domain), 0);

    zero.scheme = WEFT_EPOCH;
    assert_int_equal(weft_domain_create(&domain, &zero), 0);
    assert_int_equal(weft_i_scheme(domain), WEFT_EPOCH);
    assert_int_equal(weft_domain_destroy(domain), 0);
}

static void test_default_domain(void **state)
{
    (void)state;
    weft_domain *domain = weft_default_domain();
    assert_non_null(domain);
    assert_ptr_equal(domain, weft_default_domain());
    assert_int_equal(weft_i_scheme(domain), WEFT_HAZARD);
    assert_int_equal(weft_domain_destroy(domain), -EINVAL);
    assert_int_equal(weft_domain_destroy(NULL), -EINVAL);
}

/* Each function of a domain takes NULL for the default one. */
static void test_null_is_the_default_domain(void **state)
{
    (void)state;
    atomic_int count = 0;
    weft_hook hook;
    int object, held;
    assert_int_equal(weft_domain_attach(NULL), 0);
    size_t retired = t_stats(weft_default_domain()).retired;
    assert_int_equal(weft_retire(NULL, &object, t_count, &count), 0);
    weft_retire_hook(NULL, &hook, &held, sizeof held, t_count, &count);
    assert_int_equal(t_stats(NULL).retired, retired + 2);
    assert_int_equal(t_stats(weft_default_domain()).retired, retired + 2);
    weft_domain_flush(NULL);
    t_barrier(NULL);
    assert_int_equal(atomic_load(&count), 2);
    assert_int_equal(t_stats(NULL).pending, 0);

    weft_guard guard;
    weft_enter(&guard, NULL);
    assert_int_equal(t_stats(weft_default_domain()).guards_held, 1);
    assert_int_equal(weft_domain_barrier(weft_default_domain(), 0), -EBUSY);
    weft_leave(&guard);
    assert_int_equal(t_stats(NULL).guards_held, 0);
}

static void test_retire_errors(void **state)
{
    t_env *env = *state;
    atomic_int count = 0;
    weft_hook hook;
    int object;
    errno = 4711;
    assert_int_equal(weft_retire(env->domain, NULL, t_count, &count), -EINVAL);
    assert_int_equal(weft_retire(env->domain, &object, NULL, &count), -EINVAL);
    weft_retire_hook(env->domain, NULL, &object, sizeof object, t_count, &count);
    weft_retire_hook(env->domain, &hook, NULL, sizeof object, t_count, &count);
    weft_retire_hook(env->domain, &hook, &object, sizeof object, NULL, &count);
    weft_domain_stats(env->domain, NULL);
    assert_int_equal(t_stats(env->domain).retired, 0);

    assert_int_equal(weft_domain_attach(env->domain), 0);
    t_alloc_fail(&env->alloc, 1, true);
    int result = weft_retire(env->domain, &object, t_count, &count);
    t_alloc_fail_never(&env->alloc);
    if (atomic_load(&env->alloc.refused) > 0)
        assert_int_equal(result, -ENOMEM);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&count), result == 0);
    assert_int_equal(errno, 4711);
}

/* What a callback was given, and how often it was called. */
typedef struct seen {
    void *object;
    int calls;
} seen;

static void see(void *object, void *ctx)
{
    seen *s = ctx;
    s->object = object;
    s->calls++;
}

static void test_callback_gets_object_and_ctx_once(void **state)
{
    t_env *env = *state;
    seen first = {0}, second = {0};
    struct {
        int value;
        weft_hook hook;
    } object;
    int plain;
    assert_int_equal(weft_retire(env->domain, &plain, see, &first), 0);
    weft_retire_hook(env->domain, &object.hook, &object, sizeof object, see, &second);
    t_barrier(env->domain);
    t_barrier(env->domain);
    weft_domain_flush(env->domain);
    assert_ptr_equal(first.object, &plain);
    assert_ptr_equal(second.object, &object);
    assert_int_equal(first.calls, 1);
    assert_int_equal(second.calls, 1);
}

static void test_flush_reclaims_own(void **state)
{
    t_env *env = *state;
    atomic_int count = 0;
    static const size_t counts[] = {0, 1, 2, 100, 1023, 1024, 1025, 5000};
    for (size_t i = 0; i < T_COUNT(counts); i++) {
        atomic_store(&count, 0);
        t_retire_many(env->domain, counts[i], &count);
        for (int again = 0; again < 3; again++) /* epochs may need a grace period or two */
            weft_domain_flush(env->domain);
        assert_int_equal(atomic_load(&count), counts[i]);
        assert_int_equal(t_stats(env->domain).pending, 0);
    }
}

/* Without any flush: a thread that goes on retiring reclaims what it retired before. */
static void test_retiring_reclaims(void **state)
{
    t_env *env = *state;
    atomic_int count = 0;
    enum { N = 20000 };
    t_retire_many(env->domain, N, &count);
    weft_domain_statistics stats = t_stats(env->domain);
    assert_true(atomic_load(&count) >= N - 5000);
    assert_int_equal(stats.retired, N);
    assert_int_equal(stats.reclaimed, atomic_load(&count));
    assert_int_equal(stats.pending, N - atomic_load(&count));
    assert_true(stats.pending_peak >= stats.pending);
    assert_true(stats.pending_peak <= 5000);
    t_barrier(env->domain); /* the rest, before `count` goes */
}

static void test_destroy_reclaims_what_is_left(void **state)
{
    t_env *env = *state;
    t_alloc alloc;
    weft_domain *domain = t_domain(env->scheme, &alloc);
    atomic_int count = 0;
    struct {
        weft_hook hook;
        int value;
    } object[10];
    t_retire_many(domain, 3000, &count);
    for (size_t i = 0; i < T_COUNT(object); i++)
        weft_retire_hook(domain, &object[i].hook, &object[i], sizeof object[i], t_count, &count);
    t_domain_done(domain, &alloc);
    assert_int_equal(atomic_load(&count), 3010);
}

static void test_destroy_is_refused_under_a_guard(void **state)
{
    t_env *env = *state;
    atomic_int count = 0;
    weft_guard guard;
    t_worker worker;
    t_hold hold = {.domain = env->domain};
    t_retire_many(env->domain, 1, &count);
    weft_enter(&guard, env->domain);
    assert_int_equal(weft_domain_destroy(env->domain), -EBUSY);
    weft_leave(&guard);
    t_worker_start(&worker);
    t_worker_do(&worker, t_hold_enter, &hold);
    assert_int_equal(weft_domain_destroy(env->domain), -EBUSY);
    t_worker_do(&worker, t_hold_leave, &hold);
    t_worker_end(&worker);
    t_retire_many(env->domain, 1, &count); /* the refusals changed nothing */
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&count), 2);
}

static void test_statistics(void **state)
{
    t_env *env = *state;
    atomic_int count = 0;
    struct {
        weft_hook hook;
        char room[100];
    } object;
    weft_domain_statistics stats = t_stats(env->domain);
    assert_int_equal(stats.threads, 0);
    assert_int_equal(stats.guards_held, 0);
    assert_int_equal(stats.retired, 0);
    assert_int_equal(stats.reclaimed, 0);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.pending_bytes, 0);
    assert_int_equal(stats.pending_peak, 0);
    assert_int_equal(stats.allocated, atomic_load(&env->alloc.bytes));
    assert_int_equal(stats.blocker_age_ns, 0);
    assert_int_equal(stats.blocker_thread, 0);
    for (size_t i = 0; i < T_COUNT(stats.reserved); i++)
        assert_int_equal(stats.reserved[i], 0);

    assert_int_equal(weft_domain_attach(env->domain), 0);
    assert_int_equal(weft_domain_attach(env->domain), 0);
    assert_int_equal(t_stats(env->domain).threads, 1);

    weft_retire_hook(env->domain, &object.hook, &object, sizeof object, t_count, &count);
    t_retire_many(env->domain, 2, &count);
    stats = t_stats(env->domain);
    assert_int_equal(stats.threads, 1);
    assert_int_equal(stats.retired, 3);
    assert_int_equal(stats.reclaimed, 0);
    assert_int_equal(stats.pending, 3);
    assert_int_equal(stats.pending_bytes, sizeof object);
    assert_true(stats.pending_peak >= 3);
    assert_int_equal(stats.allocated, atomic_load(&env->alloc.bytes));

    t_barrier(env->domain);
    stats = t_stats(env->domain);
    assert_int_equal(stats.retired, 3);
    assert_int_equal(stats.reclaimed, 3);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.pending_bytes, 0);
    assert_true(stats.pending_peak >= 3);
    assert_int_equal(stats.allocated, atomic_load(&env->alloc.bytes));
}

static void attach_main(void *ctx)
{
    CHECK(weft_domain_attach(ctx) == 0);
}

static void test_threads_are_counted(void **state)
{
    t_env *env = *state;
    t_worker worker[5];
    for (size_t i = 0; i < T_COUNT(worker); i++) {
        t_worker_start(&worker[i]);
        t_worker_do(&worker[i], attach_main, env->domain);
        assert_int_equal(t_stats(env->domain).threads, i + 1);
    }
    for (size_t i = 0; i < T_COUNT(worker); i++) {
        t_worker_end(&worker[i]);
        assert_int_equal(t_stats(env->domain).threads, T_COUNT(worker) - 1 - i);
    }
}

/* More domains in turn than a thread remembers; objects of one are not touched by another. */
static void test_many_domains_in_turn(void **state)
{
    t_env *env = *state;
    enum { DOMAINS = 40, ROUNDS = 50 };
    static t_alloc alloc[DOMAINS];
    weft_domain *domain[DOMAINS];
    static atomic_int count[DOMAINS];
    for (int d = 0; d < DOMAINS; d++) {
        atomic_store(&count[d], 0);
        domain[d] = t_domain(d % 2 ? WEFT_EPOCH : env->scheme, &alloc[d]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int d = 0; d < DOMAINS; d++) {
            weft_guard guard;
            weft_enter(&guard, domain[d]);
            t_retire_many(domain[d], 1, &count[d]);
            weft_leave(&guard);
            assert_int_equal(t_stats(domain[d]).retired, round + 1);
            assert_int_equal(t_stats(domain[d]).threads, 1);
        }
    }
    for (int d = DOMAINS; d-- > 0;) {
        if (d % 3)
            t_barrier(domain[d]);
        t_domain_done(domain[d], &alloc[d]);
        assert_int_equal(atomic_load(&count[d]), ROUNDS);
    }
}

/* A new domain at a destroyed one's address: what threads remember of the old one must not count for the new one. */
static void test_domains_one_after_the_other(void **state)
{
    t_env *env = *state;
    for (int i = 0; i < 2000; i++) {
        atomic_int count = 0;
        t_alloc alloc;
        weft_domain *domain = t_domain(i % 2 ? WEFT_HAZARD : env->scheme, &alloc);
        t_retire_many(domain, 3, &count);
        assert_int_equal(t_stats(domain).pending, 3);
        t_domain_done(domain, &alloc);
        assert_int_equal(atomic_load(&count), 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_errors),
        cmocka_unit_test(test_create_defaults),
        cmocka_unit_test(test_default_domain),
        cmocka_unit_test(test_null_is_the_default_domain),
        T_BOTH(test_retire_errors),
        T_BOTH(test_callback_gets_object_and_ctx_once),
        T_BOTH(test_flush_reclaims_own),
        T_BOTH(test_retiring_reclaims),
        T_BOTH(test_destroy_reclaims_what_is_left),
        T_BOTH(test_destroy_is_refused_under_a_guard),
        T_BOTH(test_statistics),
        T_BOTH(test_threads_are_counted),
        T_BOTH(test_many_domains_in_turn),
        T_BOTH(test_domains_one_after_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
