#include <weft/reclaim/registry.h>
#include <weft/stacks/treiber_kernel.h>

int weft_treiber_create(weft_treiber **out, weft_domain *domain)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    weft_treiber *stack = weft_i_alloc(domain, sizeof *stack, WEFT_I_LINE);
    if (!stack)
        return -ENOMEM;
    weft_i_domain_use(domain);
    *stack = (weft_treiber){.domain = domain};
    weft_i_born(stack);
    *out = stack;
    return 0;
}

int weft_treiber_push(weft_treiber *stack, void *value)
{
    if (weft_i_unlikely(!stack))
        return -EINVAL;
    weft_i_check(stack);
    weft_i_treiber_node *node = weft_i_node_cached(stack->domain, WEFT_I_SMALL);
    if (weft_i_unlikely(!node))
        return weft_i_treiber_push_again(stack, NULL, NULL, value, WEFT_I_AGAIN);
    weft_i_write(&node->value, value);
    weft_i_outcome outcome = weft_i_treiber_push(stack, node, node);
    return weft_i_likely(outcome == WEFT_I_DONE) ? 0 : weft_i_treiber_push_again(stack, node, node, NULL, outcome);
}

int weft_treiber_push_many(weft_treiber *stack, void *const *values, size_t count)
{
    weft_i_treiber_node *first = NULL, *last = NULL;
    if (!stack || (!values && count))
        return -EINVAL;
    weft_i_check(stack);
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
    return first ? weft_i_treiber_push_again(stack, first, last, NULL, WEFT_I_AGAIN) : 0;
}

bool weft_treiber_try_pop(weft_treiber *stack, void **value)
{
    if (weft_i_unlikely(!stack || !value))
        return false;
    weft_i_check(stack);
    weft_i_outcome outcome = WEFT_I_BY_SCHEME(stack->domain, weft_i_treiber_pop, stack, value, WEFT_I_FAST);
    if (weft_i_likely(outcome == WEFT_I_DONE))
        return true;
    if (outcome == WEFT_I_DUE)
        return weft_i_maintain(stack->domain);
    return outcome != WEFT_I_EMPTY && weft_i_treiber_pop_again(stack, value, outcome);
}

size_t weft_treiber_pop_all(weft_treiber *stack, void (*each)(void *value, void *ctx), void *ctx)
{
    size_t count = 0;
    if (!stack)
        return 0;
    weft_i_check(stack);
    weft_i_treiber_node *first = weft_i_exchange(&stack->top, NULL, TREIBER_A1);
    for (weft_i_treiber_node *node = first; node && each; node = weft_i_read(&node->next))
        each(weft_i_read(&node->value), ctx);
    /* Retires after all values have been handed out, since retiring runs callbacks, which may end the thread. */
    for (weft_i_treiber_node *node = first, *next; node; node = next, count++) {
        next = weft_i_read(&node->next);
        weft_i_retire(stack->domain, weft_i_local_get(stack->domain), &node->hook, &weft_i_recycle[WEFT_I_SMALL],
                      WEFT_I_SMALL_SIZE);
    }
    return count;
}

bool weft_treiber_is_empty(weft_treiber *stack)
{
    if (!stack)
        return true;
    weft_i_check(stack);
    return !weft_i_load(&stack->top, TREIBER_A2);
}

void weft_treiber_destroy(weft_treiber *stack, void (*drain)(void *value, void *ctx), void *ctx)
{
    if (!stack)
        return;
    weft_i_dies(stack);
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
