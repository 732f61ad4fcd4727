/*
 * A thread that ends at each atomic operation of each operation in turn, by pthread_exit or cancelled: nothing is lost
 * but what that one operation was about, the others go on, and everything can be drained, reclaimed and destroyed.
 */
#include "tests/faults/places.h"

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

int main(int count, char **argument)
{
    return p_main("ended", test_ended, count > 1 ? argument[1] : NULL);
}
