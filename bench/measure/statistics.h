/* Statistics of a few rounds. */
#ifndef BENCH_STATISTICS_H
#define BENCH_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* The median, and its interval in 95 of 100 resamplings of the rounds (percentile bootstrap: B. Efron, 1979). */
typedef struct bench_interval {
    double median, low, high;
} bench_interval;

double bench_median(double *samples, size_t count); /* sorts them */

/* Equal samples give equal results. All 0: no samples, or more than 100. */
bench_interval bench_interval_of(const double *samples, size_t count);

/* Whether the rounds show on which side of 1 a ratio is. */
bool bench_is_clear(const bench_interval *ratio);

#endif
