/* Barriers, callbacks that use the library, and an epoch counter that wraps. */
#include "tests/unit/object.h"

#include "tests/support/containers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void test_barrier_with_nothing_to_do(void **state)
{
    t_env *env = *state;
    assert_int_equal(weft_domain_barrier(env->domain, 0), 0);
    assert_int_equal(weft_domain_barrier(env->domain, 1000000), 0);
    assert_int_equal(weft_domain_barrier(env->domain, UINT64_MAX), 0);
}

static void test_barrier_reclaims_own(void **state)
{
    t_env *env = *state;
    for (size_t n = 1; n <= 10000; n *= 10) {
        atomic_int count = 0;
        t_retire_many(env->domain, n, &count);
        t_barrier(env->domain);
        assert_int_equal(atomic_load(&count), n);
    }
}

static void test_barrier_is_refused_under_own_guard(void **state)
{
    t_env *env = *state;
    atomic_int count = 0;
    weft_guard outer, inner;
    t_retire_many(env->domain, 1, &count);
    weft_enter(&outer, env->domain);
    weft_enter(&inner, env->domain);
    assert_int_equal(weft_domain_barrier(env->domain, UINT64_MAX), -EBUSY);
    weft_leave(&outer);
    assert_int_equal(weft_domain_barrier(env->domain, 0), -EBUSY);
    weft_leave(&inner);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&count), 1);
}

/* While a thread sleeps with a guard, the barrier times out. It succeeds once the guard has been left. */
static void test_barrier_times_out(void **state)
{
    t_env *env = *state;
    t_object o = {0};
    weft_atomic_ptr source;
    t_worker worker;
    t_hold hold = {.domain = env->domain, .source = &source};
    atomic_int count = 0;
    weft_ptr_store(&source, &o);
    t_worker_start(&worker);
    t_worker_do(&worker, t_hold_enter, &hold);
    assert_ptr_equal(hold.seen, &o);
    weft_ptr_store(&source, NULL);
    t_retire(env->domain, &o);
    t_retire_many(env->domain, 2000, &count);
    assert_int_equal(weft_domain_barrier(env->domain, 0), -ETIMEDOUT);
    assert_int_equal(weft_domain_barrier(env->domain, 1), -ETIMEDOUT);
    assert_int_equal(weft_domain_barrier(env->domain, 5000000), -ETIMEDOUT);
    assert_int_equal(atomic_load(&o.reclaimed), 0);
    if (env->scheme == WEFT_HAZARD) {
        assert_int_equal(atomic_load(&count), 2000); /* a hazard holds back one object, and no other */
        assert_int_equal(t_stats(env->domain).pending, 1);
    }
    t_worker_do(&worker, t_hold_leave, &hold);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&o.reclaimed), 1);
    assert_int_equal(atomic_load(&count), 2000);
    assert_int_equal(t_stats(env->domain).pending, 0);
    t_worker_end(&worker);
}

/* A barrier does not wait for a guard that was entered after the retirement. */
static void test_barrier_ignores_later_guards(void **state)
{
    t_env *env = *state;
    t_worker worker;
    t_hold hold = {.domain = env->domain};
    atomic_int count = 0;
    t_worker_start(&worker);
    t_retire_many(env->domain, 10, &count);
    weft_domain_flush(env->domain);
    t_worker_do(&worker, t_hold_enter, &hold);
    assert_int_equal(weft_domain_barrier(env->domain, UINT64_MAX), 0);
    assert_int_equal(atomic_load(&count), 10);
    t_worker_do(&worker, t_hold_leave, &hold);
    t_worker_end(&worker);
}

typedef struct retirement {
    weft_domain *domain;
    size_t n;
    atomic_int count;
} retirement;

static void retire_some(void *ctx)
{
    retirement *r = ctx;
    t_retire_many(r->domain, r->n, &r->count);
}

/* A barrier also reclaims what idle threads have retired. */
static void test_barrier_reclaims_for_idle_threads(void **state)
{
    t_env *env = *state;
    t_worker worker[3];
    for (size_t n = 1; n <= 10000; n *= 10) {
        retirement r = {.domain = env->domain, .n = n};
        for (size_t i = 0; i < T_COUNT(worker); i++) {
            t_worker_start(&worker[i]);
            t_worker_do(&worker[i], retire_some, &r);
        }
        t_barrier(env->domain);
        assert_int_equal(atomic_load(&r.count), T_COUNT(worker) * n);
        assert_int_equal(t_stats(env->domain).pending, 0);
        for (size_t i = 0; i < T_COUNT(worker); i++) {
            t_worker_do(&worker[i], retire_some, &r); /* they go on as before */
            t_worker_end(&worker[i]);
        }
        t_barrier(env->domain);
        assert_int_equal(atomic_load(&r.count), 2 * T_COUNT(worker) * n);
    }
}

/* ---- callbacks ---- */

