/* Bytes. */
#ifndef BENCH_SUITE_MEMORY_H
#define BENCH_SUITE_MEMORY_H

#include "bench/run/suite.h"

/* Memory: each implementation in a process of its own. */
void bench_suite_memory(bench_suite *suite, bench_family family);

#endif
