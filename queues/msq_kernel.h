/*
 * private. Michael and Scott's queue; read it beside figure 1 of PODC 1996. A singly linked list from head to tail;
 * the first node is a dummy, whose successor holds the oldest value. Differences: guards instead of counted pointers
 * (word 0 protects the node that head or tail leads to, word 1 its successor), backoff after a lost race, chains of
 * several nodes linked at once, and a dequeuer that need not read tail as long as there are two values.
 *
 * Invariants:
 *  (1) From head, following next, one meets tail and then NULL.
 *  (2) tail never falls behind head: a dequeuer that finds them equal moves tail first, so that a node is retired only
 *      when neither leads to it.
 *  (3) A node's next changes once, from NULL.
 *  (4) A node's value is written before the node is linked, and read before head leaves its predecessor, the dummy.
 *  (5) A node is linked only behind the node that tail leads to at that moment. Such a link has a tag. So if a node's
 *      next has the tag, tail has been at that node, and head may move to it without a read of tail. Tail's cache line
 *      stays with the enqueuers: 2 to 3 times the throughput of one producer and one consumer.
 */
#ifndef WEFT_QUEUES_MSQ_KERNEL_H
#define WEFT_QUEUES_MSQ_KERNEL_H

#include <weft/queues/msq.h>
#include <weft/reclaim/local.h>

#include <errno.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define MSQ_R1 memory_order_release /* link node -> MSQ_A1, MSQ_A2, MSQ_A5: publishes value and next of what is linked; enqueue's linearization point */
#define MSQ_R2 memory_order_release /* move tail -> WEFT_GUARD_A2, MSQ_A3: a thread that starts there sees the node, which this thread has seen or made */
#define MSQ_R3 memory_order_release /* move head -> WEFT_GUARD_A2, MSQ_A4: the same for the new dummy, whose value has been read; dequeue's linearization point */
#define MSQ_A1 memory_order_acquire /* enqueue reads tail's next -> MSQ_R1: the node may be made the tail */
#define MSQ_A2 memory_order_acquire /* dequeue reads the dummy's next -> MSQ_R1: sees its value; NULL is the empty answer's linearization point */
#define MSQ_A3 memory_order_acquire /* dequeue reads tail -> MSQ_R2: tail is not older than the head that it has protected */
#define MSQ_A5 memory_order_acquire /* dequeue reads its successor's next -> MSQ_R1: the thread that linked there had seen tail at the successor (invariant 5) */
#define MSQ_A4 memory_order_acquire /* dequeue re-reads head -> MSQ_R3: head is unchanged, so its successor was not retired when it was published */
#endif
/* clang-format on */

typedef struct weft_i_msq_node {
    weft_i_hook hook; /* first */
    weft_atomic_ptr next;
    void *value;
} weft_i_msq_node;

_Static_assert(sizeof(weft_i_msq_node) == WEFT_I_SMALL_SIZE, "a queue's node is of the small class");

struct weft_msq {
    weft_domain *domain;
    weft_i_aligned weft_atomic_ptr head;
    weft_i_aligned weft_atomic_ptr tail;
    WEFT_I_LIFE
};

/* A link that was made at tail is odd. A link inside a chain is even: it was there before tail came. */
weft_i_inline void *weft_i_msq_link_to(weft_i_msq_node *node)
{
    return (void *)((uintptr_t)node | 1);
}

weft_i_inline bool weft_i_msq_made_at_tail(void *link)
{
    return (uintptr_t)link & 1;
}

weft_i_inline weft_i_msq_node *weft_i_msq_node_of(void *link)
{
    return (weft_i_msq_node *)((uintptr_t)link & ~(uintptr_t)1);
}

weft_i_inline void weft_i_msq_node_fill(weft_i_msq_node *node, void *value)
{
    weft_i_write(&node->value, value);
    /* relaxed: the node is private until MSQ_R1 */
    weft_i_store(&node->next, NULL, memory_order_relaxed);
}

/* NULL: out of memory. */
weft_i_inline weft_i_msq_node *weft_i_msq_node_make(weft_domain *domain, weft_i_local *local, void *value)
{
    weft_i_msq_node *node = weft_i_node_alloc(domain, local, WEFT_I_SMALL);
    if (node)
        weft_i_msq_node_fill(node, value);
    return node;
}

