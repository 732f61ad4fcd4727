/* Threads that come and go: records and places are reused, and nothing that a thread leaves behind is lost. */
#include "tests/unit/object.h"
#include "tests/unit/workload.h"

#include "tests/unit/interpose.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHORT_LIVED = T_SCALE(10000, 1000) };

/* ---- records are reused ---- */

static void use_a_little(unsigned index, void *ctx)
{
    t_structures_use(ctx, index % 7, 2);
}

static void test_short_lived_threads_reuse_records(void **state)
{
    t_env *env = *state;
    t_structures s;
    t_structures_open(&s, env->domain);
    t_run_in_turn(20, use_a_little, &s);
    t_barrier(env->domain);
    weft_domain_flush(env->domain);
    size_t before = t_stats(env->domain).allocated, records = atomic_load(&t_posix_memalign.calls);
    t_run_in_turn(SHORT_LIVED, use_a_little, &s);
    t_barrier(env->domain);
    weft_domain_flush(env->domain);
    weft_domain_statistics stats = t_stats(env->domain);
    assert_int_equal(atomic_load(&t_posix_memalign.calls), records);
    assert_true(stats.threads <= 1); /* this one, by its flush */
    print_message("%d threads one after the other: no new record, %zu bytes held before and %zu after\n", SHORT_LIVED,
                  before, stats.allocated);
    assert_true(stats.allocated <= before + 16384);
    assert_int_equal(stats.pending, 0);
    t_structures_close(&s);
}

/* The same with many at a time: there are no more records than threads alive at once. */
static void test_waves_of_threads(void **state)
{
    t_env *env = *state;
    enum { WAVE = 16 };
    t_structures s;
    t_structures_open(&s, env->domain);
    t_run(WAVE, t_structures_body, &s);
    t_run(WAVE, t_structures_body, &s);
    size_t records = atomic_load(&t_posix_memalign.calls);
    for (int i = 0; i < T_SCALE(100, 10); i++)
        t_run(WAVE, t_structures_body, &s);
    assert_true(atomic_load(&t_posix_memalign.calls) <= records + WAVE);
    assert_true(t_stats(env->domain).threads <= 1);
    t_structures_close(&s);
}

enum { CROWD = 200 };

typedef struct crowd {
    t_structures s;
    pthread_barrier_t all_hold, all_left;
    t_object object[CROWD];
    weft_domain *domain;
} crowd;

/* All hold a guard at the same time, and retire what their neighbour holds. */
static void crowd_body(unsigned index, void *ctx)
{
    crowd *c = ctx;
    t_object *mine = &c->object[index], *neighbour = &c->object[(index + 1) % CROWD];
    weft_guard guard;
    weft_enter(&guard, c->domain);
    weft_guard_set(&guard, mine);
    pthread_barrier_wait(&c->all_hold);
    t_retire(c->domain, neighbour);
    t_structures_use(&c->s, index, 3);
    CHECK(atomic_load(&mine->reclaimed) == 0);
    weft_leave(&guard);
    pthread_barrier_wait(&c->all_left);
    t_structures_use(&c->s, index, 3);
}

static void test_a_crowd(void **state)
{
    t_env *env = *state;
    crowd *c = calloc(1, sizeof *c);
    CHECK(c != NULL);
    c->domain = env->domain;
    CHECK(pthread_barrier_init(&c->all_hold, NULL, CROWD) == 0);
    CHECK(pthread_barrier_init(&c->all_left, NULL, CROWD) == 0);
    t_structures_open(&c->s, env->domain);
    t_run(CROWD, crowd_body, c);
    t_structures_close(&c->s);
    for (size_t i = 0; i < CROWD; i++)
        assert_int_equal(atomic_load(&c->object[i].reclaimed), 1);
    assert_true(t_stats(env->domain).threads <= 1);
    pthread_barrier_destroy(&c->all_hold);
    pthread_barrier_destroy(&c->all_left);
    free(c);
}

/* ---- what an ended thread leaves ---- */

typedef struct leaving {
    weft_domain *domain;
    size_t n;
    atomic_int count;
    t_object object;
    weft_guard *guards; /* where the guards lie; NULL: on the thread's stack */
} leaving;

static void retire_and_end(unsigned index, void *ctx)
{
    leaving *l = ctx;
    (void)index;
    t_retire_many(l->domain, l->n, &l->count);
}

