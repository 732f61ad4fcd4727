/* An array under one lock, first in first out: the obvious bounded queue. Everything is static. */
#include "bench/adapters/baselines/locks.h"
#include "bench/measure/loops_container.h"

#include <errno.h>
#include <stdlib.h>

typedef struct array_ring {
    _Alignas(BENCH_LINE) base_lock lock;
    size_t put, taken; /* on the lock's line, which its holder has anyway */
    _Alignas(BENCH_LINE) void *value[BENCH_PLACES];
} array_ring;

static int array_create(void **out, const bench_setup *setup)
{
    array_ring *ring = aligned_alloc(BENCH_LINE, sizeof *ring);
    (void)setup;
    if (!(*out = ring))
        return -ENOMEM;
    base_lock_init(&ring->lock);
    ring->put = ring->taken = 0;
    return 0;
}

BENCH_OP bool array_put(void *object, void *thread, void *value)
{
    array_ring *ring = object;
    (void)thread;
    base_lock_take(&ring->lock);
    bool room = ring->put - ring->taken < BENCH_PLACES;
    if (room)
        ring->value[ring->put++ % BENCH_PLACES] = value;
    base_lock_leave(&ring->lock);
    return room;
}

BENCH_OP bool array_take(void *object, void *thread, void **value)
{
    array_ring *ring = object;
    (void)thread;
    base_lock_take(&ring->lock);
    bool any = ring->put != ring->taken;
    if (any)
        *value = ring->value[ring->taken++ % BENCH_PLACES];
    base_lock_leave(&ring->lock);
    return any;
}

static void array_destroy(void *object)
{
    base_lock_destroy(&((array_ring *)object)->lock);
    free(object);
}

BENCH_CONTAINER(array, array_put, array_take);

#define ARRAY_RING(in_name, in_family, in_note)                                                                        \
    {                                                                                                                  \
        .name = (in_name), .family = (in_family), .role = BENCH_BASELINE, .limits = "bounded, may wait",               \
        .note = (in_note), .bounded = true, .create = array_create, .destroy = array_destroy,                          \
        .thread_begin = bench_no_thread_begin, .thread_end = bench_no_thread_end, .container = &array_ops,             \
        .drive = array_drive,                                                                                          \
    }
