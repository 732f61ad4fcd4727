#define BASE_MUTEX
#include "bench/adapters/baselines/array_deque.h"

const bench_impl bench_mutex_deque = ARRAY_DEQUE("mutex-deque", "an array under a pthread mutex");
