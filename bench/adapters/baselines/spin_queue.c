#define BASE_SPINLOCK
#include "bench/adapters/baselines/list_queue.h"

const bench_impl bench_spin_queue = {
    .name = "spin-queue",
    .family = BENCH_QUEUE,
    .role = BENCH_BASELINE,
    .limits = "may wait",
    .note = "the same list under Concurrency Kit's spinlock (fas)",
    .create = list_create,
    .destroy = list_destroy,
    .thread_begin = bench_no_thread_begin,
    .thread_end = bench_no_thread_end,
    .container = &list_ops,
    .drive = list_drive,
};
