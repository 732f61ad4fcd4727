/* What is measured of each family, and how many measurements that is. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "bench/run/suite.h"

/* Measures a family and appends its rows. */
void bench_suite_family(bench_suite *suite, bench_family family);

/* How many measurements a family still needs, without the rows that exist already. */
unsigned bench_suite_count(bench_suite *suite, bench_family family);

#endif
