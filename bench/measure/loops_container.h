/*
 * The measured loops for queues and stacks, written once and compiled for each adapter, so that every implementation is
 * called directly. Where a library is header-only, its adapter's put and take are out of line (BENCH_OP): the loop
 * makes exactly one call per operation for every implementation. The driver's own cost is measured with an
 * implementation that does nothing (null.c) and stated in the output.
 */
#ifndef BENCH_LOOPS_CONTAINER_H
#define BENCH_LOOPS_CONTAINER_H

#include "bench/measure/worker.h"

#define BENCH_OP static __attribute__((noinline))

typedef bool bench_put_function(void *object, void *thread, void *value);
typedef bool bench_take_function(void *object, void *thread, void **value);

/*
 * Producers wait when consumers are so many values behind, so that an unbounded queue stays within memory and caches. A
 * bounded one makes them wait by itself.
 */
enum { BENCH_BACKLOG = 4096, BENCH_BACKLOG_CHECK = 64 };

/* The work comes after the operation, and its time is not measured. */
bench_inline bool bench_one_put(bench_worker *w, bench_put_function *put, bench_histogram *times, uint64_t work)
{
    uint64_t value = w->next_value;
    uint64_t before = times ? bench_begins(w) : 0;
    bool done = put(w->object, w->thread, (void *)(uintptr_t)value);
    if (times)
        bench_histogram_add(times, bench_ticks() - before);
    if (__builtin_expect(!done, 0)) {
        w->counts.refused++;
        return false;
    }
    w->next_value = value + 8;
    w->counts.puts++;
    w->counts.put_sum += value;
    bench_work(work);
    return true;
}

bench_inline bool bench_one_take(bench_worker *w, bench_take_function *take, bench_histogram *times, uint64_t work)
{
    void *value = NULL;
    uint64_t before = times ? bench_begins(w) : 0;
    bool done = take(w->object, w->thread, &value);
    if (__builtin_expect(!done, 0))
        return false;
    if (times)
        bench_histogram_add(times, bench_ticks() - before);
    w->counts.takes++;
    w->counts.take_sum += (uintptr_t)value;
    bench_work(work);
    return true;
}

/*
 * Pairs are bursts of one. Because of the prefill the container is never empty: an empty answer is counted as a fault.
 * A full one ends the burst: if each thread insisted on all of its values, they might wait for one another for ever.
 */
bench_inline void bench_both_loop(bench_worker *w, bench_put_function *put, bench_take_function *take,
                                  bench_histogram *times, uint64_t work)
{
    unsigned burst = w->burst;
    while (bench_running(w)) {
        unsigned held = 0;
        while (held < burst && bench_one_put(w, put, times, work))
            held++;
        if (held == 0)
            bench_pause();
        for (; held > 0; held--)
            while (!bench_one_take(w, take, times, work) && bench_running(w)) {
                w->counts.empty++;
                bench_pause();
            }
    }
}

/* How many values have been put and not taken, by the counts that the threads published last. */
static inline int64_t bench_backlog(const bench_worker *w)
{
    const bench_control *control = w->control;
    int64_t sum = 0;
    for (unsigned i = 0; i < control->threads; i++) {
        int64_t moved = (int64_t)atomic_load_explicit(&control->workers[i].moved, memory_order_relaxed);
        sum += control->workers[i].role == BENCH_PRODUCER ? moved : -moved;
    }
    return sum;
}

bench_inline void bench_producer_loop(bench_worker *w, bench_put_function *put, bench_histogram *times, uint64_t work)
{
    while (bench_running(w)) {
        for (unsigned i = 0, turn = 0; i < BENCH_BACKLOG_CHECK; i++)
            if (!bench_one_put(w, put, times, work) && w->impl->bounded)
                bench_wait(w, &turn);
        if (w->impl->bounded)
            continue;
        atomic_store_explicit(&w->moved, w->counts.puts, memory_order_relaxed);
        for (unsigned turn = 0; bench_backlog(w) > BENCH_BACKLOG && bench_running(w);)
            bench_wait(w, &turn);
    }
}

/* An empty answer is not counted as an operation. */
bench_inline void bench_consumer_loop(bench_worker *w, bench_take_function *take, bench_histogram *times, uint64_t work)
{
    unsigned turn = 0;
    while (bench_running(w)) {
        if (!bench_one_take(w, take, times, work)) {
            if (!w->impl->bounded)
                atomic_store_explicit(&w->moved, w->counts.takes, memory_order_relaxed);
            bench_wait(w, &turn);
            continue;
        }
        turn = 0;
        if (w->counts.takes % BENCH_BACKLOG_CHECK == 0 && !w->impl->bounded)
            atomic_store_explicit(&w->moved, w->counts.takes, memory_order_relaxed);
    }
}

