/*
 * private. Treiber's stack: a linked list whose top moves by compare-and-swap. A node's next is written before it is
 * pushed and not changed until it is reclaimed; a popper protects the top before it reads that, so that the node can
 * neither be freed nor come back to the top in between (ABA).
 */
#ifndef WEFT_STACKS_TREIBER_KERNEL_H
#define WEFT_STACKS_TREIBER_KERNEL_H

#include <weft/base/backoff.h>
#include <weft/reclaim/local.h>
#include <weft/stacks/treiber.h>

/* clang-format off */
#ifndef TREIBER_R1
#define TREIBER_R1 memory_order_release /* push -> GUARD_A2, TREIBER_A1, TREIBER_A2: publishes value and next; push's linearization point */
#endif
#ifndef TREIBER_R2
#define TREIBER_R2 memory_order_release /* pop -> GUARD_A2, TREIBER_A1, TREIBER_A2: passes on what was published with the next node; pop's linearization point */
#endif
#ifndef TREIBER_A1
#define TREIBER_A1 memory_order_acquire /* pop_all takes the top -> TREIBER_R1, TREIBER_R2: sees the whole chain */
#endif
#ifndef TREIBER_A2
#define TREIBER_A2 memory_order_acquire /* is it empty -> TREIBER_R1, TREIBER_R2: an answer orders what the caller does next */
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
};

/* NULL: out of memory. */
weft_i_inline weft_i_treiber_node *weft_i_treiber_node_make(weft_domain *domain, weft_i_local *local, void *value)
{
    weft_i_treiber_node *node = weft_i_node_alloc(domain, local, WEFT_I_SMALL);
    if (weft_i_likely(node != NULL))
        weft_i_write(&node->value, value);
    return node;
}

/* Puts the chain first..last on top. Needs no guard: it looks into no node but its own. */
weft_i_inline void weft_i_treiber_link(weft_treiber *stack, weft_i_treiber_node *first, weft_i_treiber_node *last)
{
    weft_i_backoff backoff = {0};
    /* relaxed: confirmed by the compare-and-swap, and not followed */
    void *top = weft_i_load(&stack->top, memory_order_relaxed);
    for (;;) {
        weft_i_write(&last->next, (weft_i_treiber_node *)top);
        /* relaxed: likewise */
        if (weft_i_likely(weft_i_cas(&stack->top, &top, (void *)first, TREIBER_R1, memory_order_relaxed)))
            return;
        weft_i_backoff_wait(&backoff);
        /* relaxed: likewise */
        top = weft_i_load(&stack->top, memory_order_relaxed);
    }
}

weft_i_inline bool weft_i_treiber_try_pop(weft_treiber *stack, void **value, weft_scheme scheme)
{
    weft_guard own;
    weft_i_backoff backoff = {0};
    void *top;
    weft_i_hold hold = weft_i_begin(&own, stack->domain, scheme);
    while ((top = weft_i_protect(hold, 0, &stack->top, scheme)) != NULL) {
        weft_i_treiber_node *node = top;
        weft_i_treiber_node *next = weft_i_read(&node->next);
        /* relaxed: a failure reads nothing */
        if (weft_i_likely(weft_i_cas(&stack->top, &top, (void *)next, TREIBER_R2, memory_order_relaxed)))
            break;
        weft_i_backoff_wait(&backoff);
    }
    if (top)
        *value = weft_i_read(&((weft_i_treiber_node *)top)->value);
    weft_i_end(hold, &own);
    if (!top)
        return false;
    weft_i_retire(stack->domain, weft_i_local_get(stack->domain), &((weft_i_treiber_node *)top)->hook,
                  &weft_i_recycle[WEFT_I_SMALL]);
    return true;
}

#endif
