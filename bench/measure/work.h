/*
 * Private work, which a thread does between its operations (--work). Each turn multiplies and adds the result of the
 * turn before, in registers. It uses no memory and no `pause`, so it slows down no other thread, except on the same
 * core.
 */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include <stdint.h>

static inline __attribute__((always_inline)) void bench_work(uint64_t turns)
{
    for (uint64_t x = turns; turns > 0; turns--) {
        x = x * UINT64_C(2862933555777941757) + 1;
        __asm__ __volatile__("" : "+r"(x)); /* the compiler cannot remove turns or merge them */
    }
}

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Turns per nanosecond: the fastest of many tries, made once, in about 10 ms. The first call must be made while there
 * is one thread.
 */
double bench_work_turns_per_ns(void);

/* How many turns take that time: 0 for 0, else at least 1. */
uint64_t bench_work_turns(unsigned ns);

#ifdef __cplusplus
}
#endif

#endif
