/*
 * What stalled threads cost. Hazard pointers: pending objects stay within the contract's bound T * (2 * B + H), and
 * every object that is not held is reclaimed. Epochs: no bound, but the statistics name the thread that blocks.
 */
#include "tests/unit/support.h"

#include "tests/support/containers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STALLED = 6, GUARDS = 40, RETIRERS = 4, ROUNDS = T_SCALE(60000, 15000), CELLS = STALLED * GUARDS };

typedef struct shop {
    weft_domain *domain;
    weft_atomic_ptr cell[CELLS]; /* replaced all the time */
    atomic_int live;             /* objects made and not reclaimed */
    atomic_size_t retired;
} shop;

typedef struct stalled {
    t_worker worker;
    shop *shop;
    size_t first; /* the first of its cells */
    weft_guard guard[GUARDS];
    uint64_t *held[GUARDS];
} stalled;

enum { ALIVE = 0x600d, DEAD = 0xdead };

static uint64_t *new_object(shop *s)
{
    uint64_t *object = malloc(sizeof *object);
    CHECK(object != NULL);
    *object = ALIVE;
    atomic_fetch_add(&s->live, 1);
    return object;
}

static void free_object(void *object, void *ctx)
{
    shop *s = ctx;
    CHECK(*(uint64_t *)object == ALIVE);
    *(uint64_t *)object = DEAD;
    atomic_fetch_sub(&s->live, 1);
    free(object);
}

static void stall(void *ctx)
{
    stalled *s = ctx;
    for (size_t i = 0; i < GUARDS; i++) { /* more than 32: some of them are linked */
        weft_enter(&s->guard[i], s->shop->domain);
        s->held[i] = weft_protect(&s->guard[i], &s->shop->cell[s->first + i]);
    }
}

static void go_on(void *ctx)
{
    stalled *s = ctx;
    for (size_t i = 0; i < GUARDS; i++) {
        CHECK(*s->held[i] == ALIVE);
        weft_leave(&s->guard[i]);
    }
}

static void replace_cells(unsigned index, void *ctx)
{
    shop *s = ctx;
    t_rng rng = {index};
    for (int i = 0; i < ROUNDS; i++) {
        weft_atomic_ptr *cell = &s->cell[t_random(&rng) % CELLS];
        weft_guard guard;
        weft_enter(&guard, s->domain);
        void *object = new_object(s), *old = weft_protect(&guard, cell);
        CHECK(*(uint64_t *)old == ALIVE);
        while (!weft_ptr_cas(cell, &old, object))
            ;
        weft_leave(&guard);
        CHECK(weft_retire(s->domain, old, free_object, s) == 0);
        atomic_fetch_add(&s->retired, 1);
    }
}

static shop *new_shop(weft_domain *domain)
{
    shop *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    s->domain = domain;
    for (size_t i = 0; i < CELLS; i++)
        weft_ptr_store(&s->cell[i], new_object(s));
    return s;
}

/* Retires what the cells still hold, and all objects are gone after a barrier. */
static void close_shop(shop *s)
{
    for (size_t i = 0; i < CELLS; i++)
        CHECK(weft_retire(s->domain, weft_ptr_load(&s->cell[i]), free_object, s) == 0);
    t_barrier(s->domain);
    assert_int_equal(atomic_load(&s->live), 0);
    free(s);
}

static stalled *stall_some(shop *s)
{
    stalled *sleepers = calloc(STALLED, sizeof *sleepers);
    CHECK(sleepers != NULL);
    for (size_t i = 0; i < STALLED; i++) {
        sleepers[i].shop = s;
        sleepers[i].first = i * GUARDS;
        t_worker_start(&sleepers[i].worker);
        t_worker_do(&sleepers[i].worker, stall, &sleepers[i]);
    }
    return sleepers;
}

static void wake_all(stalled *sleepers)
{
    for (size_t i = 0; i < STALLED; i++) {
        t_worker_do(&sleepers[i].worker, go_on, &sleepers[i]);
        t_worker_end(&sleepers[i].worker);
    }
    free(sleepers);
}

