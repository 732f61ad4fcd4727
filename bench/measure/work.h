/*
 * Private work, which a thread does between its operations (--work). Each turn multiplies and adds what the turn before left, in
 * registers: no memory, no `pause`, so that nobody else's operation is slower for it, unless he shares the core.
 */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include <stdint.h>

static inline __attribute__((always_inline)) void bench_work(uint64_t turns)
{
    for (uint64_t x = turns; turns > 0; turns--) {
        x = x * UINT64_C(2862933555777941757) + 1;
        __asm__ __volatile__("" : "+r"(x)); /* a compiler neither leaves turns out nor works their sum out ahead */
    }
}

#ifdef __cplusplus
extern "C" {
#endif

/* How many turns take a nanosecond: the fastest of many tries, once, in about 10 ms. Call it first while there is one thread. */
double bench_work_turns_per_ns(void);

/* How many turns that time is: 0 of 0, else at least 1. */
uint64_t bench_work_turns(unsigned ns);

#ifdef __cplusplus
}
#endif

#endif
