/*
 * Forks beside guards that have no slot, which are linked under a lock. fork() waits for more locks after the library's
 * handlers have run: those of malloc, and those of handlers that were registered before. Who holds one of these may be
 * interrupted, and the handler links a guard. So a fork must not hold that lock, and the child begins with the list, and
 * the lock, as another thread has left them anywhere.
 */
#include "tests/faults/places.h"

#include "check/history/park.h"

#include <unistd.h>
#include <weft/reclaim/linked.h>

enum { SECONDS = 60, SLOTS = 32, OWN = SLOTS + 1, LINKED = 3, OTHERS = SLOTS + LINKED };

/* ---- a lock that the fork waits for last ---- */

static pthread_mutex_t last_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool used, about_to_wait;

static void lock_last(void)
{
    if (!atomic_load(&used))
        return;
    atomic_store(&about_to_wait, true);
    pthread_mutex_lock(&last_lock);
}

static void unlock_last(void)
{
    if (atomic_load(&used))
        pthread_mutex_unlock(&last_lock);
}

/* Before the library's constructor, so that this lock comes after its locks. */
__attribute__((constructor(101))) static void before_the_library(void)
{
    CHECK(pthread_atfork(lock_last, unlock_last, unlock_last) == 0);
}

static void only_exit(void *unused)
{
    (void)unused;
}

static void *fork_here(void *unused)
{
    t_in_child(only_exit, NULL, SECONDS);
    return unused;
}

/* The thread that holds the lock stands for one that was interrupted inside malloc. */
static void test_handler_beside_a_fork(void **state)
{
    const t_env *env = *state;
    t_hold hold[OWN];
    pthread_t forker;
    for (int i = 0; i < OWN; i++)
        hold[i] = (t_hold){.domain = env->domain};
    for (int i = 0; i < SLOTS; i++)
        t_hold_enter(&hold[i]);
    alarm(SECONDS); /* a deadlock */
    CHECK(pthread_mutex_lock(&last_lock) == 0);
    atomic_store(&about_to_wait, false);
    atomic_store(&used, true);
    CHECK(pthread_create(&forker, NULL, fork_here, NULL) == 0);
    while (!atomic_load(&about_to_wait))
        sched_yield();
    t_hold_enter(&hold[SLOTS]);
    t_hold_leave(&hold[SLOTS]);
    CHECK(pthread_mutex_unlock(&last_lock) == 0);
    CHECK(pthread_join(forker, NULL) == 0);
    alarm(0);
    atomic_store(&used, false);
    for (int i = 0; i < SLOTS; i++)
        t_hold_leave(&hold[i]);
}

/* ---- another thread changes the list ---- */

typedef struct scene {
    weft_domain *domain;
    uint64_t object[2][2]; /* held by the forking thread, and by the other */
    atomic_int reclaimed;
    t_hold own[OWN], others[OTHERS];
    void (*change)(struct scene *scene);
    size_t n;
    bool reached;
    sem_t entered, linked_between, there, go_on;
} scene;

static void link_one(scene *s)
{
    t_hold_enter(&s->others[OTHERS - 1]);
}

static void unlink_first(scene *s)
{
    t_hold_leave(&s->others[OTHERS - 2]);
}

static void unlink_last(scene *s)
{
    t_hold_leave(&s->others[OTHERS - 3]);
}

static void unlink_all_of_thread(scene *s)
{
    weft_i_unlink_thread(s->domain, weft_i_sys_thread_id()); /* as the exit hook does */
}

static void stay(void *ctx)
{
    scene *s = ctx;
    s->reached = true;
    sem_post(&s->there);
    t_sem_wait(&s->go_on);
}

/* Its guards are in the scene, since it may end while it holds them. */
static void *change_the_list(void *ctx)
{
    scene *s = ctx;
    for (int i = 0; i < OTHERS - 1; i++) {
        if (i == OTHERS - 2) { /* the list: this guard, the forking thread's, and one before */
            sem_post(&s->entered);
            t_sem_wait(&s->linked_between);
        }
        t_hold_enter(&s->others[i]);
    }
    lin_park_at(s->n, stay, s);
    s->change(s);
    if (lin_park_cancel())
        sem_post(&s->there);
    return NULL;
}

static void child(void *ctx)
{
    scene *s = ctx;
    t_hold more = {.domain = s->domain, .pointer = s->object[0]};
    CHECK(t_stats(s->domain).guards_held == OWN);
    t_hold_enter(&more);
    t_hold_leave(&more);
    for (int i = 0; i < 2; i++)
        CHECK(weft_retire(s->domain, s->object[i], t_count, &s->reclaimed) == 0);
    for (int i = 0; i < 3; i++)
        weft_domain_flush(s->domain);
    CHECK(atomic_load(&s->reclaimed) == (weft_i_scheme(s->domain) == WEFT_HAZARD)); /* own guards hold the other */
    for (int i = 0; i < OWN; i++)
        t_hold_leave(&s->own[i]);
    t_barrier(s->domain);
    CHECK(atomic_load(&s->reclaimed) == 2);
}

/* False: the change has fewer than n places. */
static bool fork_at(weft_domain *domain, void (*change)(scene *s), size_t n)
{
    pthread_t other;
    scene s = {.domain = domain, .change = change, .n = n};
    sem_t *const semaphores[] = {&s.entered, &s.linked_between, &s.there, &s.go_on};
    for (size_t i = 0; i < T_COUNT(semaphores); i++)
        CHECK(sem_init(semaphores[i], 0, 0) == 0);
    for (int i = 0; i < OWN; i++)
        s.own[i] = (t_hold){.domain = domain, .pointer = s.object[0]};
    for (int i = 0; i < OTHERS; i++)
        s.others[i] = (t_hold){.domain = domain, .pointer = s.object[1]};
    alarm(SECONDS); /* a deadlock */
    CHECK(pthread_create(&other, NULL, change_the_list, &s) == 0);
    t_sem_wait(&s.entered);
    for (int i = 0; i < OWN; i++)
        t_hold_enter(&s.own[i]);
    sem_post(&s.linked_between);
    t_sem_wait(&s.there);
    if (s.reached)
        t_in_child(child, &s, SECONDS);
    sem_post(&s.go_on);
    CHECK(pthread_join(other, NULL) == 0);
    alarm(0);
    for (int i = 0; i < OWN; i++)
        t_hold_leave(&s.own[i]);
    for (size_t i = 0; i < T_COUNT(semaphores); i++)
        sem_destroy(semaphores[i]);
    return s.reached;
}

static void test_fork_beside_a_change(void **state)
{
    static void (*const change[])(scene * s) = {link_one, unlink_first, unlink_last, unlink_all_of_thread};
    const t_env *env = *state;
    for (size_t i = 0; i < T_COUNT(change); i++) {
        size_t places = 0;
        while (fork_at(env->domain, change[i], places))
            places++;
        assert_true(places >= 1);
        print_message("change %zu: %zu places\n", i, places);
    }
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {T_BOTH(test_handler_beside_a_fork), T_BOTH(test_fork_beside_a_change)};
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
