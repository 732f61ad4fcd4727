/*
 * Forks while other threads hold an allocator's lock, run callbacks, or wait in barriers: the child does not have these
 * threads. And: a fork takes every lock of the library.
 */
#include "tests/unit/object.h"

#include "tests/support/containers.h"
#include "tests/unit/interpose.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <weft/reclaim/state.h>

enum { SECONDS = 20, FORKS = T_SCALE(40, 10), PAIRS = 3000 };

/* ---- allocators with locks ---- */

/*
 * The handlers of WITH_HANDLERS are registered after Weft's, so in the child its lock is released after Weft's locks.
 */
static pthread_mutex_t locks[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
enum { PLAIN, WITH_HANDLERS };

static void lock_before_fork(void)
{
    pthread_mutex_lock(&locks[WITH_HANDLERS]);
}

static void unlock_after_fork(void)
{
    pthread_mutex_unlock(&locks[WITH_HANDLERS]);
}

static void *locked_alloc(size_t size, size_t alignment, void *ctx)
{
    void *memory = NULL;
    pthread_mutex_lock(ctx);
    if (posix_memalign(&memory, alignment < sizeof memory ? sizeof memory : alignment, size) != 0)
        memory = NULL;
    pthread_mutex_unlock(ctx);
    return memory;
}

static void locked_free(void *memory, size_t size, void *ctx)
{
    (void)size;
    pthread_mutex_lock(ctx);
    free(memory);
    pthread_mutex_unlock(ctx);
}

typedef struct traffic {
    weft_domain *domain;
    void *made;
    atomic_bool filled, stop;
} traffic;

/*
 * Fills the caches with nodes. Then it holds the allocator's lock most of the time, but calls no malloc: the thread
 * sanitizer of gcc 12 does not take its own allocator's locks before a fork (llvm-project, pull request 96600).
 */
static void use_memory(void *ctx)
{
    traffic *t = ctx;
    void *value;
    for (uintptr_t i = 1; i <= PAIRS; i++)
        CHECK(containers->put(t->made, t_ptr(i)) == 0);
    while (containers->take(t->made, &value))
        ;
    atomic_store(&t->filled, true);
    while (!atomic_load(&t->stop)) {
        pthread_mutex_lock(t->domain->allocator.ctx);
        sched_yield();
        pthread_mutex_unlock(t->domain->allocator.ctx);
    }
}

static void only_exit(void *ctx)
{
    (void)ctx;
}

static void go_on(void *ctx)
{
    traffic *t = ctx;
    void *value;
    for (int i = 0; i < PAIRS; i++)
        CHECK(containers->put(t->made, ctx) == 0 && containers->take(t->made, &value));
    t_barrier(t->domain);
}

static void fork_beside(int which, weft_scheme scheme, void (*child)(void *ctx))
{
    const weft_domain_config config = {.scheme = scheme, .allocator = {locked_alloc, locked_free, &locks[which]}};
    traffic t = {NULL};
    t_worker worker;
    CHECK(weft_domain_create(&t.domain, &config) == 0);
    CHECK(containers->create(&t.made, t.domain) == 0);
    t_worker_start(&worker);
    t_worker_tell(&worker, use_memory, &t);
    while (!atomic_load(&t.filled))
        usleep(1000);
    for (int i = 0; i < FORKS; i++)
        t_in_child(child, &t, SECONDS);
    atomic_store(&t.stop, true);
    t_sem_wait(&worker.done);
    t_worker_end(&worker);
    containers->destroy(t.made, NULL, NULL);
    CHECK(weft_domain_destroy(t.domain) == 0);
}

static void test_allocators_with_locks(void **state)
{
    const t_case *which = *state;
    fork_beside(PLAIN, which->scheme, only_exit); /* another thread may hold its lock for ever */
    fork_beside(WITH_HANDLERS, which->scheme, go_on);
}

/* ---- callbacks and barriers of others ---- */

typedef struct scene {
    weft_domain *domain;
    sem_t inside, go_on;
    atomic_int count;
    bool orphans;
} scene;

static void wait_inside(void *object, void *ctx)
{
    scene *s = ctx;
    free(object);
    sem_post(&s->inside);
    t_sem_wait(&s->go_on);
}

static void retire_waiting(void *ctx)
{
    scene *s = ctx;
    CHECK(weft_retire(s->domain, malloc(8), wait_inside, s) == 0);
    t_retire_many(s->domain, 100, &s->count);
}

static void run_callbacks(void *ctx)
{
    scene *s = ctx;
    if (!s->orphans)
        retire_waiting(s);
    weft_domain_flush(s->domain);
}

static void attach(void *ctx)
{
    CHECK(weft_domain_attach(((scene *)ctx)->domain) == 0);
}

/* A new thread may get a vanished thread's record. (The thread sanitizer does not know that this one has vanished.) */
static void all_is_reclaimed(void *ctx)
{
    scene *s = ctx;
    t_worker next;
    if (!WEFT_I_TSAN) {
        t_worker_start(&next);
        t_worker_do(&next, attach, s);
    }
    CHECK(weft_domain_barrier(s->domain, UINT64_C(10000000000)) == 0);
    CHECK(atomic_load(&s->count) == 100);
    CHECK(t_stats(s->domain).pending == 0);
    if (!WEFT_I_TSAN)
        t_worker_end(&next);
    CHECK(weft_domain_destroy(s->domain) == 0);
}

/* In the child no thread runs the callback, so a barrier does not wait for it. All other callbacks run. */
static void test_fork_beside_a_callback(void **state)
{
    t_env *env = *state;
    for (int orphans = 0; orphans < 2; orphans++) {
        scene s = {.domain = env->domain, .orphans = orphans};
        t_worker worker;
        sem_init(&s.inside, 0, 0);
        sem_init(&s.go_on, 0, 0);
        if (orphans) {
            t_last last;
            t_last_start(&last, env->domain, retire_waiting, &s);
            t_last_join(&last);
        }
        t_worker_start(&worker);
        t_worker_tell(&worker, run_callbacks, &s);
        t_sem_wait(&s.inside);
        t_in_child(all_is_reclaimed, &s, SECONDS);
        sem_post(&s.go_on);
        t_sem_wait(&worker.done);
        t_worker_end(&worker);
        t_barrier(env->domain);
    }
}

static void wait_for_all(void *ctx)
{
    t_barrier(((scene *)ctx)->domain);
}

/* What a barrier has taken is not lost in the child, which does not have the barrier's thread. */
static void test_fork_beside_a_barrier(void **state)
{
    t_env *env = *state;
    scene s = {.domain = env->domain};
    t_object held = {0};
    t_hold hold = {.domain = env->domain, .pointer = &held};
    t_worker holder, waiter;
    t_worker_start(&holder);
    t_worker_start(&waiter);
    t_worker_do(&holder, t_hold_enter, &hold);
    t_retire(env->domain, &held);
    t_retire_many(env->domain, 100, &s.count);
    t_worker_tell(&waiter, wait_for_all, &s);
    while (env->scheme == WEFT_HAZARD ? atomic_load(&s.count) < 100 : t_stats(env->domain).blocker_thread == 0)
        usleep(1000); /* until the barrier has taken them */
    t_in_child(all_is_reclaimed, &s, SECONDS);
    t_worker_do(&holder, t_hold_leave, &hold);
    t_sem_wait(&waiter.done);
    assert_int_equal(atomic_load(&held.reclaimed), 1);
    t_worker_end(&holder);
    t_worker_end(&waiter);
}

/* ---- the moment of an adoption ---- */

enum { ORPHANS = T_SCALE(400000, 100000), TRIES = 100 };

static int made; /* objects that threads have retired */

static void *retire_and_end(void *ctx)
{
    t_retire_many(((scene *)ctx)->domain, ORPHANS, &((scene *)ctx)->count);
    return NULL;
}

/* The vanished thread had one object in hand, or few. */
static void almost_all_is_reclaimed(void *ctx)
{
    scene *s = ctx;
    CHECK(weft_domain_barrier(s->domain, UINT64_C(10000000000)) == 0);
    CHECK(atomic_load(&s->count) >= made - WEFT_BATCH);
    CHECK(t_stats(s->domain).pending == 0);
}

/*
 * A thread ends, has made orphans of all that it had retired, and sorts them into the domain's lists, when another
 * thread forks. (Under epochs, where a guard can hold back so many that this takes longer than a fork.)
 * On a busy machine the moment may pass unseen: then another thread ends.
 */
static bool ends_under_our_eyes(scene *s, pthread_t *ending)
{
    CHECK(pthread_create(ending, NULL, retire_and_end, s) == 0);
    made += ORPHANS;
    while (weft_i_load(&s->domain->orphan_count, memory_order_relaxed) < ORPHANS / 2) {
        if (pthread_tryjoin_np(*ending, NULL) == 0)
            return false;
        sched_yield();
    }
    return true;
}

static void test_fork_beside_an_adoption(void **state)
{
    t_env *env = *state;
    scene s = {.domain = env->domain};
    t_object held = {0};
    t_hold hold = {.domain = env->domain, .pointer = &held};
    t_worker holder;
    pthread_t ending;
    t_worker_start(&holder);
    t_worker_do(&holder, t_hold_enter, &hold);
    int tries = 0;
    for (made = 0; !ends_under_our_eyes(&s, &ending);)
        CHECK(++tries < TRIES);
    t_in_child(almost_all_is_reclaimed, &s, SECONDS);
    CHECK(pthread_join(ending, NULL) == 0);
    t_worker_do(&holder, t_hold_leave, &hold);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&s.count), made);
    t_worker_end(&holder);
}

