#define BASE_MUTEX
#include "bench/adapters/baselines/list_queue.h"

const bench_impl bench_mutex_queue = {
    .name = "mutex-queue",
    .family = BENCH_QUEUE,
    .role = BENCH_BASELINE,
    .limits = "may wait",
    .note = "linked list under one pthread mutex, nodes from malloc outside the lock",
    .create = list_create,
    .destroy = list_destroy,
    .thread_begin = bench_no_thread_begin,
    .thread_end = bench_no_thread_end,
    .container = &list_ops,
    .drive = list_drive,
};
