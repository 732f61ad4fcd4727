/*
 * GLib's GAsyncQueue: a list under a mutex, with a condition variable for waiting threads. Its functions are declared
 * here as GLib documents them, because only pkg-config finds its headers.
 */
#include "bench/measure/loops_container.h"

#include <errno.h>

typedef struct _GAsyncQueue GAsyncQueue;
GAsyncQueue *g_async_queue_new(void);
void g_async_queue_unref(GAsyncQueue *queue);
void g_async_queue_push(GAsyncQueue *queue, void *data);
void *g_async_queue_try_pop(GAsyncQueue *queue);

static int queue_create(void **out, const bench_setup *setup)
{
    (void)setup;
    *out = g_async_queue_new();
    return *out ? 0 : -ENOMEM;
}

static void queue_destroy(void *object)
{
    g_async_queue_unref(object);
}

BENCH_OP bool queue_put(void *object, void *thread, void *value)
{
    (void)thread;
    g_async_queue_push(object, value);
    return true;
}

BENCH_OP bool queue_take(void *object, void *thread, void **value)
{
    (void)thread;
    *value = g_async_queue_try_pop(object);
    return *value != NULL;
}

BENCH_CONTAINER(queue, queue_put, queue_take);

#define GLIB(in_family)                                                                                                \
    {                                                                                                                  \
        .name = "glib-async", .family = (in_family), .role = BENCH_PEER, .limits = "may wait",                         \
        .note = "GLib's GAsyncQueue: a list under a mutex", .create = queue_create, .destroy = queue_destroy,          \
        .thread_begin = bench_no_thread_begin, .thread_end = bench_no_thread_end, .container = &queue_ops,             \
        .drive = queue_drive,                                                                                          \
    }

const bench_impl bench_glib_queue = GLIB(BENCH_QUEUE);
const bench_impl bench_glib_spsc = GLIB(BENCH_SPSC);
const bench_impl bench_glib_mailbox = GLIB(BENCH_MAILBOX);
