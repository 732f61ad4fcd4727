/*
 * The measured loops for reclamation. Here the adapters' functions are inlined: entering takes a nanosecond or two, and
 * each library ships it as an inline function. The stop flag is read once in BENCH_BATCH turns.
 */
#ifndef BENCH_LOOPS_RECLAIM_H
#define BENCH_LOOPS_RECLAIM_H

#include "bench/measure/worker.h"

#include <stdlib.h>

typedef void bench_section_function(void *object, void *thread);
typedef bench_object *bench_protect_function(void *object, void *thread, bench_cell *cell);
typedef void bench_retire_function(void *object, void *thread, bench_object *what);

enum { BENCH_BATCH = 64, BENCH_PENDING_CHECK = 1024 };

/* Keeps the compiler from moving code out of a loop, and from merging its turns. */
#define bench_compiler_barrier() __asm__ __volatile__("" ::: "memory")

bench_inline void bench_reclaim_batch(bench_worker *w, bool read, bench_section_function *enter,
                                      bench_section_function *leave, bench_protect_function *protect)
{
    void *object = w->object, *thread = w->thread;
    bench_cell *cell = w->cell;
    uint64_t sum = 0;
    for (unsigned i = 0; i < BENCH_BATCH; i++) {
        enter(object, thread);
        if (read)
            sum += protect(object, thread, cell)->value;
        leave(object, thread);
        bench_compiler_barrier();
    }
    if (read && sum != BENCH_BATCH)
        w->counts.wrong++;
    w->counts.operations += BENCH_BATCH;
}

/* Times are those of a batch divided by its length, because one clock reading costs as much as ten operations. */
bench_inline void bench_reclaim_loop(bench_worker *w, bool read, bench_section_function *enter,
                                     bench_section_function *leave, bench_protect_function *protect)
{
    while (bench_running(w)) {
        uint64_t before = w->times ? bench_ticks() : 0;
        bench_reclaim_batch(w, read, enter, leave, protect);
        if (w->times)
            bench_histogram_add(w->times, (bench_ticks() - before) / BENCH_BATCH);
    }
}

/* How many objects of all threads are retired and not reclaimed, by the counts that they published last. */
static inline uint64_t bench_pending(const bench_control *control)
{
    uint64_t retired = 0, reclaimed = 0;
    for (unsigned i = 0; i < control->threads; i++) {
        reclaimed += __atomic_load_n(control->workers[i].reclaimed, __ATOMIC_RELAXED);
        retired += atomic_load_explicit(&control->workers[i].retired, memory_order_relaxed);
    }
    return retired > reclaimed ? retired - reclaimed : 0;
}

static inline void bench_note_pending(bench_worker *w)
{
    uint64_t pending = bench_pending(w->control);
    if (pending > atomic_load_explicit(&w->pending_peak, memory_order_relaxed))
        atomic_store_explicit(&w->pending_peak, pending, memory_order_relaxed);
}

static inline bench_object *bench_object_new(bench_worker *w)
{
    bench_object *object = (bench_object *)malloc(sizeof *object);
    if (object) {
        object->value = 1;
        object->reclaimed = w->reclaimed;
    }
    return object;
}

/* Replaces the cell's object and retires the old one, w->retirements times, while another thread stays in a guard. */
bench_inline void bench_retire_loop(bench_worker *w, bench_retire_function *retire)
{
    for (uint64_t i = 1; i <= w->retirements; i++) {
        bench_object *object = bench_object_new(w);
        if (!object) {
            w->counts.refused++;
            break;
        }
        object = (bench_object *)__atomic_exchange_n(&w->cell->pointer, (void *)object, __ATOMIC_ACQ_REL);
        object->reclaimed = w->reclaimed;
        atomic_store_explicit(&w->retired, i, memory_order_relaxed);
        retire(w->object, w->thread, object);
        if (i % BENCH_PENDING_CHECK == 0 || i == w->retirements)
            bench_note_pending(w);
        w->counts.operations++;
    }
}

bench_inline void bench_reclaim_loops(bench_worker *w, bench_section_function *enter, bench_section_function *leave,
                                      bench_protect_function *protect, bench_retire_function *retire)
{
    if (w->retirements)
        bench_retire_loop(w, retire);
    else if (w->read)
        bench_reclaim_loop(w, true, enter, leave, protect);
    else
        bench_reclaim_loop(w, false, enter, leave, protect);
}

/* Defines `prefix`_drive and `prefix`_ops. */
#define BENCH_RECLAIM_LOOPS(prefix, enter, leave, protect, retire, flush)                                              \
    static void prefix##_drive(bench_worker *worker)                                                                   \
    {                                                                                                                  \
        bench_reclaim_loops(worker, enter, leave, protect, retire);                                                    \
    }                                                                                                                  \
    BENCH_TABLE bench_reclaim_ops prefix##_ops = {enter, leave, protect, retire, flush}

#endif
