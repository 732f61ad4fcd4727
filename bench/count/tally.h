/*
 * Counts the accesses of operations to shared memory. Two threads take turns at one operation each, so that the figures
 * do not depend on time. A cache line is shared when both threads have touched it.
 */
#ifndef BENCH_COUNT_TALLY_H
#define BENCH_COUNT_TALLY_H

#include <stdint.h>

typedef struct count_sums {
    uint64_t calls, loads, stores, rmws, shared_rmws, fences, shared_lines;
} count_sums;

/* Forgets all lines. */
void count_reset(void);

/*
 * Around one operation of thread 0 or 1; adds its accesses to *sums. NULL: only notes which thread touched which lines.
 */
void count_begin(unsigned thread);
void count_end(count_sums *sums);

#endif