/* ---- every lock ---- */

static weft_domain *looked_at;
static int looks;

/* A prepare handler: registered before Weft's, so called after it. */
static void look_at_locks(void)
{
    if (!looked_at)
        return;
    weft_i_mutex *const mutexes[] = {&looked_at->owners, &looked_at->blocker_lock};
    for (size_t i = 0; i < T_COUNT(mutexes); i++)
        CHECK(!weft_i_mutex_trylock(mutexes[i]));
    looks++;
}

static void test_a_fork_takes_every_lock(void **state)
{
    t_env *env = *state;
    CHECK(weft_domain_attach(env->domain) == 0);
    looked_at = env->domain;
    t_in_child(only_exit, NULL, SECONDS);
    looked_at = NULL;
    assert_int_equal(looks, 1);
    looks = 0;
    t_barrier(env->domain);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        {"test_allocators_with_locks (hazard)", test_allocators_with_locks, NULL, NULL, &t_hazard},
        {"test_allocators_with_locks (epoch)", test_allocators_with_locks, NULL, NULL, &t_epoch},
        T_BOTH(test_fork_beside_a_callback),
        T_BOTH(test_fork_beside_a_barrier),
        T_CASE(test_fork_beside_an_adoption, "epoch", &t_epoch),
        T_BOTH(test_a_fork_takes_every_lock),
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    CHECK(pthread_atfork(look_at_locks, NULL, NULL) == 0);
    atomic_store(&t_key_create.refuse, false);
    CHECK(weft_domain_attach(NULL) == 0); /* Weft's handlers */
    CHECK(pthread_atfork(lock_before_fork, unlock_after_fork, unlock_after_fork) == 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
