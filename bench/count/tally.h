/*
 * What operations cost in accesses to shared memory: two threads take turns, an operation each, so that the figures do not
 * depend on time. A line is shared when both have touched it.
 */
#ifndef BENCH_COUNT_TALLY_H
#define BENCH_COUNT_TALLY_H

#include <stdint.h>

typedef struct count_sums {
    uint64_t calls, loads, stores, rmws, shared_rmws, fences, shared_lines;
} count_sums;

/* Forgets all lines. */
void count_reset(void);

/* Around one operation of thread 0 or 1; what it touched is added to *sums. NULL: it is only remembered who touched what. */
void count_begin(unsigned thread);
void count_end(count_sums *sums);

#endif
