/* What is said of a handful of rounds. */
#ifndef BENCH_STATISTICS_H
#define BENCH_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* The median, and where it lies in 95 of 100 resamplings of the rounds (percentile bootstrap: B. Efron, 1979). */
typedef struct bench_interval {
    double median, low, high;
} bench_interval;

double bench_median(double *samples, size_t count); /* sorts them */

/* The same for the same samples; all 0: no samples. Up to 100 of them. */
bench_interval bench_interval_of(const double *samples, size_t count);

/* Of a ratio: whether the rounds show which side of 1 it is on. */
bool bench_is_clear(const bench_interval *ratio);

#endif