/* The number of held objects that are not in their cells any more: exactly these must wait. */
static size_t held_and_retired(const stalled *sleepers, shop *s)
{
    size_t n = 0;
    for (size_t i = 0; i < STALLED; i++)
        for (size_t g = 0; g < GUARDS; g++)
            n += weft_ptr_load(&s->cell[i * GUARDS + g]) != sleepers[i].held[g];
    return n;
}

static void test_hazard_bound(void **state)
{
    t_env *env = *state;
    shop *s = new_shop(env->domain);
    stalled *sleepers = stall_some(s);
    assert_int_equal(t_stats(env->domain).guards_held, STALLED * GUARDS);
    t_run(RETIRERS, replace_cells, s);

    size_t t = RETIRERS + 1, h = 3 * (STALLED * GUARDS + RETIRERS), b = h > 1024 ? h : 1024;
    weft_domain_statistics stats = t_stats(env->domain);
    assert_int_equal(stats.retired, atomic_load(&s->retired));
    assert_true(stats.pending_peak <= t * (2 * b + h));
    assert_true(stats.pending <= stats.pending_peak);

    size_t held = held_and_retired(sleepers, s);
    assert_true(held > STALLED * GUARDS / 2);
    weft_domain_flush(env->domain); /* the retirers have ended: a flush reclaims what they left */
    assert_int_equal(t_stats(env->domain).pending, held);
    assert_int_equal(weft_domain_barrier(env->domain, 0), -ETIMEDOUT);
    assert_int_equal(t_stats(env->domain).pending, held);
    assert_int_equal(atomic_load(&s->live), CELLS + held);

    wake_all(sleepers);
    t_barrier(env->domain);
    stats = t_stats(env->domain);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.guards_held, 0);
    close_shop(s);
}

/* One thread that retires much while one sleeps: the bound with T = 2, H = 6, at every step. */
static void test_hazard_bound_holds_at_every_step(void **state)
{
    t_env *env = *state;
    atomic_int count = 0;
    int object;
    t_worker worker;
    t_hold hold = {.domain = env->domain, .pointer = &object};
    t_worker_start(&worker);
    t_worker_do(&worker, t_hold_enter, &hold);
    assert_int_equal(weft_retire(env->domain, &object, t_count, &count), 0);
    for (size_t i = 1; i <= 20000; i++) {
        t_retire_many(env->domain, 1, &count);
        assert_true(i + 1 - (size_t)atomic_load(&count) <= 2 * (2 * 1024 + 6));
    }
    assert_true(t_stats(env->domain).pending_peak <= 2 * (2 * 1024 + 6));
    t_worker_do(&worker, t_hold_leave, &hold);
    t_worker_end(&worker);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&count), 20001);
}

static void test_epochs_wait_for_the_stalled(void **state)
{
    t_env *env = *state;
    shop *s = new_shop(env->domain);
    stalled *sleepers = stall_some(s);
    t_run(RETIRERS, replace_cells, s);
    assert_int_equal(t_stats(env->domain).pending, atomic_load(&s->retired)); /* the guards are older */
    assert_int_equal(weft_domain_barrier(env->domain, 0), -ETIMEDOUT);
    wake_all(sleepers);
    t_barrier(env->domain);
    assert_int_equal(t_stats(env->domain).pending, 0);
    close_shop(s);
}

/* The age counts from the first reclamation that met the guard, by a monotonic clock. */
static void assert_blocked_by(weft_domain *domain, int thread_id)
{
    weft_domain_statistics stats;
    uint64_t age = 0;
    for (int i = 0; i < 1000 && age == 0; i++) {
        weft_domain_flush(domain);
        stats = t_stats(domain);
        assert_int_equal(stats.blocker_thread, thread_id);
        age = stats.blocker_age_ns;
    }
    assert_true(age > 0);
    stats = t_stats(domain);
    assert_true(stats.blocker_age_ns >= age);
    assert_int_equal(stats.blocker_thread, thread_id);
}

