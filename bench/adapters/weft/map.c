/* weft_map with its default configuration: 64-bit integer keys. The map does not own values, so get needs no guard. */
#include "bench/measure/loops_map.h"
#include "bench/adapters/weft/domain.h"

#include <weft/hashmap/split_map.h>

static int structure_create(void **structure, weft_domain *domain)
{
    return weft_map_create((weft_map **)structure, domain, NULL);
}

WEFT_CREATE(map, structure_create)

static void map_destroy(void *object)
{
    weft_map_destroy(((weft_object *)object)->structure, NULL, NULL);
    weft_object_destroy(object);
}

bench_inline void *map_get(void *object, void *thread, uint64_t key)
{
    (void)thread;
    return weft_map_get(((weft_object *)object)->structure, NULL, (void *)(uintptr_t)key);
}

bench_inline bool map_insert(void *object, void *thread, uint64_t key, void *value)
{
    (void)thread;
    return weft_map_insert(((weft_object *)object)->structure, (void *)(uintptr_t)key, value) == 0;
}

bench_inline bool map_remove(void *object, void *thread, uint64_t key)
{
    void *value;
    (void)thread;
    return weft_map_remove(((weft_object *)object)->structure, (void *)(uintptr_t)key, &value);
}

static size_t map_size(void *object, void *thread)
{
    (void)thread;
    return weft_map_size(((weft_object *)object)->structure);
}

BENCH_MAP_LOOPS(map, map_get, map_insert, map_remove, map_size);

#define WEFT_ROW(in_scheme)                                                                                            \
    {                                                                                                                  \
        .name = "weft-map", .scheme = #in_scheme, .family = BENCH_MAP, .role = BENCH_WEFT,                             \
        .create = map_##in_scheme##_create, .destroy = map_destroy, .thread_begin = weft_object_thread_begin,          \
        .thread_end = weft_object_thread_end, .map = &map_ops, .drive = map_drive,                                     \
    }

const bench_impl bench_weft_map_hazard = WEFT_ROW(hazard);
const bench_impl bench_weft_map_epoch = WEFT_ROW(epoch);
