#include <weft/queues/msq_kernel.h>
#include <weft/reclaim/registry.h>

int weft_msq_create(weft_msq **out, weft_domain *domain)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    weft_msq *queue = weft_i_alloc(domain, sizeof *queue, WEFT_I_LINE);
    weft_i_msq_node *dummy = queue ? weft_i_msq_node_make(domain, weft_i_local_get(domain), NULL) : NULL;
    if (!dummy) {
        weft_i_free(domain, queue, sizeof *queue);
        return -ENOMEM;
    }
    weft_i_domain_use(domain);
    *queue = (weft_msq){.domain = domain, .head = dummy, .tail = dummy};
    weft_i_born(queue);
    *out = queue;
    return 0;
}

int weft_msq_enqueue(weft_msq *queue, void *value)
{
    if (weft_i_unlikely(!queue))
        return -EINVAL;
    weft_i_check(queue);
    weft_i_msq_node *node = weft_i_node_cached(queue->domain, WEFT_I_SMALL);
    if (weft_i_unlikely(!node))
        return weft_i_msq_enqueue_again(queue, NULL, NULL, value, WEFT_I_AGAIN);
    weft_i_msq_node_fill(node, value);
    weft_i_outcome outcome = WEFT_I_BY_SCHEME(queue->domain, weft_i_msq_enqueue, queue, node, node, WEFT_I_FAST);
    return weft_i_likely(outcome == WEFT_I_DONE) ? 0 : weft_i_msq_enqueue_again(queue, node, node, NULL, outcome);
}

static void free_nodes(weft_domain *domain, weft_i_msq_node *node, weft_i_local *local)
{
    for (weft_i_msq_node *next; node; node = next) {
        /* relaxed: no other thread sees these nodes */
        next = weft_i_msq_node_of(weft_i_load(&node->next, memory_order_relaxed));
        weft_i_node_free(domain, local, WEFT_I_SMALL, node);
    }
}

int weft_msq_enqueue_many(weft_msq *queue, void *const *values, size_t count)
{
    weft_i_msq_node *first = NULL, *last = NULL;
    if (!queue || (!values && count))
        return -EINVAL;
    weft_i_check(queue);
    weft_i_local *local = weft_i_local_get(queue->domain);
    for (size_t i = 0; i < count; i++) {
        weft_i_msq_node *node = weft_i_msq_node_make(queue->domain, local, values[i]);
        if (!node) {
            free_nodes(queue->domain, first, local);
            return -ENOMEM;
        }
        if (last)
            /* relaxed: the chain is private until MSQ_R1 */
            weft_i_store(&last->next, node, memory_order_relaxed);
        else
            first = node;
        last = node;
    }
    return first ? weft_i_msq_enqueue_again(queue, first, last, NULL, WEFT_I_AGAIN) : 0;
}

bool weft_msq_try_dequeue(weft_msq *queue, void **value)
{
    if (weft_i_unlikely(!queue || !value))
        return false;
    weft_i_check(queue);
    weft_i_outcome outcome = WEFT_I_BY_SCHEME(queue->domain, weft_i_msq_dequeue, queue, value, WEFT_I_FAST);
    if (weft_i_likely(outcome == WEFT_I_DONE))
        return true;
    if (outcome == WEFT_I_DUE)
        return weft_i_maintain(queue->domain);
    return outcome != WEFT_I_EMPTY && weft_i_msq_dequeue_again(queue, value, outcome);
}

bool weft_msq_is_empty(weft_msq *queue)
{
    if (!queue)
        return true;
    weft_i_check(queue);
    return WEFT_I_BY_SCHEME(queue->domain, weft_i_msq_is_empty, queue);
}

void weft_msq_destroy(weft_msq *queue, void (*drain)(void *value, void *ctx), void *ctx)
{
    if (!queue)
        return;
    weft_i_dies(queue);
    weft_domain *domain = queue->domain;
    /* relaxed: no other thread uses the queue */
    weft_i_msq_node *dummy = weft_i_load(&queue->head, memory_order_relaxed);
    for (weft_i_msq_node *n = weft_i_msq_node_of(weft_i_load(&dummy->next, memory_order_relaxed)); n && drain;
         n = weft_i_msq_node_of(weft_i_load(&n->next, memory_order_relaxed))) /* relaxed: no other thread */
        drain(n->value, ctx);
    free_nodes(domain, dummy, weft_i_local_get(domain));
    weft_i_free(domain, queue, sizeof *queue);
    weft_i_domain_unuse(domain);
}
