/* Weft's bounded rings of pointers, in each of their forms. Each object is the ring itself. */
#include "bench/adapters/ring_forms.h"
#include "bench/measure/loops_container.h"

#define WEFT_ADAPTER(KIND, it, unused)                                                                                 \
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
    BENCH_CONTAINER(it, it##_put, it##_take);

#define WEFT_FORM(FAMILY, it, form, suffix, flags, unused)                                                             \
    static int form##_create(void **out, const bench_setup *setup)                                                     \
    {                                                                                                                  \
        (void)setup;                                                                                                   \
        return weft_##it##_create((weft_##it **)out, BENCH_PLACES, sizeof(void *), (flags));                           \
    }                                                                                                                  \
    const bench_impl bench_weft_##form = {                                                                             \
        .name = "weft-" #it suffix,                                                                                    \
        .family = BENCH_##FAMILY,                                                                                      \
        .role = BENCH_WEFT,                                                                                            \
        .limits = "bounded",                                                                                           \
        .create = form##_create,                                                                                       \
        .destroy = it##_destroy,                                                                                       \
        .thread_begin = bench_no_thread_begin,                                                                         \
        .thread_end = bench_no_thread_end,                                                                             \
        .bounded = true,                                                                                               \
        .container = &it##_ops,                                                                                        \
        .drive = it##_drive,                                                                                           \
    };

WEFT_RINGS(WEFT_ADAPTER, 0)
WEFT_RING_FORMS(WEFT_FORM, 0)
