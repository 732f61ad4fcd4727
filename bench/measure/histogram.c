#include "bench/measure/histogram.h"

#include <stddef.h>

void bench_histogram_merge(bench_histogram *into, const bench_histogram *from)
{
    into->total += from->total;
    if (from->max > into->max)
        into->max = from->max;
    for (size_t i = 0; i < BENCH_HISTOGRAM_SIZE; i++)
        into->count[i] += from->count[i];
}

uint64_t bench_histogram_middle(unsigned index)
{
    if (index < 2u << BENCH_HISTOGRAM_BITS)
        return index;
    unsigned shift = (index >> BENCH_HISTOGRAM_BITS) - 1;
    uint64_t low = (uint64_t)(index - (shift << BENCH_HISTOGRAM_BITS)) << shift;
    return low + (UINT64_C(1) << shift) / 2;
}

uint64_t bench_histogram_at(const bench_histogram *histogram, double share)
{
    double rank = share * (double)histogram->total;
    uint64_t below = 0;
    for (unsigned i = 0; i < BENCH_HISTOGRAM_SIZE; i++) {
        below += histogram->count[i];
        if (below > 0 && (double)below >= rank) {
            uint64_t value = bench_histogram_middle(i);
            return value < histogram->max ? value : histogram->max;
        }
    }
    return histogram->max;
}
