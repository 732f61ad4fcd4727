/* weft_deque: the owner's calls and the thieves'. */
#include "bench/measure/loops_container.h"
#include "bench/adapters/weft/domain.h"

#include <weft/queues/deque.h>

static int deque_create(void **structure, weft_domain *domain)
{
    return weft_deque_create((weft_deque **)structure, domain);
}

WEFT_CREATE(deque, deque_create)

static void deque_destroy(void *object)
{
    weft_deque_destroy(((weft_object *)object)->structure, NULL, NULL);
    weft_object_destroy(object);
}

bench_inline bool deque_put(void *object, void *thread, void *value)
{
    (void)thread;
    return weft_deque_push(((weft_object *)object)->structure, value) == 0;
}

bench_inline bool deque_take(void *object, void *thread, void **value)
{
    (void)thread;
    return weft_deque_try_pop(((weft_object *)object)->structure, value);
}

bench_inline bool deque_steal(void *object, void *thread, void **value)
{
    (void)thread;
    return weft_deque_try_steal(((weft_object *)object)->structure, value);
}

BENCH_STOLEN_FROM(deque, deque_put, deque_take, deque_steal);

#define WEFT_ROW(in_scheme)                                                                                            \
    {                                                                                                                  \
        .name = "weft-deque", .scheme = #in_scheme, .family = BENCH_DEQUE, .role = BENCH_WEFT, .limits = "one owner",  \
        .create = deque_##in_scheme##_create, .destroy = deque_destroy, .thread_begin = weft_object_thread_begin,      \
        .thread_end = weft_object_thread_end, .container = &deque_ops, .drive = deque_drive,                           \
    }

const bench_impl bench_weft_deque_hazard = WEFT_ROW(hazard);
const bench_impl bench_weft_deque_epoch = WEFT_ROW(epoch);
