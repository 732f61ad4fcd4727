/*
 * weft_shutdown gives back every block in each state in which it may be called. In others it reports that, and changes
 * nothing.
 */
#include "tests/unit/interpose.h"
#include "tests/unit/object.h"
#include "tests/unit/workload.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECONDS = 60 };

static size_t before_first_use;

/* As before the first use. */
static void expect_nothing_kept(void)
{
    weft_domain_statistics s = t_stats(NULL);
    CHECK(t_blocks() == before_first_use);
    CHECK(s.threads == 0 && s.guards_held == 0 && s.pending == 0 && s.pending_bytes == 0 && s.allocated == 0);
    CHECK(s.retired == s.reclaimed && s.blocker_thread == 0);
}

static void expect_shut_down(void)
{
    CHECK(weft_shutdown() == 0);
    expect_nothing_kept();
}

/* weft_shutdown must be refused and change nothing. */
static void expect_busy(void)
{
    weft_domain_statistics before = t_stats(NULL), after;
    size_t blocks = t_blocks();
    errno = 4711;
    CHECK(weft_shutdown() == -EBUSY);
    CHECK(errno == 4711 && t_blocks() == blocks);
    after = t_stats(NULL);
    CHECK(after.threads == before.threads && after.guards_held == before.guards_held &&
          after.allocated == before.allocated);
    CHECK(after.retired == before.retired && after.reclaimed == before.reclaimed);
}

static void pass_through_a_container(uintptr_t values)
{
    void *made;
    void *value;
    CHECK(containers->create(&made, NULL) == 0);
    for (uintptr_t i = 1; i <= values; i++)
        CHECK(containers->put(made, t_ptr(i)) == 0);
    while (containers->take(made, &value))
        ;
    containers->destroy(made, NULL, NULL);
}

/* Leaves something pending and something cached. */
static void use(atomic_int *count)
{
    pass_through_a_container(100);
    t_retire_many(NULL, 10, count);
}

static void test_before_the_first_use(void **state)
{
    (void)state;
    before_first_use = t_blocks();
    expect_shut_down();
}

static void test_all_is_given_back_and_used_again(void **state)
{
    (void)state;
    for (int turn = 0; turn < 3; turn++) {
        atomic_int count = 0;
        t_structures_exercise(NULL, 4);
        pass_through_a_container(20000); /* more than the caches hold, so that the domain has some, too */
        use(&count);
        CHECK(t_blocks() > before_first_use);
        expect_shut_down();
        CHECK(atomic_load(&count) == 10);
        expect_shut_down();
    }
}

static void attach(void *ctx)
{
    (void)ctx;
    CHECK(weft_domain_attach(NULL) == 0);
}

static void test_a_guard_is_held(void **state)
{
    (void)state;
    enum { MORE_THAN_SLOTS = 40 };
    weft_guard guard[MORE_THAN_SLOTS];
    atomic_int count = 0;
    use(&count);
    for (int held = 1; held <= MORE_THAN_SLOTS; held += MORE_THAN_SLOTS - 1) {
        for (int i = 0; i < held; i++)
            weft_enter(&guard[i], NULL);
        expect_busy();
        for (int i = 0; i < held - 1; i++)
            weft_leave(&guard[i]);
        expect_busy(); /* the last guard is held; it is linked if there were more than slots */
        weft_leave(&guard[held - 1]);
    }
    CHECK(atomic_load(&count) == 0);
    expect_shut_down();
}

static void test_another_thread_has_a_record(void **state)
{
    (void)state;
    t_worker worker;
    t_hold hold = {.domain = NULL};
    atomic_int count = 0;
    t_worker_start(&worker);
    use(&count);
    expect_shut_down(); /* that thread has not used the library */
    t_worker_do(&worker, attach, NULL);
    expect_busy();
    t_worker_do(&worker, t_hold_enter, &hold);
    expect_busy();
    t_worker_do(&worker, t_hold_leave, &hold);
    expect_busy();
    t_worker_end(&worker);
    expect_shut_down();
}

static void test_structures_and_domains(void **state)
{
    (void)state;
    void *made;
    weft_domain *domain;
    CHECK(containers->create(&made, NULL) == 0);
    CHECK(containers->put(made, &made) == 0);
    expect_busy();
    containers->destroy(made, NULL, NULL);
    expect_shut_down();
    CHECK(weft_domain_create(&domain, NULL) == 0);
    expect_busy();
    t_structures_exercise(domain, 2);
    expect_busy();
    CHECK(weft_domain_destroy(domain) == 0);
    expect_shut_down();
}

static void shut_down_inside(void *object, void *ctx)
{
    (void)object;
    CHECK(weft_shutdown() == -EBUSY);
    atomic_fetch_add((atomic_int *)ctx, 1);
}

static void test_inside_a_callback(void **state)
{
    (void)state;
    atomic_int count = 0;
    weft_domain *domain;
    CHECK(weft_retire(NULL, &count, shut_down_inside, &count) == 0);
    t_barrier(NULL);
    CHECK(weft_domain_create(&domain, NULL) == 0);
    CHECK(weft_retire(domain, &count, shut_down_inside, &count) == 0);
    CHECK(weft_domain_destroy(domain) == 0);
    CHECK(weft_retire(NULL, &count, shut_down_inside, &count) == 0);
    expect_shut_down(); /* the callback calls weft_shutdown, too */
    CHECK(atomic_load(&count) == 3);
}

static void retire_again(void *object, void *ctx)
{
    atomic_int *left = ctx;
    if (atomic_fetch_sub(left, 1) > 1)
        CHECK(weft_retire(NULL, object, retire_again, ctx) == 0);
}

