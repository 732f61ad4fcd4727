#define MAP_SHARDS 64
#include "bench/adapters/baselines/map_mutex.h"
#include "bench/adapters/baselines/chained_map.h"

const bench_impl bench_sharded_map = {
    .name = "sharded-map",
    .family = BENCH_MAP,
    .role = BENCH_BASELINE,
    .limits = "may wait",
    .note = "64 such tables, each under a mutex of its own",
    .create = map_create,
    .destroy = map_destroy,
    .thread_begin = bench_no_thread_begin,
    .thread_end = bench_no_thread_end,
    .map = &map_ops,
    .drive = map_drive,
};
