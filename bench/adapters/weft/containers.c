/* Weft's containers. The loop calls the library's functions directly: the functions here are inlined into it. */
#include "bench/measure/loops_container.h"
#include "bench/adapters/weft/domain.h"

#include "structures.def"

#define WEFT_ROW(KIND, it, in_scheme)                                                                                  \
    {                                                                                                                  \
        .name = "weft-" #it, .scheme = #in_scheme, .family = BENCH_##KIND, .role = BENCH_WEFT,                         \
        .create = it##_##in_scheme##_create, .destroy = it##_destroy, .thread_begin = weft_object_thread_begin,        \
        .thread_end = weft_object_thread_end, .container = &it##_ops, .drive = it##_drive,                             \
    }

#define WEFT_ADAPTER(KIND, it, put, take, unused)                                                                      \
    static int it##_create(void **structure, weft_domain *domain)                                                      \
    {                                                                                                                  \
        return weft_##it##_create((weft_##it **)structure, domain);                                                    \
    }                                                                                                                  \
    WEFT_CREATE(it, it##_create)                                                                                       \
    static void it##_destroy(void *object)                                                                             \
    {                                                                                                                  \
        weft_##it##_destroy(((weft_object *)object)->structure, NULL, NULL);                                           \
        weft_object_destroy(object);                                                                                   \
    }                                                                                                                  \
    bench_inline bool it##_put(void *object, void *thread, void *value)                                                \
    {                                                                                                                  \
        (void)thread;                                                                                                  \
        return weft_##it##_##put(((weft_object *)object)->structure, value) == 0;                                      \
    }                                                                                                                  \
    bench_inline bool it##_take(void *object, void *thread, void **value)                                              \
    {                                                                                                                  \
        (void)thread;                                                                                                  \
        return weft_##it##_##take(((weft_object *)object)->structure, value);                                          \
    }                                                                                                                  \
    BENCH_CONTAINER(it, it##_put, it##_take);                                                                          \
    const bench_impl bench_weft_##it##_hazard = WEFT_ROW(KIND, it, hazard);                                            \
    const bench_impl bench_weft_##it##_epoch = WEFT_ROW(KIND, it, epoch);

WEFT_CONTAINERS(WEFT_ADAPTER, 0)
