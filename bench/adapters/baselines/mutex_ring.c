#define BASE_MUTEX
#include "bench/adapters/baselines/array_ring.h"

const bench_impl bench_mutex_spsc = ARRAY_RING("mutex-ring", BENCH_SPSC, "an array under a pthread mutex");
