/*
 * A thread is at each atomic operation of its first use of Weft and of a domain's figures, also where it holds a lock,
 * while another thread forks. A signal handler enters a guard there that has no slot. None of them waits for ever.
 */
#include "tests/faults/places.h"

#include "check/history/park.h"

#include <sys/wait.h>
#include <unistd.h>
#include <weft/reclaim/linked.h>

enum { SECONDS = 60, PAUSE_US = 1000 };

typedef struct meeting {
    weft_domain *domain;
    pthread_t forker;
    size_t n, kept_waiting; /* places where the fork has waited for the thread */
    bool reached;
} meeting;

static atomic_bool forking, forked; /* the library's fork handlers are next, or have run; it has forked */

static void about_to_fork(void)
{
    atomic_store(&forking, true);
}

static void *fork_here(void *unused)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    atomic_store(&forked, true);
    CHECK(child > 0 && waitpid(child, NULL, 0) == child);
    return unused;
}

/* If the thread holds a lock that the fork waits for, the forker is by then in the middle of taking the locks. */
static void handle(void *ctx)
{
    meeting *m = ctx;
    weft_guard guard;
    atomic_store(&forking, false);
    atomic_store(&forked, false);
    CHECK(pthread_create(&m->forker, NULL, fork_here, NULL) == 0);
    while (!atomic_load(&forking))
        sched_yield();
    usleep(PAUSE_US);
    weft_i_link_guard(&guard, m->domain);
    weft_i_unlink_guard(&guard, m->domain);
    m->kept_waiting += !atomic_load(&forked);
}

static void *use(void *ctx)
{
    meeting *m = ctx;
    lin_park_at(m->n, handle, m);
    CHECK(weft_domain_attach(m->domain) == 0);
    CHECK(t_stats(m->domain).threads == 1);
    weft_domain_flush(m->domain);
    m->reached = !lin_park_cancel();
    return NULL;
}

static void test_handler_beside_a_fork(void **state)
{
    const t_env *env = *state;
    meeting m = {.domain = env->domain, .reached = true};
    for (; m.reached; m.n += m.reached) {
        pthread_t user;
        alarm(SECONDS); /* a deadlock */
        CHECK(pthread_create(&user, NULL, use, &m) == 0);
        CHECK(pthread_join(user, NULL) == 0);
        CHECK(!m.reached || pthread_join(m.forker, NULL) == 0);
        alarm(0);
    }
    print_message("at %zu places, the fork waited at %zu\n", m.n, m.kept_waiting);
    assert_true(m.n > 20 && m.kept_waiting > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T_BOTH(test_handler_beside_a_fork)};
    CHECK(pthread_atfork(about_to_fork, NULL, NULL) == 0); /* registered later, so it runs before the library's */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
