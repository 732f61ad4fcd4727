/* As list_queue.h, but last in first out. */
#include "bench/adapters/baselines/locks.h"
#include "bench/measure/loops_container.h"

#include <errno.h>
#include <stdlib.h>

typedef struct list_node {
    struct list_node *next;
    void *value;
} list_node;

typedef struct list_stack {
    _Alignas(BENCH_LINE) base_lock lock;
    list_node *top;
} list_stack;

static int list_create(void **out, const bench_setup *setup)
{
    list_stack *stack = aligned_alloc(BENCH_LINE, sizeof *stack);
    (void)setup;
    if (!(*out = stack))
        return -ENOMEM;
    base_lock_init(&stack->lock);
    stack->top = NULL;
    return 0;
}

BENCH_OP bool list_put(void *object, void *thread, void *value)
{
    list_stack *stack = object;
    list_node *node = malloc(sizeof *node);
    (void)thread;
    if (!node)
        return false;
    node->value = value;
    base_lock_take(&stack->lock);
    node->next = stack->top;
    stack->top = node;
    base_lock_leave(&stack->lock);
    return true;
}

BENCH_OP bool list_take(void *object, void *thread, void **value)
{
    list_stack *stack = object;
    (void)thread;
    base_lock_take(&stack->lock);
    list_node *node = stack->top;
    if (node)
        stack->top = node->next;
    base_lock_leave(&stack->lock);
    if (!node)
        return false;
    *value = node->value;
    free(node);
    return true;
}

static void list_destroy(void *object)
{
    list_stack *stack = object;
    for (list_node *node = stack->top, *next; node; node = next) {
        next = node->next;
        free(node);
    }
    base_lock_destroy(&stack->lock);
    free(stack);
}

BENCH_CONTAINER(list, list_put, list_take);
