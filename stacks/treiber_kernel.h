/*
 * private. Treiber's stack: a linked list whose top moves by compare-and-swap. A node's next is written before the node
 * is pushed and does not change until the node is reclaimed. A pop protects the top node before it reads its next, so
 * that the node can neither be freed nor come back to the top in between (ABA). Why a thread that has lost a race waits and
 * does not offer its value to another that has: docs/design/0003-elimination.md.
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

/* Tried once: puts the chain first..last on top. It needs no guard, since it reads no node but its own. */
weft_i_inline weft_i_outcome weft_i_treiber_push(weft_treiber *stack, weft_i_treiber_node *first,
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

/* NULL: out of memory. */
weft_i_inline weft_i_treiber_node *weft_i_treiber_node_make(weft_domain *domain, weft_i_local *local, void *value)
{
    weft_i_treiber_node *node = weft_i_node_alloc(domain, local, WEFT_I_SMALL);
    if (node)
        weft_i_write(&node->value, value);
    return node;
}

/* The cold path: tries until the chain is on top. Without a chain, makes a node for the value first. */
static weft_i_noinline int weft_i_treiber_push_again(weft_treiber *stack, weft_i_treiber_node *first,
                                                     weft_i_treiber_node *last, void *value, weft_i_outcome now)
{
    if (!first && !(first = last = weft_i_treiber_node_make(stack->domain, weft_i_local_get(stack->domain), value)))
        return -ENOMEM;
    WEFT_I_REPEAT(now, weft_i_treiber_push(stack, first, last));
    return 0;
}

/* ---- pop ---- */

/* Tried once: takes the top and retires its node. */
weft_i_inline weft_i_outcome weft_i_treiber_pop(weft_treiber *stack, void **value, weft_i_way way, weft_scheme scheme)
{
    weft_i_trial trial;
    if (weft_i_unlikely(!weft_i_trial_begin(&trial, stack->domain, way, scheme)))
        return WEFT_I_AGAIN;
    void *top = weft_i_protect(trial.attempt.hold, 0, &stack->top, scheme);
    weft_i_treiber_node *node = top;
    if (!node)
        return weft_i_trial_end(&trial, WEFT_I_SMALL, WEFT_I_EMPTY, way);
    weft_i_treiber_node *next = weft_i_read(&node->next);
    /* relaxed: a failure reads nothing */
    if (weft_i_unlikely(!weft_i_cas(&stack->top, &top, (void *)next, TREIBER_R2, memory_order_relaxed)))
        return weft_i_trial_end(&trial, WEFT_I_SMALL, WEFT_I_LOST, way);
    *value = weft_i_read(&node->value);
    weft_i_trial_retire(&trial, &node->hook, WEFT_I_SMALL, way);
    return weft_i_trial_end(&trial, WEFT_I_SMALL, WEFT_I_DONE, way);
}

/* The cold path: tries under guards. */
static weft_i_noinline bool weft_i_treiber_pop_again(weft_treiber *stack, void **value, weft_i_outcome now)
{
    weft_scheme scheme = weft_i_scheme(stack->domain);
    WEFT_I_REPEAT(now, weft_i_treiber_pop(stack, value, WEFT_I_GUARDED, scheme));
    return now != WEFT_I_EMPTY;
}

#endif