static void test_callbacks_that_retire(void **state)
{
    (void)state;
    atomic_int left = 100;
    CHECK(weft_retire(NULL, &left, retire_again, &left) == 0);
    expect_shut_down();
    CHECK(atomic_load(&left) == 0);
}

static void make_container(void *object, void *ctx)
{
    (void)ctx;
    CHECK(containers->create(object, NULL) == 0);
}

/* What was pending has been reclaimed; all else is unchanged. */
static void test_a_callback_that_makes_a_structure(void **state)
{
    (void)state;
    void *made = NULL;
    atomic_int count = 0;
    use(&count);
    CHECK(weft_retire(NULL, &made, make_container, NULL) == 0);
    CHECK(weft_shutdown() == -EBUSY);
    CHECK(made != NULL && atomic_load(&count) == 10 && t_stats(NULL).threads == 1);
    containers->destroy(made, NULL, NULL);
    expect_shut_down();
}

static void end_thread(void *object, void *ctx)
{
    t_count(object, ctx);
    pthread_exit(NULL);
}

static void *shut_down_to_the_end(void *ctx)
{
    use(ctx);
    CHECK(weft_retire(NULL, ctx, end_thread, ctx) == 0);
    CHECK(weft_shutdown() != 0);
    return ctx;
}

static void test_a_callback_that_ends_the_thread(void **state)
{
    (void)state;
    atomic_int count = 0;
    pthread_t thread;
    void *result = &count;
    CHECK(pthread_create(&thread, NULL, shut_down_to_the_end, &count) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == NULL);
    expect_shut_down();
    CHECK(atomic_load(&count) == 11);
}

static void shut_down_late(void *ctx)
{
    use(ctx);
    expect_shut_down();
    use(ctx);
}

/* In a destructor that runs after the exit hook: the thread has no record then. */
static void test_after_the_exit_hook(void **state)
{
    (void)state;
    atomic_int count = 0;
    t_last last;
    t_last_start(&last, NULL, shut_down_late, &count);
    t_last_join(&last);
    expect_shut_down();
    CHECK(atomic_load(&count) == 20);
}

static void *use_and_end(void *used)
{
    atomic_int count = 0;
    use(&count);
    t_barrier(NULL);
    sem_post(used);
    return NULL;
}

/* A thread that is not joined has a record until its exit hook has run. */
static void test_a_thread_that_is_just_ending(void **state)
{
    (void)state;
    sem_t used;
    size_t busy = 0;
    CHECK(sem_init(&used, 0, 0) == 0);
    for (int turn = 0; turn < T_SCALE(2000, 200); turn++) {
        pthread_t thread;
        int error;
        CHECK(pthread_create(&thread, NULL, use_and_end, &used) == 0);
        CHECK(pthread_detach(thread) == 0);
        t_sem_wait(&used);
        for (; (error = weft_shutdown()) == -EBUSY; busy++)
            sched_yield();
        CHECK(error == 0);
        expect_nothing_kept();
    }
    print_message("busy %zu times\n", busy);
    sem_destroy(&used);
}

typedef struct in_child {
    atomic_int *count;
    weft_guard *guard;
} in_child;

static void child(void *ctx)
{
    in_child *c = ctx;
    int retired_before = atomic_load(c->count) + 20; /* ten by the other thread, ten by this one */
    if (c->guard) {
        expect_busy();
        weft_leave(c->guard);
    }
    CHECK(weft_shutdown() == 0); /* the child does not have the other thread */
    CHECK(atomic_load(c->count) == retired_before && t_stats(NULL).allocated == 0);
    CHECK(t_stats(NULL).threads == 0);
    size_t blocks = t_blocks();
    use(c->count);
    CHECK(t_blocks() > blocks && weft_shutdown() == 0 && t_blocks() == blocks);
}

static void use_in_worker(void *count)
{
    use(count);
}

static void test_in_a_forks_child(void **state)
{
    (void)state;
    t_worker worker;
    weft_guard guard;
    atomic_int count = 0;
    t_worker_start(&worker);
    t_worker_do(&worker, use_in_worker, &count);
    use(&count);
    t_in_child(child, &(in_child){&count, NULL}, SECONDS);
    weft_enter(&guard, NULL);
    t_in_child(child, &(in_child){&count, &guard}, SECONDS);
    weft_leave(&guard);
    expect_busy();
    t_worker_end(&worker);
    expect_shut_down();
    CHECK(atomic_load(&count) == 20);
}

static void test_without_memory(void **state)
{
    (void)state;
    t_object object;
    memset(&object, 0, sizeof object);
    t_refuse_memory(true);
    t_retire_sized(NULL, &object);
    CHECK(atomic_load(&object.reclaimed) == 0);
    int error = weft_shutdown();
    t_refuse_memory(false);
    CHECK(error == 0 && atomic_load(&object.reclaimed) == 1);
    expect_nothing_kept();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_the_first_use),
        cmocka_unit_test(test_all_is_given_back_and_used_again),
        cmocka_unit_test(test_a_guard_is_held),
        cmocka_unit_test(test_another_thread_has_a_record),
        cmocka_unit_test(test_structures_and_domains),
        cmocka_unit_test(test_inside_a_callback),
        cmocka_unit_test(test_callbacks_that_retire),
        cmocka_unit_test(test_a_callback_that_makes_a_structure),
        cmocka_unit_test(test_a_callback_that_ends_the_thread),
        cmocka_unit_test(test_after_the_exit_hook),
        cmocka_unit_test(test_a_thread_that_is_just_ending),
        cmocka_unit_test(test_in_a_forks_child),
        cmocka_unit_test(test_without_memory),
    };
    atomic_store(&t_key_create.refuse, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
