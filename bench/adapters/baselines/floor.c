/*
 * floor-xadd: two `lock xadd` on two padded counters per pair of operations, the least that a queue or a stack of this
 * kind needs. Its figure shows how far apart the cores are while the others are measured.
 */
#include "bench/measure/loops_container.h"

#include <errno.h>
#include <stdlib.h>

typedef struct counters {
    _Alignas(BENCH_LINE) uint64_t put;
    _Alignas(BENCH_LINE) uint64_t take;
} counters;

static int floor_create(void **out, const bench_setup *setup)
{
    counters *c = aligned_alloc(BENCH_LINE, sizeof *c);
    (void)setup;
    if (!(*out = c))
        return -ENOMEM;
    *c = (counters){0};
    return 0;
}

BENCH_OP bool floor_put(void *object, void *thread, void *value)
{
    (void)thread;
    (void)value;
    return __atomic_fetch_add(&((counters *)object)->put, 1, __ATOMIC_SEQ_CST) != UINT64_MAX;
}

BENCH_OP bool floor_take(void *object, void *thread, void **value)
{
    (void)thread;
    *value = (void *)(uintptr_t)__atomic_fetch_add(&((counters *)object)->take, 1, __ATOMIC_SEQ_CST);
    return true;
}

BENCH_CONTAINER(floor, floor_put, floor_take);

#define FLOOR(in_family)                                                                                               \
    {                                                                                                                  \
        .name = "floor-xadd", .family = in_family, .role = BENCH_FLOOR,                                                \
        .note = "two lock xadd on two padded counters per pair: the physical floor; holds no values",                  \
        .create = floor_create, .destroy = free, .thread_begin = bench_no_thread_begin,                                \
        .thread_end = bench_no_thread_end, .container = &floor_ops, .drive = floor_drive,                              \
    }

const bench_impl bench_floor_queue = FLOOR(BENCH_QUEUE);
const bench_impl bench_floor_stack = FLOOR(BENCH_STACK);
