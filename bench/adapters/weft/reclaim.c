/* weft_enter, weft_protect and weft_leave, inlined as they ship; objects are retired by the hook inside them. */
#include "bench/measure/loops_reclaim.h"
#include "bench/adapters/weft/domain.h"

#include <weft/reclaim/domain.h>

typedef struct section {
    weft_guard guard;
} section;

static int nothing_create(void **structure, weft_domain *domain)
{
    (void)domain;
    *structure = NULL;
    return 0;
}

WEFT_CREATE(reclaim, nothing_create)

static void *reclaim_thread_begin(void *object)
{
    return weft_object_thread_begin(object) ? aligned_alloc(BENCH_LINE, BENCH_LINE) : NULL;
}

static void reclaim_thread_end(void *object, void *thread)
{
    (void)object;
    free(thread);
}

bench_inline void reclaim_enter(void *object, void *thread)
{
    weft_enter(&((section *)thread)->guard, ((weft_object *)object)->domain);
}

bench_inline void reclaim_leave(void *object, void *thread)
{
    (void)object;
    weft_leave(&((section *)thread)->guard);
}

bench_inline bench_object *reclaim_protect(void *object, void *thread, bench_cell *cell)
{
    (void)object;
    return weft_protect(&((section *)thread)->guard, (weft_atomic_ptr *)(void *)&cell->pointer);
}

static void reclaim_one(void *object, void *ctx)
{
    (void)ctx;
    bench_object_free(object);
}

static void reclaim_retire(void *object, void *thread, bench_object *what)
{
    (void)thread;
    _Static_assert(sizeof(weft_hook) <= sizeof what->room, "room for the hook");
    weft_retire_hook(((weft_object *)object)->domain, (weft_hook *)(void *)what->room, what, sizeof *what, reclaim_one,
                     NULL);
}

static void reclaim_flush(void *object, void *thread)
{
    (void)thread;
    weft_domain_flush(((weft_object *)object)->domain);
}

/*
 * In a program the guard is a local variable, which the compiler can see. So the loop uses a local one instead of the
 * thread's handle, which is for drivers that call the functions of the table.
 */
static void reclaim_drive(bench_worker *worker)
{
    section local;
    void *thread = worker->thread;
    worker->thread = &local;
    bench_reclaim_loops(worker, reclaim_enter, reclaim_leave, reclaim_protect, reclaim_retire);
    worker->thread = thread;
}

static const bench_reclaim_ops reclaim_ops = {reclaim_enter, reclaim_leave, reclaim_protect, reclaim_retire,
                                              reclaim_flush};

#define WEFT_ROW(in_scheme)                                                                                            \
    {                                                                                                                  \
        .name = "weft", .scheme = #in_scheme, .family = BENCH_RECLAIM, .role = BENCH_WEFT,                             \
        .create = reclaim_##in_scheme##_create, .destroy = weft_object_destroy, .thread_begin = reclaim_thread_begin,  \
        .thread_end = reclaim_thread_end, .reclaim = &reclaim_ops, .drive = reclaim_drive,                             \
    }

const bench_impl bench_weft_reclaim_hazard = WEFT_ROW(hazard);
const bench_impl bench_weft_reclaim_epoch = WEFT_ROW(epoch);
