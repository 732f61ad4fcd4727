/* Families: what is measured of each, and how much that is. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "bench/run/suite.h"

/* Measures a family and appends its rows. */
void bench_suite_family(bench_suite *suite, bench_family family);

/* How many measurements a family is, rows that there are already not counted. */
unsigned bench_suite_count(bench_suite *suite, bench_family family);

#endif