/* E5 to E17, tried once: links the chain first..last, last's next being NULL. (E7 is not needed: tail is protected.) */
weft_i_inline weft_i_outcome weft_i_msq_enqueue(weft_msq *queue, weft_i_msq_node *first, weft_i_msq_node *last,
                                                weft_i_way way, weft_scheme scheme)
{
    weft_i_trial trial;
    if (weft_i_unlikely(!weft_i_trial_begin_only(&trial, queue->domain, way, scheme)))
        return WEFT_I_AGAIN;
    void *at = weft_i_protect(trial.attempt.hold, 0, &queue->tail, scheme); /* E5 */
    weft_i_msq_node *tail = at;
    void *next = weft_i_load(&tail->next, MSQ_A1); /* E6 */
    if (weft_i_unlikely(next != NULL)) {           /* E8; tail lags: help */
        /* E13; relaxed: a failure means that another thread has helped */
        (void)weft_i_cas(&queue->tail, &at, (void *)weft_i_msq_node_of(next), MSQ_R2, memory_order_relaxed);
        return weft_i_trial_end(&trial, WEFT_I_SMALL, WEFT_I_AGAIN, way);
    }
    /* E9; relaxed: a failure reads nothing */
    if (weft_i_unlikely(!weft_i_cas(&tail->next, &next, weft_i_msq_link_to(first), MSQ_R1, memory_order_relaxed)))
        return weft_i_trial_end(&trial, WEFT_I_SMALL, WEFT_I_LOST, way);
    (void)weft_i_cas(&queue->tail, &at, last, MSQ_R2, memory_order_relaxed); /* E17; relaxed: as for E13 */
    return weft_i_trial_end(&trial, WEFT_I_SMALL, WEFT_I_DONE, way);
}

/* The cold path: tries under guards until the chain is linked. Without a chain, makes a node for the value first. */
static weft_i_noinline int weft_i_msq_enqueue_again(weft_msq *queue, weft_i_msq_node *first, weft_i_msq_node *last,
                                                    void *value, weft_i_outcome now)
{
    weft_scheme scheme = weft_i_scheme(queue->domain);
    if (!first && !(first = last = weft_i_msq_node_make(queue->domain, weft_i_local_get(queue->domain), value)))
        return -ENOMEM;
    WEFT_I_REPEAT(now, weft_i_msq_enqueue(queue, first, last, WEFT_I_GUARDED, scheme));
    return 0;
}

/* D2 to D19, tried once. */
weft_i_inline weft_i_outcome weft_i_msq_dequeue(weft_msq *queue, void **value, weft_i_way way, weft_scheme scheme)
{
    weft_i_trial trial;
    weft_i_outcome outcome = WEFT_I_AGAIN;
    if (weft_i_unlikely(!weft_i_trial_begin(&trial, queue->domain, way, scheme)))
        return outcome;
    void *at = weft_i_protect(trial.attempt.hold, 0, &queue->head, scheme); /* D2 */
    void *tail;
    weft_i_msq_node *head = at;
    weft_i_msq_node *next = weft_i_msq_node_of(weft_i_load(&head->next, MSQ_A2)); /* D4 */
    if (!next) {                                                                  /* D7, D8 */
        outcome = WEFT_I_EMPTY;
        goto end;
    }
    weft_i_publish(trial.attempt.hold, 1, next, scheme);
    if (scheme == WEFT_HAZARD && weft_i_unlikely(weft_i_load(&queue->head, MSQ_A4) != at)) /* D5 */
        goto end;
    if (!weft_i_msq_made_at_tail(weft_i_load(&next->next, MSQ_A5)) &&        /* tail may be here: invariant 2 */
        weft_i_unlikely(at == (tail = weft_i_load(&queue->tail, MSQ_A3)))) { /* D3, D6 */
        /* D10; relaxed: a failure means that another thread has helped */
        (void)weft_i_cas(&queue->tail, &tail, (void *)next, MSQ_R2, memory_order_relaxed);
        goto end;
    }
    void *taken = weft_i_read(&next->value); /* D12 */
    outcome = WEFT_I_LOST;
    /* D13; relaxed: a failure reads nothing */
    if (weft_i_likely(weft_i_cas(&queue->head, &at, (void *)next, MSQ_R3, memory_order_relaxed))) {
        weft_i_trial_retire(&trial, &head->hook, WEFT_I_SMALL, way); /* D19 */
        *value = taken;
        outcome = WEFT_I_DONE;
    }
end:
    weft_i_unpublish(trial.attempt.hold, 1, scheme);
    return weft_i_trial_end(&trial, WEFT_I_SMALL, outcome, way);
}

/* The cold path: tries under guards. */
static weft_i_noinline bool weft_i_msq_dequeue_again(weft_msq *queue, void **value, weft_i_outcome now)
{
    weft_scheme scheme = weft_i_scheme(queue->domain);
    WEFT_I_REPEAT(now, weft_i_msq_dequeue(queue, value, WEFT_I_GUARDED, scheme));
    return now != WEFT_I_EMPTY;
}

weft_i_inline bool weft_i_msq_is_empty(weft_msq *queue, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, queue->domain, scheme);
    weft_i_msq_node *head = weft_i_protect(hold, 0, &queue->head, scheme);
    bool empty = weft_i_load(&head->next, MSQ_A2) == NULL;
    weft_i_end(hold, &own);
    return empty;
}

#endif
