/*
 * A thread ends at each atomic operation of each operation in turn, by pthread_exit or cancellation. Only what that
 * operation was about is lost, other threads go on, and everything can be drained, reclaimed and destroyed.
 */
#include "tests/faults/places.h"

#include <stdlib.h>

enum { WORK = T_SCALE(2000, 200) };

static void end(void *ctx)
{
    (void)ctx;
    pthread_exit(NULL);
}

static void be_cancelled(void *ctx)
{
    (void)ctx;
    CHECK(pthread_cancel(pthread_self()) == 0);
    pthread_testcancel();
    CHECK(!"cancelled");
}

static void test_ended(void **state)
{
    const t_case *which = *state;
    const p_operation *operation = which->what;
    size_t places = 0, done = 0, pending = 0;
    for (bool reached = true; reached; places += reached) {
        p_scene scene;
        p_open(&scene, which->scheme);
        reached = p_run(&scene, operation, places, places % 2 ? be_cancelled : end, NULL);
        p_others(&scene, WORK);
        done += atomic_load(&scene.others_done);
        CHECK(weft_domain_barrier(scene.domain, UINT64_MAX) == 0);
        pending += t_stats(scene.domain).pending;
        p_close(&scene, 1);
    }
    print_message("%s: ended at %zu places, others did %zu operations after it, %zu objects left behind in all\n",
                  operation->name, places, done, pending);
    assert_true(places >= 2);
    assert_true(pending <= places * 8);
}

/* ---- a reclaim callback that ends its thread ---- */

static atomic_bool to_end;

static void end_thread(void *object, void *ctx)
{
    (void)ctx;
    free(object);
    if (atomic_exchange(&to_end, false))
        pthread_exit(NULL);
}

typedef struct caller {
    weft_domain *domain;
    void (*call)(weft_domain *domain);
    int retired; /* objects that this thread has retired before */
} caller;

static void retire_some(weft_domain *domain, int n)
{
    for (int i = 0; i < n; i++)
        CHECK(weft_retire(domain, malloc(8), end_thread, NULL) == 0);
}

static void call_and_end(unsigned index, void *ctx)
{
    const caller *c = ctx;
    (void)index;
    CHECK(weft_domain_attach(c->domain) == 0);
    retire_some(c->domain, c->retired);
    atomic_store(&to_end, true);
    c->call(c->domain);
    CHECK(!"ended");
}

static void barrier(weft_domain *domain)
{
    CHECK(weft_domain_barrier(domain, UINT64_MAX) == 0);
}

static void retire_until_it_ends(weft_domain *domain)
{
    for (;;)
        retire_some(domain, 1);
}

static void only_retire(void *ctx)
{
    retire_some(ctx, 20); /* orphans: more than a batch, and some are left after it */
}

static void test_a_callback_ends_its_thread(void **state)
{
    static void (*const calls[])(weft_domain *) = {weft_domain_flush, barrier, retire_until_it_ends};
    const weft_domain_config config = {.scheme = ((const t_case *)*state)->scheme};
    for (size_t i = 0; i < T_COUNT(calls); i++)
        for (int retired = 0; retired < 2; retired++) {
            caller c = {NULL, calls[i], 5 * retired};
            CHECK(weft_domain_create(&c.domain, &config) == 0);
            t_last last;
            t_last_start(&last, c.domain, only_retire, c.domain);
            t_last_join(&last);
            t_run(1, call_and_end, &c);
            retire_some(c.domain, 20);
            CHECK(weft_domain_barrier(c.domain, UINT64_MAX) == 0);
            CHECK(t_stats(c.domain).pending <= 64);
            CHECK(weft_domain_destroy(c.domain) == 0);
        }
}

int main(int count, char **argument)
{
    const struct CMUnitTest callbacks[] = {
        {"a callback ends its thread (hazard)", test_a_callback_ends_its_thread, NULL, NULL, &t_hazard},
        {"a callback ends its thread (epoch)", test_a_callback_ends_its_thread, NULL, NULL, &t_epoch},
    };
    return p_main("ended", test_ended, count > 1 ? argument[1] : NULL) + cmocka_run_group_tests(callbacks, NULL, NULL);
}
