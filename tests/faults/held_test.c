/*
 * A thread is held at each atomic operation of each operation in turn, until two others have done WORK operations each.
 * They never wait for it, and under hazard pointers what is pending stays within the documented bound.
 */
#include "tests/faults/places.h"

#include <unistd.h>

enum { WORK = T_SCALE(40000, 500), SECONDS = 60, BATCH = 8 };

/* T * (2 * B + H), domain.h: the others, the held one, the main thread and those that ended; a guard or two each. */
enum { T = P_OTHERS + 3, H = 3 * 2 * (P_OTHERS + 2), B = BATCH > H ? BATCH : H, BOUND = T * (2 * B + H) };

typedef struct held {
    p_scene *scene;
    size_t pending;
} held;

static void hold(void *ctx)
{
    held *h = ctx;
    size_t pending;
    alarm(SECONDS); /* a thread that waits for the held one waits for ever */
    p_others(h->scene, WORK);
    alarm(0);
    pending = t_stats(h->scene->domain).pending_peak;
    h->pending = pending > h->pending ? pending : h->pending;
}

static void test_held(void **state)
{
    const t_case *which = *state;
    const p_operation *operation = which->what;
    held h = {0};
    size_t places = 0, done = 0;
    for (bool reached = true; reached; places += reached) {
        p_scene scene;
        p_open(&scene, which->scheme);
        h.scene = &scene;
        reached = p_run(&scene, operation, places, hold, &h);
        CHECK(!reached || atomic_load(&scene.others_done) >= (size_t)P_OTHERS * WORK);
        done += atomic_load(&scene.others_done);
        p_close(&scene, 0);
    }
    print_message("%s: held at %zu places, others did %zu operations meanwhile, at most %zu pending%s\n",
                  operation->name, places, done, h.pending, which->scheme == WEFT_HAZARD ? "" : " (no bound)");
    assert_true(places >= 2);
    if (which->scheme == WEFT_HAZARD)
        assert_true(h.pending <= BOUND);
}

int main(int count, char **argument)
{
    return p_main("held", test_held, count > 1 ? argument[1] : NULL);
}
