#include <pthread.h>

#define MAP_SHARDS 1
#define map_lock pthread_rwlock_t
#define map_lock_init(lock) pthread_rwlock_init(lock, NULL)
#define map_lock_destroy(lock) pthread_rwlock_destroy(lock)
#define map_lock_read(lock) pthread_rwlock_rdlock(lock)
#define map_lock_write(lock) pthread_rwlock_wrlock(lock)
#define map_lock_leave(lock) pthread_rwlock_unlock(lock)
#include "bench/adapters/baselines/chained_map.h"

const bench_impl bench_rwlock_map = {
    .name = "rwlock-map",
    .family = BENCH_MAP,
    .role = BENCH_BASELINE,
    .limits = "may wait",
    .note = "the same table under a pthread read-write lock",
    .create = map_create,
    .destroy = map_destroy,
    .thread_begin = bench_no_thread_begin,
    .thread_end = bench_no_thread_end,
    .map = &map_ops,
    .drive = map_drive,
};
