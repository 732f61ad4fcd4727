#define BASE_SPINLOCK
#include "bench/adapters/baselines/array_ring.h"

const bench_impl bench_spin_spsc =
    ARRAY_RING("spin-ring", BENCH_SPSC, "the same array under Concurrency Kit's spinlock (fas)");
