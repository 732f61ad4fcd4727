/* Times of single operations. */
#ifndef BENCH_SUITE_LATENCY_H
#define BENCH_SUITE_LATENCY_H

#include "bench/run/suite.h"

/* The latency of one workload, closed and open, at the numbers of threads for it. */
void bench_suite_latency(bench_suite *suite, bench_point point);

#endif
