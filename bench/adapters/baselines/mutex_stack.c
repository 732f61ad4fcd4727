#define BASE_MUTEX
#include "bench/adapters/baselines/list_stack.h"

const bench_impl bench_mutex_stack = {
    .name = "mutex-stack",
    .family = BENCH_STACK,
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
