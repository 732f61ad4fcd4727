#define _GNU_SOURCE
#include "tests/cases/subjects_bench.h"

#include "bench/measure/adapter.h"

#include <errno.h>
#include <stdlib.h>

enum { CAPACITY = 4096 };

typedef struct object {
    const bench_impl *impl;
    void *object;
} object;

static int create(const lin_subject *self, void **out, unsigned threads)
{
    const bench_setup setup = {.capacity = CAPACITY, .threads = threads};
    object *o = calloc(1, sizeof *o);
    *out = o;
    if (!o)
        return -ENOMEM;
    o->impl = self->ctx;
    return o->impl->create(&o->object, &setup);
}

static void destroy(void *thing)
{
    object *o = thing;
    o->impl->destroy(o->object);
    free(o);
}

static void *thread_begin(void *thing)
{
    object *o = thing;
    return o->impl->thread_begin(o->object);
}

static void thread_end(void *thing, void *thread)
{
    object *o = thing;
    o->impl->thread_end(o->object, thread);
}

/* Adapters' values are multiples of 8, and not 0. */
static void *value_in(int64_t value)
{
    return (void *)(uintptr_t)(value * 8);
}

static void value_out(lin_operation *op, const void *value)
{
    op->got = value ? LIN_VALUE : LIN_NOTHING;
    op->result = (int64_t)((uintptr_t)value / 8);
}

static void perform(void *thing, void *thread, lin_operation *op)
{
    object *o = thing;
    void *value = NULL;
    switch (op->kind) {
    case LIN_ENQUEUE:
    case LIN_PUSH:
        if (!o->impl->container->put(o->object, thread, value_in(op->value)))
            abort(); /* no memory */
        return;
    case LIN_DEQUEUE:
    case LIN_POP:
        value_out(op, o->impl->container->take(o->object, thread, &value) ? value : NULL);
        return;
    case LIN_GET:
        value_out(op, o->impl->map->get(o->object, thread, (uint64_t)op->key));
        return;
    case LIN_INSERT:
        op->got =
            o->impl->map->insert(o->object, thread, (uint64_t)op->key, value_in(op->value)) ? LIN_TRUE : LIN_FALSE;
        return;
    case LIN_REMOVE:
        op->got = o->impl->map->remove(o->object, thread, (uint64_t)op->key) ? LIN_TRUE : LIN_FALSE;
        return;
    default:
        abort();
    }
}

size_t lin_bench_subjects(lin_subject *out, size_t room)
{
    static const unsigned char no_put[] = {LIN_GET, LIN_INSERT, LIN_REMOVE};
    size_t count = 0;
    for (const bench_impl **impl = bench_impls; *impl && count < room; impl++) {
        bool known = (*impl)->family == BENCH_QUEUE || (*impl)->family == BENCH_STACK || (*impl)->family == BENCH_MAP;
        if ((*impl)->role == BENCH_WEFT || (*impl)->role == BENCH_FLOOR || !known)
            continue;
        out[count++] = (lin_subject){
            .name = (*impl)->name,
            .scheme = (*impl)->scheme ? (*impl)->scheme : "",
            .type = (*impl)->family == BENCH_QUEUE   ? LIN_QUEUE
                    : (*impl)->family == BENCH_STACK ? LIN_STACK
                                                     : LIN_MAP,
            .map_kind = no_put,
            .map_kinds = sizeof no_put,
            .create = create,
            .destroy = destroy,
            .thread_begin = thread_begin,
            .thread_end = thread_end,
            .perform = perform,
            .ctx = *impl,
        };
    }
    return count;
}
