/*
 * private. Treiber's stack: a linked list whose top moves by compare-and-swap. A node's next is written before the node
 * is pushed and does not change until the node is reclaimed. A pop protects the top node before it reads its next, so
 * that the node can neither be freed nor come back to the top in between (ABA).
 */
#ifndef WEFT_STACKS_TREIBER_KERNEL_H
#define WEFT_STACKS_TREIBER_KERNEL_H

#include <weft/reclaim/local.h>
#include <weft/stacks/treiber.h>

#include <errno.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define TREIBER_R1 memory_order_release /* push -> WEFT_GUARD_A2, TREIBER_A1, TREIBER_A2: publishes value and next; push's linearization point */
#define TREIBER_R2 memory_order_release /* pop -> WEFT_GUARD_A2, TREIBER_A1, TREIBER_A2: passes on what was published with the next node; pop's linearization point */
#define TREIBER_A1 memory_order_acquire /* pop_all takes the top -> TREIBER_R1, TREIBER_R2: sees the whole chain */
#define TREIBER_A2 memory_order_acquire /* is it empty -> TREIBER_R1, TREIBER_R2: what the caller does next comes after the operations that made the answer */
#endif
/* clang-format on */

typedef struct weft_i_treiber_node {
    weft_i_hook hook; /* first */
    struct weft_i_treiber_node *next;
    void *value;
} weft_i_treiber_node;

_Static_assert(sizeof(weft_i_treiber_node) == WEFT_I_SMALL_SIZE, "a stack's node is of the small class");

struct weft_treiber {
    weft_domain *domain;
    weft_i_aligned weft_atomic_ptr top;
    WEFT_I_LIFE
};

/* ---- push ---- */

/* Tries once to put the chain first..last on top. It needs no guard, since it reads no node but its own. */
weft_i_inline weft_i_outcome weft_i_treiber_link(weft_treiber *stack, weft_i_treiber_node *first,
                                                 weft_i_treiber_node *last)
{
    /* relaxed: confirmed by the compare-and-swap, and not followed */
    void *top = weft_i_load(&stack->top, memory_order_relaxed);
    weft_i_write(&last->next, (weft_i_treiber_node *)top);
    /* relaxed: a failure reads nothing */
    if (weft_i_unlikely(!weft_i_cas(&stack->top, &top, (void *)first, TREIBER_R1, memory_order_relaxed)))
        return WEFT_I_LOST;
    return WEFT_I_DONE;
}

static weft_i_noinline int weft_i_treiber_link_all(weft_treiber *stack, weft_i_treiber_node *first,
                                                   weft_i_treiber_node *last, weft_i_outcome now)
{
    WEFT_I_REPEAT(now, weft_i_treiber_link(stack, first, last));
    return 0;
}

/* NULL: out of memory. */
weft_i_inline weft_i_treiber_node *weft_i_treiber_node_make(weft_treiber *stack, weft_i_local *local, void *value)
{
    weft_i_treiber_node *node = weft_i_node_alloc(stack->domain, local, WEFT_I_SMALL);
    if (node)
        weft_i_write(&node->value, value);
    return node;
}

/* If the thread's cache has no node. */
static weft_i_noinline int weft_i_treiber_push_new(weft_treiber *stack, void *value)
{
    weft_i_treiber_node *node = weft_i_treiber_node_make(stack, weft_i_local_get(stack->domain), value);
    return node ? weft_i_treiber_link_all(stack, node, node, WEFT_I_AGAIN) : -ENOMEM;
}

weft_i_inline int weft_i_treiber_push(weft_treiber *stack, void *value)
{
    weft_i_local *local = weft_i_local_peek(stack->domain);
    weft_i_treiber_node *node = weft_i_likely(local != NULL) ? weft_i_cache_pop(local, WEFT_I_SMALL) : NULL;
    if (weft_i_unlikely(!node))
        return weft_i_treiber_push_new(stack, value);
    weft_i_write(&node->value, value);
    weft_i_outcome outcome = weft_i_treiber_link(stack, node, node);
    return weft_i_likely(outcome == WEFT_I_DONE) ? 0 : weft_i_treiber_link_all(stack, node, node, outcome);
}

/* ---- pop ---- */

/* Tries once to take the top. *old is its node, to be retired. */
weft_i_inline weft_i_outcome weft_i_treiber_take(weft_treiber *stack, weft_i_hold hold, void **value,
                                                 weft_i_treiber_node **old, weft_scheme scheme)
{
    void *top = weft_i_protect(hold, 0, &stack->top, scheme);
    weft_i_treiber_node *node = top;
    if (!node)
        return WEFT_I_EMPTY;
    weft_i_treiber_node *next = weft_i_read(&node->next);
    /* relaxed: a failure reads nothing */
    if (weft_i_unlikely(!weft_i_cas(&stack->top, &top, (void *)next, TREIBER_R2, memory_order_relaxed)))
        return WEFT_I_LOST;
    *value = weft_i_read(&node->value);
    *old = node;
    return WEFT_I_DONE;
}

/* Each attempt has a guard of its own, so that a thread that backs off before the next one holds no memory back. */
weft_i_inline weft_i_outcome weft_i_treiber_take_guarded(weft_treiber *stack, void **value, weft_i_treiber_node **old)
{
    weft_guard own;
    weft_scheme scheme = weft_i_scheme(stack->domain);
    weft_i_hold hold = weft_i_begin(&own, stack->domain, scheme);
    weft_i_outcome outcome = weft_i_treiber_take(stack, hold, value, old, scheme);
    weft_i_end(hold, &own);
    return outcome;
}

/* The way under guards, if the attempt below fails. */
static weft_i_noinline bool weft_i_treiber_pop_again(weft_treiber *stack, void **value, weft_i_outcome now)
{
    weft_i_treiber_node *old = NULL;
    WEFT_I_REPEAT(now, weft_i_treiber_take_guarded(stack, value, &old));
    if (now == WEFT_I_EMPTY)
        return false;
    weft_i_retire(stack->domain, weft_i_local_get(stack->domain), &old->hook, &weft_i_recycle[WEFT_I_SMALL],
                  WEFT_I_SMALL_SIZE);
    return true;
}

weft_i_inline bool weft_i_treiber_pop(weft_treiber *stack, void **value, weft_scheme scheme)
{
    weft_i_attempt attempt;
    weft_i_treiber_node *old;
    bool due = false;
    if (weft_i_unlikely(!weft_i_attempt_begin(&attempt, stack->domain, scheme)))
        return weft_i_treiber_pop_again(stack, value, WEFT_I_AGAIN);
    weft_i_outcome outcome = weft_i_treiber_take(stack, attempt.hold, value, &old, scheme);
    if (weft_i_likely(outcome == WEFT_I_DONE))
        due = weft_i_retire_busy(attempt.local, &old->hook, &weft_i_recycle[WEFT_I_SMALL], WEFT_I_SMALL_SIZE);
    weft_i_attempt_end(attempt.hold);
    if (weft_i_unlikely(outcome != WEFT_I_DONE))
        return outcome != WEFT_I_EMPTY && weft_i_treiber_pop_again(stack, value, outcome);
    return weft_i_likely(!due) || weft_i_maintain(stack->domain, attempt.local);
}

#endif
