#define BASE_SPINLOCK
#include "bench/adapters/baselines/array.h"

#define NOTE "the same array under Concurrency Kit's spinlock (fas)"

const bench_impl bench_spin_ring = ARRAY("spin-ring", BENCH_RING, ring, NOTE);
const bench_impl bench_spin_spsc = ARRAY("spin-ring", BENCH_SPSC, ring, NOTE);
const bench_impl bench_spin_deque = ARRAY("spin-deque", BENCH_DEQUE, deque, NOTE);
