#define MAP_SHARDS 1
#include "bench/adapters/baselines/map_mutex.h"
#include "bench/adapters/baselines/chained_map.h"

const bench_impl bench_mutex_map = {
    .name = "mutex-map",
    .family = BENCH_MAP,
    .role = BENCH_BASELINE,
    .limits = "may wait",
    .note = "chained table under one pthread mutex, at most one entry per bucket",
    .create = map_create,
    .destroy = map_destroy,
    .thread_begin = bench_no_thread_begin,
    .thread_end = bench_no_thread_end,
    .map = &map_ops,
    .drive = map_drive,
};
