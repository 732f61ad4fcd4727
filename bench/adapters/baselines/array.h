/* An array under one lock: the obvious bounded queue, and the obvious deque. Everything is static. */
#include "bench/adapters/baselines/locks.h"
#include "bench/measure/loops_container.h"

#include <errno.h>
#include <stdlib.h>

typedef struct array {
    _Alignas(BENCH_LINE) base_lock lock;
    size_t first, end; /* on the lock's line, which its holder has anyway */
    _Alignas(BENCH_LINE) void *value[BENCH_PLACES];
} array;

static int array_create(void **out, const bench_setup *setup)
{
    array *a = aligned_alloc(BENCH_LINE, sizeof *a);
    (void)setup;
    if (!(*out = a))
        return -ENOMEM;
    base_lock_init(&a->lock);
    a->first = a->end = 0;
    return 0;
}

BENCH_OP bool array_put(void *object, void *thread, void *value)
{
    array *a = object;
    (void)thread;
    base_lock_take(&a->lock);
    bool room = a->end - a->first < BENCH_PLACES;
    if (room)
        a->value[a->end++ % BENCH_PLACES] = value;
    base_lock_leave(&a->lock);
    return room;
}

BENCH_OP bool array_take(array *a, void **value, bool last)
{
    base_lock_take(&a->lock);
    bool any = a->first != a->end;
    if (any)
        *value = a->value[(last ? --a->end : a->first++) % BENCH_PLACES];
    base_lock_leave(&a->lock);
    return any;
}

BENCH_OP bool array_take_first(void *object, void *thread, void **value)
{
    (void)thread;
    return array_take(object, value, false);
}

BENCH_OP bool array_take_last(void *object, void *thread, void **value)
{
    (void)thread;
    return array_take(object, value, true);
}

static void array_destroy(void *object)
{
    base_lock_destroy(&((array *)object)->lock);
    free(object);
}

BENCH_CONTAINER(array_ring, array_put, array_take_first);
BENCH_STOLEN_FROM(array_deque, array_put, array_take_last, array_take_first);

/* `kind`: ring or deque. */
#define ARRAY(in_name, in_family, kind, in_note)                                                                       \
    {                                                                                                                  \
        .name = (in_name), .family = (in_family), .role = BENCH_BASELINE, .limits = "bounded, may wait",               \
        .note = (in_note), .bounded = true, .create = array_create, .destroy = array_destroy,                          \
        .thread_begin = bench_no_thread_begin, .thread_end = bench_no_thread_end, .container = &array_##kind##_ops,    \
        .drive = array_##kind##_drive,                                                                                 \
    }