/* Objects retired by ended threads: any thread's flush reclaims them, and so does a thread that goes on retiring. */
static void test_exit_with_retired_objects(void **state)
{
    t_env *env = *state;
    static const size_t counts[] = {1, 100, 1023, 1024, 1025, 3000};
    for (size_t i = 0; i < T_COUNT(counts); i++) {
        leaving l = {.domain = env->domain, .n = counts[i]};
        t_run(3, retire_and_end, &l);
        for (int again = 0; again < 3; again++)
            weft_domain_flush(env->domain);
        assert_int_equal(atomic_load(&l.count), 3 * counts[i]);
        assert_int_equal(t_stats(env->domain).pending, 0);
    }
    leaving l = {.domain = env->domain, .n = 500};
    atomic_int own = 0;
    t_run(3, retire_and_end, &l);
    t_retire_many(env->domain, 20000, &own);
    assert_int_equal(atomic_load(&l.count), 1500);
    t_barrier(env->domain);
}

/* Guards that a thread did not leave count as left at its end; linked ones too, if their memory is still there. */
static void enter_and_end(unsigned index, void *ctx)
{
    leaving *l = ctx;
    weft_guard here[40], *guard = l->guards ? l->guards + index * T_COUNT(here) : here;
    for (size_t i = 0; i < l->n; i++) {
        weft_enter(&guard[i], l->domain);
        weft_guard_set(&guard[i], &l->object);
    }
}

static void test_exit_with_guards_held(void **state)
{
    t_env *env = *state;
    static weft_guard room[3 * 40];
    static const size_t counts[] = {1, 5, 32, 33, 40};
    for (size_t i = 0; i < T_COUNT(counts); i++) {
        for (int on_stack = 0; on_stack < (counts[i] > 32 ? 1 : 2); on_stack++) {
            leaving l = {.domain = env->domain, .n = counts[i], .guards = on_stack ? NULL : room};
            t_run(3, enter_and_end, &l);
            assert_int_equal(t_stats(env->domain).guards_held, 0);
            t_retire(env->domain, &l.object);
            t_barrier(env->domain);
            assert_int_equal(atomic_load(&l.object.reclaimed), 1);
        }
    }
}

static void retire_held(void *ctx)
{
    leaving *l = ctx;
    t_retire(l->domain, &l->object);
}

/* An ended thread's retired objects wait for the thread that holds them. */
static void test_exit_with_held_objects(void **state)
{
    t_env *env = *state;
    t_worker holder, ended;
    leaving l = {.domain = env->domain, .n = 10};
    t_hold hold = {.domain = env->domain, .pointer = &l.object};
    t_worker_start(&holder);
    t_worker_start(&ended);
    t_worker_do(&holder, t_hold_enter, &hold);
    t_worker_do(&ended, retire_held, &l);
    t_worker_end(&ended);
    t_run(1, retire_and_end, &l);
    for (int i = 0; i < 3; i++)
        weft_domain_flush(env->domain);
    assert_int_equal(atomic_load(&l.object.reclaimed), 0);
    t_worker_do(&holder, t_hold_leave, &hold);
    t_worker_end(&holder);
    for (int i = 0; i < 3; i++)
        weft_domain_flush(env->domain);
    assert_int_equal(atomic_load(&l.object.reclaimed), 1);
    assert_int_equal(atomic_load(&l.count), 10);
}

/* ---- late use ---- */

/* A key destructor that runs after the library's, and sets its key again for up to as many rounds as libc allows. */
typedef struct late {
    pthread_key_t key;
    t_structures s;
    atomic_int runs, count;
    int rounds; /* how often it sets its key again */
} late;

static late the_late;
static __thread int rounds_left;

static void late_destructor(void *value)
{
    late *l = value;
    t_object o = {0};
    weft_guard guard, second;
    atomic_fetch_add(&l->runs, 1);
    t_structures_use(&l->s, 1, 3);
    weft_enter(&guard, l->s.domain);
    weft_enter(&second, l->s.domain);
    weft_guard_set(&guard, &o);
    t_retire(l->s.domain, &o);
    CHECK(t_reclaimed(l->s.domain, &o) == 0);
    weft_leave(&guard);
    weft_leave(&second);
    CHECK(weft_domain_barrier(l->s.domain, UINT64_MAX) == 0);
    CHECK(atomic_load(&o.reclaimed) == 1);
    t_retire_many(l->s.domain, 3, &l->count);
    int attached = weft_domain_attach(l->s.domain); /* either answer, as long as all works */
    CHECK(attached == 0 || attached == -ENOMEM);
    if (rounds_left-- > 0)
        CHECK(pthread_setspecific(l->key, l) == 0);
}

