#define BASE_MUTEX
#include "bench/adapters/baselines/array.h"

#define NOTE "an array under a pthread mutex"

const bench_impl bench_mutex_ring = ARRAY("mutex-ring", BENCH_RING, ring, NOTE);
const bench_impl bench_mutex_spsc = ARRAY("mutex-ring", BENCH_SPSC, ring, NOTE);
const bench_impl bench_mutex_deque = ARRAY("mutex-deque", BENCH_DEQUE, deque, NOTE);
