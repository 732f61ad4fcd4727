/* The deque: thread 1 owns it, the others steal. A thief that steals half has a deque of its own. */
#define _GNU_SOURCE
#include "check/model/explain.h"
#include "tests/cases/operations.h"

#include <weft/queues/deque_kernel.h>

enum { HALF = 3 };

static weft_deque *deque, *own[KERNEL_THREADS + 1];

static void push(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_PUSH_BOTTOM, 0, value);
    (void)key;
    tell(value);
    MODEL_CHECK(weft_deque_push(deque, (void *)(uintptr_t)value) == 0);
    model_end(op, LIN_NOTHING, 0);
}

static void end_take(lin_operation *op, bool got, const void *value)
{
    if (got)
        hear((int64_t)(uintptr_t)value);
    model_end(op, got ? LIN_VALUE : LIN_NOTHING, got ? (int64_t)(uintptr_t)value : 0);
}

static bool pop_one(void)
{
    void *value = NULL;
    lin_operation *op = model_begin(LIN_POP_BOTTOM, 0, 0);
    bool got = weft_deque_try_pop(deque, &value);
    end_take(op, got, value);
    return got;
}

OPERATION(pop, (void)pop_one())

static void steal(int64_t key, int64_t ignored)
{
    void *value = NULL;
    lin_operation *op = model_begin(LIN_STEAL, 0, 0);
    (void)key, (void)ignored;
    bool got = weft_deque_try_steal(deque, &value);
    end_take(op, got, value);
}

/* Each of them is a steal that overlaps the others; none at all is an answer "empty". */
static void steal_half(int64_t key, int64_t ignored)
{
    lin_operation *op[HALF];
    void *value[HALF] = {NULL};
    weft_deque *mine = own[model_thread()];
    (void)key, (void)ignored;
    for (int i = 0; i < HALF; i++)
        op[i] = model_begin(LIN_STEAL, 0, 0);
    size_t got = weft_deque_steal_half(deque, mine);
    MODEL_CHECK(got <= HALF);
    for (size_t i = got; i > 0; i--)
        MODEL_CHECK(weft_deque_try_pop(mine, &value[i - 1]));
    for (size_t i = 0; i < HALF; i++)
        if (i < got || i == 0)
            end_take(op[i], i < got, value[i]);
        else
            model_drop(op[i]);
}

static const operation operations[] = {
    {"push", "the owner pushes a value", push, false},
    {"pop", "the owner pops a value", pop, false},
    {"steal", "steal a value", steal, false},
    {"steal-half", "steal half of the values", steal_half, false},
    {0},
};

static int create(unsigned before)
{
    int error = weft_deque_create(&deque, the_domain);
    for (unsigned t = 2; t <= KERNEL_THREADS && !error; t++)
        if (thread_does(t, "steal-half", 0))
            error = weft_deque_create(&own[t], the_domain);
    for (unsigned i = 1; i <= before && !error; i++)
        push(0, i);
    return error;
}

static void destroy(void)
{
    while (pop_one())
        ;
    for (unsigned t = 2; t <= KERNEL_THREADS; t++)
        weft_deque_destroy(own[t], NULL, NULL);
    weft_deque_destroy(deque, NULL, NULL);
}

static void explain(void)
{
    model_explain(&lin_deque_spec);
}

const structure_kind deque_kind = {operations, create, destroy, explain};
