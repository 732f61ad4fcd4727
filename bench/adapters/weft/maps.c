/* Weft's maps with their default configurations: 64-bit integer keys. They own no values, so get needs no guard. */
#include "bench/measure/loops_map.h"
#include "bench/adapters/weft/domain.h"

#include "structures.def"

#define KEY_POINTER(key) ((void *)(uintptr_t)(key))
#define KEY_INTEGER(key) (key)

/* clang-format off */
#define MAP(KIND, name, unused)                                                                                        \
    static int name##_structure_create(void **structure, weft_domain *domain)                                          \
    {                                                                                                                  \
        return weft_##name##_create((weft_##name **)structure, domain, NULL);                                          \
    }                                                                                                                  \
    WEFT_CREATE(name, name##_structure_create)                                                                         \
    static void name##_destroy(void *object)                                                                           \
    {                                                                                                                  \
        weft_##name##_destroy(((weft_object *)object)->structure, NULL, NULL);                                         \
        weft_object_destroy(object);                                                                                   \
    }                                                                                                                  \
    bench_inline void *name##_get(void *object, void *thread, uint64_t key)                                            \
    {                                                                                                                  \
        (void)thread;                                                                                                  \
        return weft_##name##_get(((weft_object *)object)->structure, NULL, KEY_##KIND(key));                           \
    }                                                                                                                  \
    bench_inline bool name##_insert(void *object, void *thread, uint64_t key, void *value)                             \
    {                                                                                                                  \
        (void)thread;                                                                                                  \
        return weft_##name##_insert(((weft_object *)object)->structure, KEY_##KIND(key), value) == 0;                  \
    }                                                                                                                  \
    bench_inline bool name##_remove(void *object, void *thread, uint64_t key)                                          \
    {                                                                                                                  \
        void *value;                                                                                                   \
        (void)thread;                                                                                                  \
        return weft_##name##_remove(((weft_object *)object)->structure, KEY_##KIND(key), &value);                      \
    }                                                                                                                  \
    static size_t name##_size(void *object, void *thread)                                                              \
    {                                                                                                                  \
        (void)thread;                                                                                                  \
        return weft_##name##_size(((weft_object *)object)->structure);                                                 \
    }                                                                                                                  \
    BENCH_MAP_LOOPS(name, name##_get, name##_insert, name##_remove, name##_size);                                      \
    const bench_impl bench_weft_##name##_hazard = ROW(name, hazard);                                                   \
    const bench_impl bench_weft_##name##_epoch = ROW(name, epoch);

#define ROW(in_name, in_scheme)                                                                                        \
    {                                                                                                                  \
        .name = "weft-" #in_name, .scheme = #in_scheme, .family = BENCH_MAP, .role = BENCH_WEFT,                       \
        .create = in_name##_##in_scheme##_create, .destroy = in_name##_destroy,                                        \
        .thread_begin = weft_object_thread_begin, .thread_end = weft_object_thread_end, .map = &in_name##_ops,         \
        .drive = in_name##_drive,                                                                                      \
    }
/* clang-format on */

WEFT_MAPS(MAP, 0)
