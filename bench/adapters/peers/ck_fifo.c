/*
 * Concurrency Kit's ck_fifo_mpmc: Michael and Scott's queue with counted pointers (cmpxchg16b). Its nodes may be
 * recycled at once, but must stay mapped while the queue lives (pool.h). Calls are inlined, as the library ships them.
 */
#include "bench/measure/loops_container.h"
#include "bench/adapters/peers/pool.h"

#include <ck_fifo.h>
#include <errno.h>

_Static_assert(sizeof(ck_fifo_mpmc_entry_t) <= sizeof(((pool_node *)0)->entry), "room for an entry");

typedef struct fifo {
    _Alignas(BENCH_LINE) ck_fifo_mpmc_t queue;
    _Alignas(BENCH_LINE) pool nodes;
} fifo;

static int fifo_create(void **out, const bench_setup *setup)
{
    fifo *f = aligned_alloc(BENCH_LINE, sizeof *f);
    (void)setup;
    if (!(*out = f))
        return -ENOMEM;
    pool_init(&f->nodes);
    pool_thread *thread = pool_thread_begin(&f->nodes);
    void *stub = thread ? pool_get(thread) : NULL;
    if (thread)
        pool_thread_end(thread);
    if (!stub) {
        pool_destroy(&f->nodes);
        free(f);
        *out = NULL;
        return -ENOMEM;
    }
    ck_fifo_mpmc_init(&f->queue, stub);
    return 0;
}

static void fifo_destroy(void *object)
{
    fifo *f = object;
    pool_destroy(&f->nodes);
    free(f);
}

static void *fifo_thread_begin(void *object)
{
    return pool_thread_begin(&((fifo *)object)->nodes);
}

static void fifo_thread_end(void *object, void *thread)
{
    (void)object;
    pool_thread_end(thread);
}

BENCH_OP bool fifo_put(void *object, void *thread, void *value)
{
    ck_fifo_mpmc_entry_t *entry = pool_get(thread);
    if (!entry)
        return false;
    ck_fifo_mpmc_enqueue(&((fifo *)object)->queue, entry, value);
    return true;
}

BENCH_OP bool fifo_take(void *object, void *thread, void **value)
{
    ck_fifo_mpmc_entry_t *garbage;
    if (!ck_fifo_mpmc_dequeue(&((fifo *)object)->queue, value, &garbage))
        return false;
    pool_put(thread, garbage);
    return true;
}

BENCH_CONTAINER(fifo, fifo_put, fifo_take);

const bench_impl bench_ck_fifo = {
    .name = "ck-fifo",
    .family = BENCH_QUEUE,
    .role = BENCH_PEER,
    .note = "Concurrency Kit's ck_fifo_mpmc, nodes recycled per thread and never freed",
    .broken =
        "version 0.7.1 may say empty when it is not (fixed later upstream); such answers are counted and asked again",
    .create = fifo_create,
    .destroy = fifo_destroy,
    .thread_begin = fifo_thread_begin,
    .thread_end = fifo_thread_end,
    .container = &fifo_ops,
    .drive = fifo_drive,
};
