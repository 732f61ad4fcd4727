/*
 * A signal handler enters, protects and leaves in balance, while its thread is anywhere inside the same functions. A
 * handler that waits for a lock of its own thread would hang, so the tests run in children with an alarm.
 */
#include "tests/unit/support.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECONDS = 100, SIGNALS = T_SCALE(30000, 3000), ALIVE = 0x600d };

typedef struct shared {
    weft_domain *domain;
    weft_atomic_ptr object; /* replaced all the time */
    pthread_t target;
    atomic_int handled;
    atomic_bool stop;
    pthread_mutex_t checkpoint;
} shared;

static shared the_shared;

static void free_object(void *object, void *ctx)
{
    (void)ctx;
    CHECK(*(uint64_t *)object == ALIVE);
    *(uint64_t *)object = 0;
    free(object);
}

static uint64_t *new_object(void)
{
    uint64_t *object = malloc(sizeof *object);
    CHECK(object != NULL);
    *object = ALIVE;
    return object;
}

static void read_object(weft_guard *guard)
{
    const uint64_t *object = weft_protect(guard, &the_shared.object);
    CHECK(*object == ALIVE);
}

static void on_signal(int number)
{
    weft_guard outer, inner;
    (void)number;
    weft_enter(&outer, the_shared.domain);
    read_object(&outer);
    weft_enter(&inner, the_shared.domain);
    weft_guard_set(&inner, weft_protect(&outer, &the_shared.object));
    weft_guard_refresh(&outer);
    read_object(&outer);
    weft_leave(&outer);
    weft_leave(&inner);
    atomic_fetch_add(&the_shared.handled, 1);
}

static void *send_signals(void *ctx)
{
    (void)ctx;
    while (!atomic_load(&the_shared.stop)) {
        int before = atomic_load(&the_shared.handled);
        CHECK(pthread_kill(the_shared.target, SIGUSR1) == 0);
        for (int i = 0; i < 20; i++) {
            void *old = weft_ptr_load(&the_shared.object);
            weft_ptr_store(&the_shared.object, new_object());
            CHECK(weft_retire(the_shared.domain, old, free_object, NULL) == 0);
        }
        if (atomic_load(&the_shared.handled) ==
            before) /* both may have one core, with a signal for each of its turns */
            sched_yield();
    }
    return NULL;
}

/* `depth` guards at once: a few take a fast path, more open slots, and those beyond 32 are linked under a lock. */
static void read_nested(size_t depth)
{
    weft_guard guard[40];
    for (size_t i = 0; i < depth; i++) {
        weft_enter(&guard[i], the_shared.domain);
        read_object(&guard[i]);
    }
    for (size_t i = 0; i < depth; i++)
        weft_leave(&guard[depth % 2 ? i : depth - 1 - i]);
}

static void interrupted(weft_scheme scheme, size_t depth)
{
    shared *s = &the_shared;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    pthread_t sender;
    t_alloc alloc;
    s->domain = t_domain(scheme, &alloc);
    s->target = pthread_self();
    CHECK(pthread_mutex_init(&s->checkpoint, NULL) == 0);
    weft_ptr_store(&s->object, new_object());
    read_nested(1);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(pthread_create(&sender, NULL, send_signals, NULL) == 0);
    while (atomic_load(&s->handled) < SIGNALS) {
        for (int i = 0; i < 50; i++)
            read_nested(depth);
        sched_yield();
        pthread_mutex_lock(&s->checkpoint); /* the thread sanitizer delivers signals in calls that it knows */
        pthread_mutex_unlock(&s->checkpoint);
    }
    atomic_store(&s->stop, true);
    CHECK(pthread_join(sender, NULL) == 0);
    fprintf(stderr, "%d signals handled\n", atomic_load(&s->handled));
    CHECK(t_stats(s->domain).guards_held == 0);
    CHECK(weft_retire(s->domain, weft_ptr_load(&s->object), free_object, NULL) == 0);
    t_barrier(s->domain);
    t_domain_done(s->domain, &alloc);
}

typedef struct how {
    weft_scheme scheme;
    size_t depth;
} how;

static void child(void *ctx)
{
    const how *h = ctx;
    interrupted(h->scheme, h->depth);
}

static void at_depth(void **state, size_t depth)
{
    how h = {((const t_case *)*state)->scheme, depth};
    t_in_child(child, &h, SECONDS);
}

static void test_handler_in_a_loop(void **state)
{
    at_depth(state, 1);
}

static void test_handler_in_nested_guards(void **state)
{
    at_depth(state, 7);
}

static void test_handler_in_linked_guards(void **state)
{
    at_depth(state, 36);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"test_handler_in_a_loop (hazard)", test_handler_in_a_loop, NULL, NULL, &t_hazard},
        {"test_handler_in_a_loop (epoch)", test_handler_in_a_loop, NULL, NULL, &t_epoch},
        {"test_handler_in_nested_guards (hazard)", test_handler_in_nested_guards, NULL, NULL, &t_hazard},
        {"test_handler_in_nested_guards (epoch)", test_handler_in_nested_guards, NULL, NULL, &t_epoch},
        {"test_handler_in_linked_guards (hazard)", test_handler_in_linked_guards, NULL, NULL, &t_hazard},
        {"test_handler_in_linked_guards (epoch)", test_handler_in_linked_guards, NULL, NULL, &t_epoch},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
