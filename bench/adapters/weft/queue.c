/* weft_msq. The library's functions are what the loop calls; these are inlined into it. */
#include "bench/measure/loops_container.h"
#include "bench/adapters/weft/domain.h"

#include <weft/queues/msq.h>

static int structure_create(void **structure, weft_domain *domain)
{
    return weft_msq_create((weft_msq **)structure, domain);
}

WEFT_CREATE(queue, structure_create)

static void queue_destroy(void *object)
{
    weft_msq_destroy(((weft_object *)object)->structure, NULL, NULL);
    weft_object_destroy(object);
}

bench_inline bool queue_put(void *object, void *thread, void *value)
{
    (void)thread;
    return weft_msq_enqueue(((weft_object *)object)->structure, value) == 0;
}

bench_inline bool queue_take(void *object, void *thread, void **value)
{
    (void)thread;
    return weft_msq_try_dequeue(((weft_object *)object)->structure, value);
}

BENCH_CONTAINER(queue, queue_put, queue_take);

#define WEFT_ROW(in_scheme)                                                                                            \
    {                                                                                                                  \
        .name = "weft-msq", .scheme = #in_scheme, .family = BENCH_QUEUE, .role = BENCH_WEFT,                           \
        .create = queue_##in_scheme##_create, .destroy = queue_destroy, .thread_begin = weft_object_thread_begin,      \
        .thread_end = weft_object_thread_end, .container = &queue_ops, .drive = queue_drive,                           \
    }

const bench_impl bench_weft_msq_hazard = WEFT_ROW(hazard);
const bench_impl bench_weft_msq_epoch = WEFT_ROW(epoch);
