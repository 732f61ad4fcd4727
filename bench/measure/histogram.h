/*
 * Times of single operations, in ticks: a histogram whose buckets grow with the value, 64 for each doubling, so that
 * any percentile is known to 1.6 %, in 25 KiB.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum { BENCH_HISTOGRAM_BITS = 6, BENCH_HISTOGRAM_TOP = 54, BENCH_HISTOGRAM_SIZE = (BENCH_HISTOGRAM_TOP - 5) << 6 };

typedef struct bench_histogram {
    uint64_t total, max;
    uint64_t count[BENCH_HISTOGRAM_SIZE];
} bench_histogram;

/* The bucket of a value; values of 2^54 and more share the last one. */
static inline unsigned bench_histogram_index(uint64_t value)
{
    if (value >= UINT64_C(1) << BENCH_HISTOGRAM_TOP)
        return BENCH_HISTOGRAM_SIZE - 1;
    if (value < UINT64_C(1) << (BENCH_HISTOGRAM_BITS + 1))
        return (unsigned)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - BENCH_HISTOGRAM_BITS;
    return (shift << BENCH_HISTOGRAM_BITS) + (unsigned)(value >> shift);
}

static inline void bench_histogram_add(bench_histogram *histogram, uint64_t value)
{
    histogram->count[bench_histogram_index(value)]++;
    histogram->total++;
    if (value > histogram->max)
        histogram->max = value;
}

void bench_histogram_merge(bench_histogram *into, const bench_histogram *from);

/* The middle of a bucket. */
uint64_t bench_histogram_middle(unsigned index);

/* The middle of the bucket that holds the value of that rank, 0 < share <= 1; never above the maximum; 0 when empty. */
uint64_t bench_histogram_at(const bench_histogram *histogram, double share);

#endif
