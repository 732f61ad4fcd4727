/*
 * Records what threads do. Each has a log of its own, so no shared memory is written between call and return.
 *
 * The clock. If the kernel's clock source is "tsc", the processor's counter is read: the kernel chooses this source
 * only after it has checked that all processors count alike. Before a call, a fence after the read keeps the operation
 * from beginning earlier. After a return, the instruction that reads waits for all instructions before it. So the time
 * of a call is never too late, and that of a return never too early. An interval may be reported longer than it was,
 * never shorter, and an order between two operations is reported only if there was one. Otherwise CLOCK_MONOTONIC is
 * read, which has both fences inside.
 */
#ifndef WEFT_CHECK_HISTORY_RECORDER_H
#define WEFT_CHECK_HISTORY_RECORDER_H

#include "check/history/history.h"

#include <time.h>

extern bool lin_counter; /* read the counter; set by lin_clock_choose */

void lin_clock_choose(void);

static inline uint64_t lin_clock_monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t lin_time_of_call(void)
{
#ifdef __x86_64__
    if (lin_counter) {
        uint64_t now = __builtin_ia32_rdtsc();
        __builtin_ia32_lfence();
        return now;
    }
#endif
    return lin_clock_monotonic();
}

static inline uint64_t lin_time_of_return(void)
{
#ifdef __x86_64__
    unsigned processor;
    if (lin_counter)
        return __builtin_ia32_rdtscp(&processor);
#endif
    return lin_clock_monotonic();
}

/* One thread's log. Its memory is allocated before the thread records. */
typedef struct lin_log {
    lin_history history;
    uint32_t client;
} lin_log;

bool lin_log_open(lin_log *log, uint32_t client, size_t room);

static inline lin_operation *lin_call(lin_log *log, lin_kind kind, int64_t key, int64_t value)
{
    lin_operation *op = &log->history.op[log->history.count++];
    *op = (lin_operation){.key = key, .value = value, .client = log->client, .kind = (uint8_t)kind};
    op->call = lin_time_of_call();
    return op;
}

static inline void lin_return(lin_operation *op, lin_result got, int64_t result)
{
    op->ret = lin_time_of_return();
    op->got = (uint8_t)got;
    op->result = result;
}

/* The number of operations in a history that overlap another client's. */
size_t lin_concurrent(const lin_history *history);

#endif
