/*
 * Reclamation interrupts no thread if those that were asked have not run since (reclaim/handshake.h): here they sleep,
 * with or without a guard. And one interrupt serves all who have waited for it.
 */
#include "tests/unit/interpose.h"
#include "tests/unit/object.h"

enum { BATCH = 1024, SLEEPERS = 3, BATCHES = T_SCALE(200, 50), FEW = 3 };

static void pass(void *ctx)
{
    weft_guard guard;
    weft_atomic_ptr nothing;
    weft_ptr_store(&nothing, NULL);
    weft_enter(&guard, ctx);
    CHECK(weft_protect(&guard, &nothing) == NULL);
    weft_leave(&guard);
}

static size_t interrupts(void)
{
    return atomic_load(&t_membarrier.calls);
}

/* Returns how often it interrupted the other threads. */
static size_t retire_batches(weft_domain *domain, atomic_int *count)
{
    size_t before = interrupts();
    t_retire_many(domain, BATCHES * BATCH, count);
    return interrupts() - before;
}

static void test_sleepers_cost_no_interrupts(void **state)
{
    t_env *env = *state;
    t_worker sleeper[SLEEPERS], holder;
    t_object held = {0};
    t_hold hold = {.domain = env->domain, .pointer = &held};
    atomic_int count = 0;
    bool bounded = env->scheme == WEFT_HAZARD;
    for (int i = 0; i < SLEEPERS; i++) {
        t_worker_start(&sleeper[i]);
        t_worker_do(&sleeper[i], pass, env->domain);
    }
    t_worker_start(&holder);
    t_worker_do(&holder, t_hold_enter, &hold);
    t_retire(env->domain, &held);
    for (int round = 0; round < 3; round++) {
        assert_in_range(retire_batches(env->domain, &count), WEFT_I_TSAN ? 0 : 1, FEW);
        assert_int_equal(retire_batches(env->domain, &count), 0);
        for (int i = 0; i < SLEEPERS; i++)
            t_worker_do(&sleeper[i], pass, env->domain); /* answers, and sleeps again */
    }
    if (bounded) /* all but the last batches */
        assert_in_range(atomic_load(&count), (6 * BATCHES - 4) * BATCH, 6 * BATCHES * BATCH);
    assert_int_equal(t_reclaimed(env->domain, &held), 0);
    t_worker_do(&holder, t_hold_leave, &hold);
    t_barrier(env->domain);
    assert_int_equal(t_reclaimed(env->domain, &held), 1);
    assert_int_equal(atomic_load(&count), 6 * BATCHES * BATCH);
    for (int i = 0; i < SLEEPERS; i++)
        t_worker_end(&sleeper[i]);
    t_worker_end(&holder);
}

typedef struct batch {
    weft_domain *domain;
    size_t size;
    atomic_int reclaimed;
} batch;

static void retire_batch(void *ctx)
{
    batch *b = ctx;
    t_retire_many(b->domain, b->size, &b->reclaimed);
}

/* Two threads wait for a sleeper's answer; the first to lose patience interrupts it. The sleeper then comes by once more. */
static void test_fences_are_shared(void **state)
{
    enum { SEALED = BATCH + 1, IMPATIENT = BATCH / 2 + BATCH / 8, PATIENT = BATCH + BATCH / 8 };
    t_env *env = *state;
    t_worker sleeper, other;
    batch own = {.domain = env->domain, .size = SEALED}, others = own;
    t_worker_start(&sleeper);
    t_worker_start(&other);
    t_worker_do(&sleeper, pass, env->domain);
    retire_batch(&own);
    t_worker_do(&other, retire_batch, &others);
    size_t before = interrupts();
    own.size = IMPATIENT;
    retire_batch(&own);
    assert_int_equal(interrupts() - before, !WEFT_I_TSAN);
    t_worker_do(&sleeper, pass, env->domain);
    others.size = PATIENT;
    t_worker_do(&other, retire_batch, &others);
    assert_int_equal(interrupts() - before, !WEFT_I_TSAN);
    t_worker_end(&sleeper);
    t_worker_end(&other);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&own.reclaimed) + atomic_load(&others.reclaimed), 2 * SEALED + IMPATIENT + PATIENT);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {T_BOTH(test_sleepers_cost_no_interrupts), T_BOTH(test_fences_are_shared)};
    atomic_store(&t_key_create.refuse, false);
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
