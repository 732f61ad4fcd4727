/* One thread's part in a measurement: what it must do, and what it counted. Private to the bench. */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include "bench/measure/adapter.h"
#include "bench/machine/clock.h"
#include "bench/measure/histogram.h"
#include "bench/measure/random.h"
#include "bench/measure/work.h"

#include <sched.h>

/* For C++, too: the loops are inlined into adapters for C++ libraries. */
#ifdef __cplusplus
#include <atomic>
#define BENCH_ATOMIC(type) std::atomic<type>
#define BENCH_ALIGNED(bytes) alignas(bytes)
#define BENCH_TABLE static constexpr
using std::atomic_load_explicit;
using std::atomic_store_explicit;
using std::memory_order_relaxed;
#else
#include <stdatomic.h>
#define BENCH_ATOMIC(type) _Atomic(type)
#define BENCH_ALIGNED(bytes) _Alignas(bytes)
#define BENCH_TABLE static const
#endif

#define BENCH_LINE 128
#define bench_inline static inline __attribute__((always_inline))

typedef enum bench_role_of_thread {
    BENCH_BOTH,
    BENCH_PRODUCER,
    BENCH_CONSUMER,
    BENCH_OWNS,
    BENCH_STEALS,
    BENCH_CALLER,
    BENCH_ECHO
} bench_role_of_thread;

/* What the threads of one measurement share. Only the measuring thread writes it, except `arrived`. */
typedef struct bench_control {
    BENCH_ALIGNED(BENCH_LINE) BENCH_ATOMIC(int) phase; /* a worker's loop runs until this changes */
    BENCH_ALIGNED(BENCH_LINE) BENCH_ATOMIC(unsigned) arrived;
    BENCH_ALIGNED(BENCH_LINE) bench_worker *workers;
    unsigned threads;
    bool crowded; /* more threads than cores: waiting threads yield */
} bench_control;

/* Plain counters, never reset, so that the end can be checked against the beginning. */
typedef struct bench_counts {
    uint64_t operations, operations_before;  /* in all, and at the end of the warm-up */
    uint64_t puts, put_sum, takes, take_sum; /* queue and stack */
    uint64_t refused;                        /* puts that failed */
    uint64_t empty;                          /* takes that said empty although the container could not be empty */
    uint64_t inserted, removed;              /* map */
    uint64_t wrong;                          /* values that are not what was stored */
    uint64_t finished_ns;                    /* when this thread's measured phase ended */
    uint64_t cpu_ns;                         /* processor time in that phase */
} bench_counts;

struct bench_worker {
    BENCH_ALIGNED(BENCH_LINE) const bench_impl *impl;
    void *object, *thread;
    void *replies, *replies_thread; /* round-trip: the second queue, from the echo to the caller; else NULL */
    bench_control *control;
    int phase;
    unsigned index;
    /* what to do */
    bench_role_of_thread role;
    unsigned burst;                   /* this number of puts, then of takes */
    unsigned get_share, insert_share; /* of 100; the rest removes */
    uint64_t range;                   /* keys are below it */
    const uint32_t *draws;            /* keys from here; NULL: uniform */
    bench_cell *cell;                 /* reclaim */
    uint64_t retirements;             /* stalled: how many to do; 0: read until the end of the phase */
    uint64_t fills;         /* fill: how many keys to insert; 0: as by the shares, until the end of the phase */
    bool read;              /* reclaim: a protected read inside */
    uint64_t work;          /* turns of bench_work after each operation */
    bench_histogram *times; /* NULL: single operations are not timed */
    uint64_t microsecond;   /* in ticks */
    uint64_t interval;      /* ticks from one due operation to the next; 0: none is due */
    /* state and results */
    uint64_t due;
    uint64_t random, next_value;
    bool asked; /* round-trip: a value is under way; it may outlast a phase */
    bench_counts counts;
    int error;
    /* read by other threads */
    BENCH_ALIGNED(BENCH_LINE) BENCH_ATOMIC(uint64_t) moved; /* values put, or taken */
    uint64_t *reclaimed;                                    /* stalled: bench_object_free increments it */
    BENCH_ATOMIC(uint64_t) retired;
    BENCH_ATOMIC(uint64_t) pending_peak;
};

static inline bool bench_running(const bench_worker *worker)
{
    return atomic_load_explicit(&worker->control->phase, memory_order_relaxed) == worker->phase;
}

/*
 * The driver's wait, the same for all implementations: a pause or, with more threads than cores, sched_yield after two
 * pauses.
 */
static inline void bench_wait(const bench_worker *worker, unsigned *turn)
{
    if (worker->control->crowded && *turn >= 2)
        sched_yield();
    else
        bench_pause();
    ++*turn;
}

/*
 * When a timed operation begins: now, or when it was due. So its time includes its wait for operations before it that
 * took long.
 */
static inline uint64_t bench_begins(bench_worker *worker)
{
    uint64_t due = worker->due, now = bench_ticks();
    if (worker->interval == 0)
        return now;
    for (unsigned turn = 0; now < due && bench_running(worker); now = bench_ticks())
        bench_wait(worker, &turn);
    worker->due = due + worker->interval;
    return due < now ? due : now;
}

#endif
