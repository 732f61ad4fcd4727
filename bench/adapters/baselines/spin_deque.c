#define BASE_SPINLOCK
#include "bench/adapters/baselines/array_deque.h"

const bench_impl bench_spin_deque = ARRAY_DEQUE("spin-deque", "the same array under Concurrency Kit's spinlock (fas)");
