/* weft_treiber. The library's functions are what the loop calls; these are inlined into it. */
#include "bench/measure/loops_container.h"
#include "bench/adapters/weft/domain.h"

#include <weft/stacks/treiber.h>

static int structure_create(void **structure, weft_domain *domain)
{
    return weft_treiber_create((weft_treiber **)structure, domain);
}

WEFT_CREATE(stack, structure_create)

static void stack_destroy(void *object)
{
    weft_treiber_destroy(((weft_object *)object)->structure, NULL, NULL);
    weft_object_destroy(object);
}

bench_inline bool stack_put(void *object, void *thread, void *value)
{
    (void)thread;
    return weft_treiber_push(((weft_object *)object)->structure, value) == 0;
}

bench_inline bool stack_take(void *object, void *thread, void **value)
{
    (void)thread;
    return weft_treiber_try_pop(((weft_object *)object)->structure, value);
}

BENCH_CONTAINER(stack, stack_put, stack_take);

#define WEFT_ROW(in_scheme)                                                                                            \
    {                                                                                                                  \
        .name = "weft-treiber", .scheme = #in_scheme, .family = BENCH_STACK, .role = BENCH_WEFT,                       \
        .create = stack_##in_scheme##_create, .destroy = stack_destroy, .thread_begin = weft_object_thread_begin,      \
        .thread_end = weft_object_thread_end, .container = &stack_ops, .drive = stack_drive,                           \
    }

const bench_impl bench_weft_treiber_hazard = WEFT_ROW(hazard);
const bench_impl bench_weft_treiber_epoch = WEFT_ROW(epoch);
