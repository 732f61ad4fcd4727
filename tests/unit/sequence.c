#include "tests/unit/sequence.h"

#include <weft/queues/msq.h>
#include <weft/stacks/treiber.h>

static int queue_create(void **out, weft_domain *domain)
{
    return weft_msq_create((weft_msq **)out, domain);
}

static int queue_put(void *sequence, void *value)
{
    return weft_msq_enqueue(sequence, value);
}

static int queue_put_many(void *sequence, void *const *values, size_t count)
{
    return weft_msq_enqueue_many(sequence, values, count);
}

static bool queue_try_take(void *sequence, void **value)
{
    return weft_msq_try_dequeue(sequence, value);
}

static bool queue_is_empty(void *sequence)
{
    return weft_msq_is_empty(sequence);
}

static void queue_destroy(void *sequence, void (*drain)(void *value, void *ctx), void *ctx)
{
    weft_msq_destroy(sequence, drain, ctx);
}

const t_sequence t_queue = {
    "queue", false, queue_create, queue_put, queue_put_many, queue_try_take, queue_is_empty, queue_destroy,
};

static int stack_create(void **out, weft_domain *domain)
{
    return weft_treiber_create((weft_treiber **)out, domain);
}

static int stack_put(void *sequence, void *value)
{
    return weft_treiber_push(sequence, value);
}

static int stack_put_many(void *sequence, void *const *values, size_t count)
{
    return weft_treiber_push_many(sequence, values, count);
}

static bool stack_try_take(void *sequence, void **value)
{
    return weft_treiber_try_pop(sequence, value);
}

static bool stack_is_empty(void *sequence)
{
    return weft_treiber_is_empty(sequence);
}

static void stack_destroy(void *sequence, void (*drain)(void *value, void *ctx), void *ctx)
{
    weft_treiber_destroy(sequence, drain, ctx);
}

const t_sequence t_stack = {
    "stack", true, stack_create, stack_put, stack_put_many, stack_try_take, stack_is_empty, stack_destroy,
};

t_case t_queue_hazard = {WEFT_HAZARD, &t_queue};
t_case t_queue_epoch = {WEFT_EPOCH, &t_queue};
t_case t_stack_hazard = {WEFT_HAZARD, &t_stack};
t_case t_stack_epoch = {WEFT_EPOCH, &t_stack};

void *t_sequence_new(const t_env *env)
{
    const t_sequence *kind = env->what;
    void *sequence = NULL;
    CHECK(kind->create(&sequence, env->domain) == 0);
    CHECK(sequence != NULL);
    return sequence;
}

uintptr_t t_take(const t_sequence *kind, void *sequence)
{
    void *value = NULL;
    CHECK(kind->try_take(sequence, &value));
    return t_int(value);
}
