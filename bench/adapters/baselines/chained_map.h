/*
 * The map baselines: MAP_SHARDS chained tables, each with its own lock, chosen by the hash's upper half.
 * Define before including this: MAP_SHARDS, map_lock, map_lock_init, map_lock_destroy, map_lock_read, map_lock_write,
 * map_lock_leave. Everything is static. Nodes are allocated before the lock is taken and freed after it is released.
 */
#include "bench/adapters/baselines/chained.h"
#include "bench/measure/loops_map.h"

#include <errno.h>
#include <stdlib.h>

typedef struct map_shard {
    _Alignas(BENCH_LINE) map_lock lock;
    chained table;
} map_shard;

typedef struct locked_map {
    map_shard shards[MAP_SHARDS];
} locked_map;

static void map_destroy(void *object)
{
    locked_map *map = object;
    for (size_t i = 0; i < MAP_SHARDS && map->shards[i].table.buckets; i++) {
        chained_clear(&map->shards[i].table);
        map_lock_destroy(&map->shards[i].lock);
    }
    free(map);
}

static int map_create(void **out, const bench_setup *setup)
{
    locked_map *map = aligned_alloc(BENCH_LINE, sizeof *map);
    (void)setup;
    if (!(*out = map))
        return -ENOMEM;
    for (size_t i = 0; i < MAP_SHARDS; i++) {
        map_lock_init(&map->shards[i].lock);
        if (!chained_init(&map->shards[i].table, NULL)) {
            map_destroy(map);
            *out = NULL;
            return -ENOMEM;
        }
    }
    return 0;
}

static inline map_shard *map_shard_of(void *object, uint64_t hash)
{
    return &((locked_map *)object)->shards[(hash >> 32) % MAP_SHARDS];
}

static inline void *map_key(uint64_t key)
{
    return (void *)(uintptr_t)key;
}

BENCH_OP void *map_get(void *object, void *thread, uint64_t key)
{
    uint64_t hash = bench_mix(key);
    map_shard *shard = map_shard_of(object, hash);
    (void)thread;
    map_lock_read(&shard->lock);
    chained_node *node = *chained_find(&shard->table, hash, map_key(key));
    void *value = node ? node->value : NULL;
    map_lock_leave(&shard->lock);
    return value;
}

BENCH_OP bool map_insert(void *object, void *thread, uint64_t key, void *value)
{
    uint64_t hash = bench_mix(key);
    map_shard *shard = map_shard_of(object, hash);
    chained_node *node = malloc(sizeof *node);
    (void)thread;
    if (!node)
        return false;
    *node = (chained_node){.hash = hash, .key = map_key(key), .value = value};
    map_lock_write(&shard->lock);
    chained_node **place = chained_find(&shard->table, hash, node->key);
    bool absent = !*place;
    if (absent)
        chained_link(&shard->table, place, node);
    map_lock_leave(&shard->lock);
    if (!absent)
        free(node);
    return absent;
}

BENCH_OP bool map_remove(void *object, void *thread, uint64_t key)
{
    uint64_t hash = bench_mix(key);
    map_shard *shard = map_shard_of(object, hash);
    (void)thread;
    map_lock_write(&shard->lock);
    chained_node **place = chained_find(&shard->table, hash, map_key(key));
    chained_node *node = *place ? chained_unlink(&shard->table, place) : NULL;
    map_lock_leave(&shard->lock);
    free(node);
    return node != NULL;
}

static size_t map_size(void *object, void *thread)
{
    locked_map *map = object;
    size_t size = 0;
    (void)thread;
    for (size_t i = 0; i < MAP_SHARDS; i++)
        size += map->shards[i].table.size;
    return size;
}

BENCH_MAP_LOOPS(map, map_get, map_insert, map_remove, map_size);
