/* Weft's bounded rings of pointers, each with and without its flags. Each object is the ring itself. */
#include "bench/measure/loops_container.h"

#include "structures.def"

#define WEFT_ROW(KIND, it, shown, make)                                                                                \
    {                                                                                                                  \
        .name = (shown), .family = BENCH_##KIND, .role = BENCH_WEFT, .limits = "bounded", .bounded = true,             \
        .create = (make), .destroy = it##_destroy, .thread_begin = bench_no_thread_begin,                              \
        .thread_end = bench_no_thread_end, .container = &it##_ops, .drive = it##_drive,                                \
    }

#define WEFT_CREATE_WITH(it, name, flags)                                                                              \
    static int name(void **out, const bench_setup *setup)                                                              \
    {                                                                                                                  \
        (void)setup;                                                                                                   \
        return weft_##it##_create((weft_##it **)out, BENCH_PLACES, sizeof(void *), (flags));                           \
    }

#define WEFT_ADAPTER(KIND, it, unused)                                                                                 \
    WEFT_CREATE_WITH(it, it##_create, 0)                                                                               \
    WEFT_CREATE_WITH(it, it##_create_stamped, WEFT_SPSC_STAMPED)                                                       \
    static void it##_destroy(void *object)                                                                             \
    {                                                                                                                  \
        weft_##it##_destroy(object);                                                                                   \
    }                                                                                                                  \
    bench_inline bool it##_put(void *object, void *thread, void *value)                                                \
    {                                                                                                                  \
        (void)thread;                                                                                                  \
        return weft_##it##_try_push(object, &value);                                                                   \
    }                                                                                                                  \
    bench_inline bool it##_take(void *object, void *thread, void **value)                                              \
    {                                                                                                                  \
        (void)thread;                                                                                                  \
        return weft_##it##_try_pop(object, value);                                                                     \
    }                                                                                                                  \
    BENCH_CONTAINER(it, it##_put, it##_take);                                                                          \
    const bench_impl bench_weft_##it = WEFT_ROW(KIND, it, "weft-" #it, it##_create);                                   \
    const bench_impl bench_weft_##it##_stamped = WEFT_ROW(KIND, it, "weft-" #it "-stamped", it##_create_stamped);

WEFT_RINGS(WEFT_ADAPTER, 0)
