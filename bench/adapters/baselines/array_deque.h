/* An array under one lock, taken from at both ends: the obvious deque. Everything is static. */
#include "bench/adapters/baselines/locks.h"
#include "bench/measure/loops_container.h"

#include <errno.h>
#include <stdlib.h>

enum { DEQUE_PLACES = 1 << 16 };

typedef struct array_deque {
    _Alignas(BENCH_LINE) base_lock lock;
    size_t top, bottom; /* on the lock's line, which its holder has anyway */
    _Alignas(BENCH_LINE) void *value[DEQUE_PLACES];
} array_deque;

static int array_create(void **out, const bench_setup *setup)
{
    array_deque *deque = aligned_alloc(BENCH_LINE, sizeof *deque);
    (void)setup;
    if (!(*out = deque))
        return -ENOMEM;
    base_lock_init(&deque->lock);
    deque->top = deque->bottom = 0;
    return 0;
}

BENCH_OP bool array_put(void *object, void *thread, void *value)
{
    array_deque *deque = object;
    (void)thread;
    base_lock_take(&deque->lock);
    bool room = deque->bottom - deque->top < DEQUE_PLACES;
    if (room)
        deque->value[deque->bottom++ % DEQUE_PLACES] = value;
    base_lock_leave(&deque->lock);
    return room;
}

BENCH_OP bool array_take(void *object, void *thread, void **value)
{
    array_deque *deque = object;
    (void)thread;
    base_lock_take(&deque->lock);
    bool any = deque->top != deque->bottom;
    if (any)
        *value = deque->value[--deque->bottom % DEQUE_PLACES];
    base_lock_leave(&deque->lock);
    return any;
}

BENCH_OP bool array_steal(void *object, void *thread, void **value)
{
    array_deque *deque = object;
    (void)thread;
    base_lock_take(&deque->lock);
    bool any = deque->top != deque->bottom;
    if (any)
        *value = deque->value[deque->top++ % DEQUE_PLACES];
    base_lock_leave(&deque->lock);
    return any;
}

static void array_destroy(void *object)
{
    base_lock_destroy(&((array_deque *)object)->lock);
    free(object);
}

BENCH_STOLEN_FROM(array, array_put, array_take, array_steal);

#define ARRAY_DEQUE(in_name, in_note)                                                                                  \
    {                                                                                                                  \
        .name = (in_name), .family = BENCH_DEQUE, .role = BENCH_BASELINE, .limits = "may wait", .note = (in_note),     \
        .create = array_create, .destroy = array_destroy, .thread_begin = bench_no_thread_begin,                       \
        .thread_end = bench_no_thread_end, .container = &array_ops, .drive = array_drive,                              \
    }
