#define _GNU_SOURCE
#include <weft/reclaim/registry.h>
#include <weft/stacks/treiber_kernel.h>

#include <errno.h>

int weft_treiber_create(weft_treiber **out, weft_domain *domain)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    domain = weft_i_domain_use(domain);
    weft_treiber *stack = weft_i_alloc(domain, sizeof *stack, WEFT_I_LINE);
    if (!stack) {
        weft_i_domain_unuse(domain);
        return -ENOMEM;
    }
    *stack = (weft_treiber){.domain = domain};
    *out = stack;
    return 0;
}

int weft_treiber_push(weft_treiber *stack, void *value)
{
    if (weft_i_unlikely(!stack))
        return -EINVAL;
    weft_i_treiber_node *node = weft_i_treiber_node_make(stack->domain, weft_i_local_get(stack->domain), value);
    if (weft_i_unlikely(!node))
        return -ENOMEM;
    weft_i_treiber_link(stack, node, node);
    return 0;
}

int weft_treiber_push_many(weft_treiber *stack, void *const *values, size_t count)
{
    weft_i_treiber_node *first = NULL, *last = NULL;
    if (!stack || (!values && count))
        return -EINVAL;
    weft_i_local *local = weft_i_local_get(stack->domain);
    for (size_t i = 0; i < count; i++) {
        weft_i_treiber_node *node = weft_i_treiber_node_make(stack->domain, local, values[i]);
        if (!node) {
            for (weft_i_treiber_node *next; first; first = next) {
                next = first == last ? NULL : first->next;
                weft_i_node_free(stack->domain, local, WEFT_I_SMALL, first);
            }
            return -ENOMEM;
        }
        node->next = first;
        first = node;
        last = last ? last : node;
    }
    if (first)
        weft_i_treiber_link(stack, first, last);
    return 0;
}

bool weft_treiber_try_pop(weft_treiber *stack, void **value)
{
    if (weft_i_unlikely(!stack || !value))
        return false;
    return weft_i_scheme(stack->domain) == WEFT_EPOCH ? weft_i_treiber_try_pop(stack, value, WEFT_EPOCH)
                                                      : weft_i_treiber_try_pop(stack, value, WEFT_HAZARD);
}

size_t weft_treiber_pop_all(weft_treiber *stack, void (*each)(void *value, void *ctx), void *ctx)
{
    size_t count = 0;
    if (!stack)
        return 0;
    weft_i_treiber_node *node = weft_i_exchange(&stack->top, NULL, TREIBER_A1);
    for (weft_i_treiber_node *next; node; node = next, count++) {
        next = weft_i_read(&node->next);
        void *value = weft_i_read(&node->value);
        weft_i_retire(stack->domain, weft_i_local_get(stack->domain), &node->hook, &weft_i_recycle[WEFT_I_SMALL]);
        if (each)
            each(value, ctx);
    }
    return count;
}

bool weft_treiber_is_empty(weft_treiber *stack)
{
    return !stack || !weft_i_load(&stack->top, TREIBER_A2);
}

void weft_treiber_destroy(weft_treiber *stack, void (*drain)(void *value, void *ctx), void *ctx)
{
    if (!stack)
        return;
    weft_domain *domain = stack->domain;
    weft_i_local *local = weft_i_local_get(domain);
    /* relaxed: no other thread uses the stack */
    weft_i_treiber_node *node = weft_i_load(&stack->top, memory_order_relaxed);
    for (weft_i_treiber_node *next; node; node = next) {
        next = node->next;
        if (drain)
            drain(node->value, ctx);
        weft_i_node_free(domain, local, WEFT_I_SMALL, node);
    }
    weft_i_free(domain, stack, sizeof *stack);
    weft_i_domain_unuse(domain);
}