/* A chain: each callback retires the next link, until none is left. */
typedef struct chain {
    weft_domain *domain;
    int left, calls;
    bool nested; /* a callback ran inside a callback */
    bool running;
    int barrier, destroy; /* their results */
} chain;

static void retire_next(void *object, void *ctx)
{
    chain *c = ctx;
    free(object);
    c->nested |= c->running;
    c->running = true;
    c->calls++;
    c->barrier = weft_domain_barrier(c->domain, UINT64_MAX);
    c->destroy = weft_domain_destroy(c->domain);
    if (c->left-- > 0)
        CHECK(weft_retire(c->domain, malloc(1), retire_next, c) == 0);
    weft_domain_flush(c->domain);
    c->running = false;
}

static void test_callbacks_retire(void **state)
{
    t_env *env = *state;
    chain c = {.domain = env->domain, .left = 3000};
    assert_int_equal(weft_retire(env->domain, malloc(1), retire_next, &c), 0);
    for (int i = 0; i < 20000 && c.calls < 3001; i++)
        t_barrier(env->domain);
    assert_int_equal(c.calls, 3001);
    assert_false(c.nested);
    assert_int_equal(c.barrier, -EBUSY);
    assert_int_equal(c.destroy, -EBUSY);
    assert_int_equal(t_stats(env->domain).pending, 0);
}

/* Destroying reclaims everything, also what callbacks retire meanwhile. */
static void count_and_retire(void *object, void *ctx)
{
    retirement *r = ctx;
    free(object);
    atomic_fetch_add(&r->count, 1);
    if (r->n > 0) {
        r->n--;
        CHECK(weft_retire(r->domain, malloc(1), count_and_retire, r) == 0);
    }
}

static void test_destroy_runs_callbacks_that_retire(void **state)
{
    t_env *env = *state;
    t_alloc alloc;
    retirement r = {.domain = t_domain(env->scheme, &alloc), .n = 5000};
    assert_int_equal(weft_retire(r.domain, malloc(1), count_and_retire, &r), 0);
    t_domain_done(r.domain, &alloc);
    assert_int_equal(atomic_load(&r.count), 5001);
}

typedef struct user {
    weft_domain *domain;
    void *each[CONTAINERS];
    atomic_int calls;
} user;

/* Uses structures of the very domain that is reclaiming, and guards. */
static void use_structures(void *object, void *ctx)
{
    user *u = ctx;
    void *value = NULL;
    weft_guard guard;
    weft_atomic_ptr source;
    weft_ptr_store(&source, object);
    weft_enter(&guard, u->domain);
    CHECK(weft_protect(&guard, &source) == object);
    for (int i = 0; i < 3; i++) {
        for (size_t c = 0; c < CONTAINERS; c++)
            CHECK(containers[c].put(u->each[c], object) == 0);
        for (size_t c = 0; c < CONTAINERS; c++)
            CHECK(containers[c].take(u->each[c], &value) && value == object);
    }
    weft_leave(&guard);
    atomic_fetch_add(&u->calls, 1);
    free(object);
}

static void test_callbacks_use_structures(void **state)
{
    t_env *env = *state;
    user u = {.domain = env->domain};
    enum { N = 6000 };
    for (size_t c = 0; c < CONTAINERS; c++)
        assert_int_equal(containers[c].create(&u.each[c], env->domain), 0);
    for (int i = 0; i < N; i++)
        assert_int_equal(weft_retire(env->domain, malloc(1), use_structures, &u), 0);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&u.calls), N);
    for (size_t c = 0; c < CONTAINERS; c++)
        containers[c].destroy(u.each[c], NULL, NULL);
}

/* A callback may make and destroy structures and domains of its own. */
static void make_and_destroy(void *object, void *ctx)
{
    user *u = ctx;
    weft_domain *domain = NULL;
    void *made = NULL;
    CHECK(weft_domain_create(&domain, NULL) == 0);
    CHECK(containers->create(&made, domain) == 0);
    CHECK(containers->put(made, object) == 0);
    containers->destroy(made, t_count_free, &u->calls);
    CHECK(weft_domain_destroy(domain) == 0);
}

static void test_callbacks_make_and_destroy(void **state)
{
    t_env *env = *state;
    user u = {.domain = env->domain};
    for (int i = 0; i < 50; i++)
        assert_int_equal(weft_retire(env->domain, malloc(1), make_and_destroy, &u), 0);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&u.calls), 50);
}

/* ---- the epoch counter wraps ---- */