static void test_epoch_blocker_is_named(void **state)
{
    t_env *env = *state;
    atomic_int count = 0;
    t_worker first, second;
    t_hold hold[2] = {{.domain = env->domain}, {.domain = env->domain}};
    t_worker_start(&first);
    t_worker_start(&second);

    t_worker_do(&first, t_hold_enter, &hold[0]);
    t_retire_many(env->domain, 3000, &count);
    assert_blocked_by(env->domain, first.thread_id);
    t_worker_do(&second, t_hold_enter, &hold[1]); /* younger: the first still blocks */
    t_retire_many(env->domain, 3000, &count);
    assert_blocked_by(env->domain, first.thread_id);
    t_worker_do(&first, t_hold_leave, &hold[0]);
    t_retire_many(env->domain, 3000, &count);
    assert_blocked_by(env->domain, second.thread_id);
    t_worker_do(&second, t_hold_leave, &hold[1]);

    t_barrier(env->domain);
    assert_int_equal(atomic_load(&count), 9000);
    assert_int_equal(t_stats(env->domain).blocker_thread, 0);
    assert_int_equal(t_stats(env->domain).blocker_age_ns, 0);
    t_worker_end(&first);
    t_worker_end(&second);
}

/* The caller itself may be the blocker. */
static void test_epoch_blocker_is_the_caller(void **state)
{
    t_env *env = *state;
    atomic_int count = 0;
    weft_guard guard;
    weft_enter(&guard, env->domain);
    t_retire_many(env->domain, 10, &count);
    assert_blocked_by(env->domain, (int)syscall(SYS_gettid));
    weft_leave(&guard);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&count), 10);
    assert_int_equal(t_stats(env->domain).blocker_thread, 0);
}

/* A guard that refreshes blocks nothing. */
static void test_refreshing_guard_blocks_nothing(void **state)
{
    t_env *env = *state;
    atomic_int count = 0;
    weft_guard guard;
    weft_enter(&guard, env->domain);
    for (int i = 0; i < 20000; i++) {
        t_retire_many(env->domain, 1, &count);
        weft_guard_refresh(&guard);
    }
    assert_true(atomic_load(&count) > 20000 - 5000);
    weft_leave(&guard);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&count), 20000);
}

static void pairs(void *made, int count)
{
    void *value;
    for (int i = 0; i < count; i++)
        CHECK(containers->put(made, t_ptr(1)) == 0 && containers->take(made, &value));
}

/* Memory that gathered during a stall goes back while the traffic goes on, without a barrier. */
static void test_traffic_gives_back_what_a_stall_left(void **state)
{
    enum { PAIRS = T_SCALE(200000, 20000), MORE = 800000 };
    t_env *env = *state;
    t_worker worker;
    t_hold hold = {.domain = env->domain};
    void *made;
    assert_int_equal(containers->create(&made, env->domain), 0);
    t_worker_start(&worker);
    t_worker_do(&worker, t_hold_enter, &hold);
    pairs(made, PAIRS);
    if (env->scheme == WEFT_EPOCH)
        assert_true(t_stats(env->domain).pending >= PAIRS);
    t_worker_do(&worker, t_hold_leave, &hold);
    pairs(made, MORE);
    assert_true(t_stats(env->domain).pending < 8192);
    assert_true(atomic_load(&env->alloc.bytes) < 1 << 20);
    t_worker_end(&worker);
    containers->destroy(made, NULL, NULL);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        T_CASE(test_hazard_bound, "hazard", &t_hazard),
        T_CASE(test_hazard_bound_holds_at_every_step, "hazard", &t_hazard),
        T_CASE(test_epochs_wait_for_the_stalled, "epoch", &t_epoch),
        T_CASE(test_epoch_blocker_is_named, "epoch", &t_epoch),
        T_CASE(test_epoch_blocker_is_the_caller, "epoch", &t_epoch),
        T_BOTH(test_refreshing_guard_blocks_nothing),
        T_BOTH(test_traffic_gives_back_what_a_stall_left),
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