static void late_body(unsigned index, void *ctx)
{
    late *l = ctx;
    if (index % 2) /* used before, or first used in the destructor */
        t_structures_use(&l->s, 1, 1);
    rounds_left = l->rounds;
    CHECK(pthread_setspecific(l->key, l) == 0);
}

static void test_use_in_late_destructors(void **state)
{
    t_env *env = *state;
    late *l = &the_late;
    memset(l, 0, sizeof *l);
    t_structures_open(&l->s, env->domain);
    t_structures_use(&l->s, 0, 1); /* the library's key comes first */
    CHECK(pthread_key_create(&l->key, late_destructor) == 0);
    /* the thread sanitizer itself ends in the last round: code that it watches must not run after that */
    for (l->rounds = 0; l->rounds < (WEFT_I_TSAN ? 3 : 4); l->rounds++) {
        atomic_store(&l->runs, 0);
        t_run_in_turn(100, late_body, l);
        t_barrier(env->domain);
        size_t before = t_stats(env->domain).allocated, records = atomic_load(&t_posix_memalign.calls);
        t_run_in_turn(T_SCALE(1000, 200), late_body, l);
        assert_true(atomic_load(&l->runs) >= T_SCALE(1100, 300) * (l->rounds < 3 ? l->rounds + 1 : 3));
        t_barrier(env->domain);
        weft_domain_statistics stats = t_stats(env->domain);
        assert_int_equal(stats.guards_held, 0);
        assert_int_equal(stats.pending, 0);
        assert_true(stats.threads <= 1);
        assert_true(stats.allocated <= before + 65536);
        assert_true(atomic_load(&t_posix_memalign.calls) <= records + 8);
    }
    CHECK(pthread_key_delete(l->key) == 0);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&l->count) % 3, 0);
    t_structures_close(&l->s);
}

/* ---- the process's end ---- */

static atomic_int at_exit_count;

static void at_exit_use(void)
{
    t_structures_exercise(NULL, 0);
    t_retire_many(NULL, 2000, &at_exit_count);
}

/* Exits with objects retired in the default domain and others retired by what exit() calls. */
static void exit_in_the_middle(void *ctx)
{
    int late_use = *(int *)ctx;
    if (late_use)
        CHECK(atexit(at_exit_use) == 0);
    t_retire_many(NULL, 100, &at_exit_count);
    weft_guard guard;
    if (!late_use) /* a barrier is refused while this thread holds a guard */
        weft_enter(&guard, NULL);
    exit(0);
}

static void test_process_exit(void **state)
{
    (void)state;
    for (int late_use = 0; late_use < 2; late_use++)
        t_in_child(exit_in_the_middle, &late_use, 60);
}

/* The main thread may end before others do; it leaves its guard and hands over what it had retired. */
static void *outlive_main(void *ctx)
{
    while (t_stats(NULL).guards_held > 0)
        (void)sched_yield();
    while (t_stats(NULL).threads > 0)
        (void)sched_yield();
    weft_domain_flush(NULL);
    CHECK(atomic_load((atomic_int *)ctx) == 100);
    _exit(0);
}

static void end_main_thread(void *ctx)
{
    static atomic_int count;
    pthread_t other;
    weft_guard guard;
    (void)ctx;
    t_retire_many(NULL, 100, &count);
    weft_enter(&guard, NULL);
    CHECK(pthread_create(&other, NULL, outlive_main, &count) == 0);
    pthread_exit(NULL);
}

static void test_main_thread_exit(void **state)
{
    (void)state;
    t_in_child(end_main_thread, NULL, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_short_lived_threads_reuse_records),
        T_BOTH(test_waves_of_threads),
        T_BOTH(test_a_crowd),
        T_BOTH(test_exit_with_retired_objects),
        T_BOTH(test_exit_with_guards_held),
        T_BOTH(test_exit_with_held_objects),
        T_BOTH(test_use_in_late_destructors),
        cmocka_unit_test(test_process_exit),
        cmocka_unit_test(test_main_thread_exit),
    };
    atomic_store(&t_key_create.refuse, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
