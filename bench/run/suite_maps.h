/* The map family. */
#ifndef BENCH_SUITE_MAPS_H
#define BENCH_SUITE_MAPS_H

#include "bench/run/suite.h"

void bench_suite_maps(bench_suite *suite);

#endif