static void test_epoch_wraps(void **state)
{
    (void)state;
    for (size_t before = 0; before < 40; before += 2) {
        t_alloc alloc;
        weft_domain *domain = t_domain(WEFT_EPOCH, &alloc);
        weft_i_domain_head *head = (weft_i_domain_head *)(void *)domain;
        t_object o = {0};
        atomic_int count = 0;
        weft_guard guard;
        weft_i_store(&head->epoch, SIZE_MAX - before, memory_order_seq_cst);
        for (int round = 0; round < 30; round++) {
            atomic_store(&o.reclaimed, 0);
            t_retire_many(domain, 10, &count);
            weft_enter(&guard, domain);
            t_retire(domain, &o);
            assert_int_equal(t_stats(domain).guards_held, 1);
            for (int i = 0; i < 25; i++) { /* the guard's epoch stays behind, on either side of the wrap */
                t_retire_many(domain, 1, &count);
                weft_domain_flush(domain);
                assert_int_equal(atomic_load(&o.reclaimed), 0);
            }
            weft_leave(&guard);
            t_barrier(domain);
            assert_int_equal(atomic_load(&o.reclaimed), 1);
            assert_int_equal(atomic_load(&count), (round + 1) * 35);
        }
        assert_true(weft_i_load(&head->epoch, memory_order_seq_cst) % 2 == 1);
        t_domain_done(domain, &alloc);
    }
}

static void retire_and_collect(void *ctx)
{
    retirement *r = ctx;
    t_retire_many(r->domain, r->n, &r->count);
    weft_domain_flush(r->domain);
}

/* A guard entered before the wrap is older than one entered after it, and may also hold what is retired after it. */
static void test_guards_on_both_sides_of_the_wrap(void **state)
{
    t_worker older, newer, other;
    weft_domain *domain = t_domain(WEFT_EPOCH, NULL);
    weft_i_domain_head *head = (weft_i_domain_head *)(void *)domain;
    t_hold before = {.domain = domain}, after = {.domain = domain};
    retirement early = {.domain = domain, .n = 1}, late = {.domain = domain, .n = 1};
    (void)state;
    t_worker_start(&older);
    t_worker_start(&newer);
    t_worker_start(&other);
    weft_i_store(&head->epoch, SIZE_MAX, memory_order_seq_cst);
    t_worker_do(&older, t_hold_enter, &before);
    retire_and_collect(&early); /* sealed in the last epoch before the wrap */
    assert_int_equal(weft_i_load(&head->epoch, memory_order_seq_cst), 1);
    t_worker_do(&newer, t_hold_enter, &after);
    weft_domain_flush(domain);
    assert_int_equal(atomic_load(&early.count), 0);
    t_worker_do(&newer, t_hold_leave, &after);
    t_worker_do(&other, retire_and_collect, &late);
    assert_int_equal(atomic_load(&late.count), 0);
    t_worker_do(&older, t_hold_leave, &before);
    t_barrier(domain);
    assert_int_equal(atomic_load(&early.count), 1);
    assert_int_equal(atomic_load(&late.count), 1);
    t_worker_end(&older);
    t_worker_end(&newer);
    t_worker_end(&other);
    t_domain_done(domain, NULL);
}

/* ---- callbacks of other threads ---- */

typedef struct waiting {
    weft_domain *domain;
    sem_t running, go_on;
} waiting;

static void wait_inside(void *object, void *ctx)
{
    waiting *w = ctx;
    (void)object;
    sem_post(&w->running);
    t_sem_wait(&w->go_on);
}

static void retire_and_flush(void *ctx)
{
    waiting *w = ctx;
    CHECK(weft_retire(w->domain, w, wait_inside, w) == 0);
    weft_domain_flush(w->domain);
}

/* A barrier returns only after the callbacks that other threads were running have returned. */
static void test_barrier_waits_for_callbacks(void **state)
{
    t_env *env = *state;
    waiting w = {.domain = env->domain};
    t_worker worker;
    assert_int_equal(sem_init(&w.running, 0, 0), 0);
    assert_int_equal(sem_init(&w.go_on, 0, 0), 0);
    t_worker_start(&worker);
    t_worker_tell(&worker, retire_and_flush, &w);
    t_sem_wait(&w.running);
    assert_int_equal(weft_domain_barrier(env->domain, 0), -ETIMEDOUT);
    assert_int_equal(weft_domain_barrier(env->domain, 20000000), -ETIMEDOUT);
    sem_post(&w.go_on);
    t_sem_wait(&worker.done);
    t_barrier(env->domain);
    t_worker_end(&worker);
    sem_destroy(&w.running);
    sem_destroy(&w.go_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_barrier_with_nothing_to_do),
        T_BOTH(test_barrier_reclaims_own),
        T_BOTH(test_barrier_is_refused_under_own_guard),
        T_BOTH(test_barrier_times_out),
        T_BOTH(test_barrier_ignores_later_guards),
        T_BOTH(test_barrier_reclaims_for_idle_threads),
        T_BOTH(test_barrier_waits_for_callbacks),
        T_BOTH(test_callbacks_retire),
        T_BOTH(test_destroy_runs_callbacks_that_retire),
        T_BOTH(test_callbacks_use_structures),
        T_BOTH(test_callbacks_make_and_destroy),
        cmocka_unit_test(test_epoch_wraps),
        cmocka_unit_test(test_guards_on_both_sides_of_the_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