/* Thieves may have taken what the owner has just put: then it goes on. */
bench_inline void bench_owner_loop(bench_worker *w, bench_put_function *put, bench_take_function *take,
                                   bench_histogram *times, uint64_t work)
{
    while (bench_running(w)) {
        (void)bench_one_put(w, put, times, work);
        (void)bench_one_take(w, take, times, work);
    }
}

/* A thief tries every microsecond, as one that has work of its own between does. Its times are not the owner's. */
bench_inline void bench_thief_loop(bench_worker *w, bench_take_function *steal)
{
    while (bench_running(w)) {
        (void)bench_one_take(w, steal, NULL, 0);
        for (uint64_t due = bench_ticks() + w->microsecond; bench_ticks() < due;)
            bench_pause();
    }
}

/* Waits for the reply to the value under way, and compares the two. False: the phase ended first. */
bench_inline bool bench_hear_reply(bench_worker *w, bench_take_function *take)
{
    void *value = NULL;
    for (unsigned turn = 0; !take(w->replies, w->replies_thread, &value); bench_wait(w, &turn))
        if (!bench_running(w))
            return false;
    w->asked = false;
    w->counts.wrong += (uintptr_t)value != w->next_value;
    w->next_value += 8;
    w->counts.operations++;
    return true;
}

/*
 * One value at a time goes to the echo and comes back by the other queue. If a phase ends while a value is under way,
 * the next phase first waits for it.
 */
bench_inline void bench_caller_loop(bench_worker *w, bench_put_function *put, bench_take_function *take)
{
    if (w->asked && !bench_hear_reply(w, take))
        return;
    while (bench_running(w)) {
        uint64_t before = bench_ticks();
        if (!put(w->object, w->thread, (void *)(uintptr_t)w->next_value)) {
            w->counts.refused++;
            continue;
        }
        w->asked = true;
        if (bench_hear_reply(w, take) && w->times)
            bench_histogram_add(w->times, bench_ticks() - before);
    }
}

bench_inline void bench_echo_loop(bench_worker *w, bench_put_function *put, bench_take_function *take)
{
    void *value = NULL;
    for (unsigned turn = 0; bench_running(w);) {
        if (!take(w->object, w->thread, &value)) {
            bench_wait(w, &turn);
            continue;
        }
        turn = 0;
        if (!put(w->replies, w->replies_thread, value))
            w->counts.refused++;
    }
}

bench_inline void bench_container_loops(bench_worker *w, bench_put_function *put, bench_take_function *take,
                                        bench_take_function *steal, bench_histogram *times, uint64_t work)
{
    if (w->role == BENCH_PRODUCER)
        bench_producer_loop(w, put, times, work);
    else if (w->role == BENCH_CONSUMER)
        bench_consumer_loop(w, take, times, work);
    else if (w->role == BENCH_OWNS)
        bench_owner_loop(w, put, take, times, work);
    else if (w->role == BENCH_STEALS)
        bench_thief_loop(w, steal);
    else
        bench_both_loop(w, put, take, times, work);
    w->counts.operations = w->counts.puts + w->counts.takes;
}

/* Defines `prefix`_drive and `prefix`_ops. */
#define BENCH_CONTAINER(prefix, put, take) BENCH_STOLEN_FROM(prefix, put, take, take)

/* The same for a deque. */
#define BENCH_STOLEN_FROM(prefix, put, take, steal)                                                                    \
    static void prefix##_drive(bench_worker *worker)                                                                   \
    {                                                                                                                  \
        if (worker->role == BENCH_CALLER)                                                                              \
            bench_caller_loop(worker, put, take);                                                                      \
        else if (worker->role == BENCH_ECHO)                                                                           \
            bench_echo_loop(worker, put, take);                                                                        \
        else if (worker->times)                                                                                        \
            bench_container_loops(worker, put, take, steal, worker->times, worker->work);                              \
        else if (worker->work)                                                                                         \
            bench_container_loops(worker, put, take, steal, NULL, worker->work);                                       \
        else                                                                                                           \
            bench_container_loops(worker, put, take, steal, NULL, 0);                                                  \
    }                                                                                                                  \
    BENCH_TABLE bench_container_ops prefix##_ops = {put, take}

#endif
