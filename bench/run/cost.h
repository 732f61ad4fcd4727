/* Measures the driver's own cost, with implementations that do nothing. */
#ifndef BENCH_COST_H
#define BENCH_COST_H

#include "bench/run/suite.h"

void bench_suite_cost(bench_suite *suite);

#endif
