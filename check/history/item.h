/* private. For queues and stacks: values with the times of their put and take, and answers of "empty". */
#ifndef WEFT_CHECK_HISTORY_ITEM_H
#define WEFT_CHECK_HISTORY_ITEM_H

#include "check/history/check.h"
#include "check/history/order.h"

typedef struct lin_item {
    int64_t value;
    uint64_t in_call, in_return, out_call, out_return; /* LIN_NEVER: none */
    size_t in, out;                                    /* operations, or LIN_NONE */
    size_t place;                                      /* for the checker */
} lin_item;

typedef struct lin_items {
    lin_item *item;
    size_t count;
    size_t *empty; /* operations that found nothing */
    size_t empties;
    size_t unknown; /* takes that never returned */
} lin_items;

static inline int lin_compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/*
 * Pairs the operations. A put that never returned and whose value was not taken counts as not done. False: `out` says
 * why: a value was put in twice (undecided), taken twice, or taken before it was put in, or never put in.
 */
bool lin_items_make(const lin_history *history, lin_kind put, lin_kind take, lin_items *items, lin_finding *out);
void lin_items_free(lin_items *items);

/*
 * Whether the structure could be empty at some moment of each answer of "empty". False: `out` shows one without such a
 * moment. The items must be sorted by the return of their put.
 */
bool lin_empties(const lin_history *history, const lin_items *items, lin_finding *out);

#endif
