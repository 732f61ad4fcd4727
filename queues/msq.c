#include <weft/queues/msq_kernel.h>
#include <weft/reclaim/registry.h>

#include <errno.h>

int weft_msq_create(weft_msq **out, weft_domain *domain)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    domain = domain ? domain : weft_default_domain();
    weft_msq *queue = weft_i_alloc(domain, sizeof *queue, WEFT_I_LINE);
    weft_i_msq_node *dummy = queue ? weft_i_msq_node_make(domain, weft_i_local_get(domain), NULL) : NULL;
    if (!dummy) {
        weft_i_free(domain, queue, sizeof *queue);
        return -ENOMEM;
    }
    weft_i_domain_use(domain);
    *queue = (weft_msq){.domain = domain, .head = dummy, .tail = dummy};
    *out = queue;
    return 0;
}

static void link_all(weft_msq *queue, weft_i_msq_node *first, weft_i_msq_node *last, weft_i_outcome before)
{
    if (weft_i_scheme(queue->domain) == WEFT_EPOCH)
        weft_i_msq_link_all(queue, first, last, before, WEFT_EPOCH);
    else
        weft_i_msq_link_all(queue, first, last, before, WEFT_HAZARD);
}

static weft_i_noinline int link_queue_slow(weft_msq *queue, weft_i_msq_node *node, weft_i_outcome before)
{
    link_all(queue, node, node, before);
    return 0;
}

static weft_i_noinline int enqueue_slow(weft_msq *queue, void *value)
{
    weft_i_msq_node *node = weft_i_msq_node_make(queue->domain, weft_i_local_get(queue->domain), value);
    return node ? link_queue_slow(queue, node, WEFT_I_AGAIN) : -ENOMEM;
}

weft_i_inline int enqueue(weft_msq *queue, void *value, weft_scheme scheme)
{
    weft_i_attempt attempt;
    if (weft_i_unlikely(!weft_i_attempt_begin(&attempt, queue->domain, scheme)))
        return enqueue_slow(queue, value);
    weft_i_msq_node *node = weft_i_cache_pop(attempt.local, WEFT_I_SMALL);
    if (weft_i_unlikely(!node)) {
        weft_i_attempt_end(attempt.hold);
        return enqueue_slow(queue, value);
    }
    weft_i_msq_node_fill(node, value);
    weft_i_outcome outcome = weft_i_msq_link(queue, attempt.hold, node, node, scheme);
    weft_i_attempt_end(attempt.hold);
    return weft_i_likely(outcome == WEFT_I_DONE) ? 0 : link_queue_slow(queue, node, outcome);
}

int weft_msq_enqueue(weft_msq *queue, void *value)
{
    if (weft_i_unlikely(!queue))
        return -EINVAL;
    return weft_i_scheme(queue->domain) == WEFT_EPOCH ? enqueue(queue, value, WEFT_EPOCH)
                                                      : enqueue(queue, value, WEFT_HAZARD);
}

static void free_nodes(weft_domain *domain, weft_i_msq_node *node, weft_i_local *local)
{
    for (weft_i_msq_node *next; node; node = next) {
        /* relaxed: nobody else sees these nodes */
        next = weft_i_msq_node_of(weft_i_load(&node->next, memory_order_relaxed));
        weft_i_node_free(domain, local, WEFT_I_SMALL, node);
    }
}

int weft_msq_enqueue_many(weft_msq *queue, void *const *values, size_t count)
{
    weft_i_msq_node *first = NULL, *last = NULL;
    if (!queue || (!values && count))
        return -EINVAL;
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
    if (first)
        link_all(queue, first, last, WEFT_I_AGAIN);
    return 0;
}

static weft_i_noinline bool dequeue_slow(weft_msq *queue, void **value, weft_i_outcome before)
{
    return weft_i_scheme(queue->domain) == WEFT_EPOCH ? weft_i_msq_dequeue(queue, value, before, WEFT_EPOCH)
                                                      : weft_i_msq_dequeue(queue, value, before, WEFT_HAZARD);
}

weft_i_inline bool dequeue(weft_msq *queue, void **value, weft_scheme scheme)
{
    weft_i_attempt attempt;
    weft_i_msq_node *old;
    void *taken;
    bool due = false;
    if (weft_i_unlikely(!weft_i_attempt_begin(&attempt, queue->domain, scheme)))
        return dequeue_slow(queue, value, WEFT_I_AGAIN);
    weft_i_outcome outcome = weft_i_msq_take(queue, attempt.hold, &taken, &old, scheme);
    if (weft_i_likely(outcome == WEFT_I_DONE)) {
        due = weft_i_retire_busy(attempt.local, &old->hook, &weft_i_recycle[WEFT_I_SMALL], WEFT_I_SMALL_SIZE);
        *value = taken;
    }
    weft_i_msq_let_go(attempt.hold, scheme);
    weft_i_attempt_end(attempt.hold);
    if (weft_i_unlikely(outcome != WEFT_I_DONE))
        return outcome != WEFT_I_EMPTY && dequeue_slow(queue, value, outcome);
    return weft_i_likely(!due) || weft_i_maintain(queue->domain, attempt.local);
}

bool weft_msq_try_dequeue(weft_msq *queue, void **value)
{
    if (weft_i_unlikely(!queue || !value))
        return false;
    return weft_i_scheme(queue->domain) == WEFT_EPOCH ? dequeue(queue, value, WEFT_EPOCH)
                                                      : dequeue(queue, value, WEFT_HAZARD);
}

bool weft_msq_is_empty(weft_msq *queue)
{
    if (!queue)
        return true;
    return weft_i_scheme(queue->domain) == WEFT_EPOCH ? weft_i_msq_is_empty(queue, WEFT_EPOCH)
                                                      : weft_i_msq_is_empty(queue, WEFT_HAZARD);
}

void weft_msq_destroy(weft_msq *queue, void (*drain)(void *value, void *ctx), void *ctx)
{
    if (!queue)
        return;
    weft_domain *domain = queue->domain;
    /* relaxed: no other thread uses the queue */
    weft_i_msq_node *dummy = weft_i_load(&queue->head, memory_order_relaxed);
    for (weft_i_msq_node *n = weft_i_msq_node_of(weft_i_load(&dummy->next, memory_order_relaxed)); n && drain;
         n = weft_i_msq_node_of(weft_i_load(&n->next, memory_order_relaxed))) /* relaxed: likewise */
        drain(n->value, ctx);
    free_nodes(domain, dummy, weft_i_local_get(domain));
    weft_i_free(domain, queue, sizeof *queue);
    weft_i_domain_unuse(domain);
}
