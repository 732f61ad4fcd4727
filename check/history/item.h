/* private. What queues and stacks share: values with the times of their two operations, and answers of "empty". */
#ifndef WEFT_CHECK_HISTORY_ITEM_H
#define WEFT_CHECK_HISTORY_ITEM_H

#include "check/history/check.h"
#include "check/history/order.h"

typedef struct lin_item {
    int64_t value;
    uint64_t in_call, in_return, out_call, out_return; /* LIN_NEVER where there is none */
    size_t in, out;                                    /* operations, or LIN_NONE */
    size_t place;                                      /* the checker's own */
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
 * Pairs the operations; a put that never returned and whose value nobody took has not happened. False: `out` says why:
 * a value put twice (undecided), taken twice, or taken without or before being put.
 */
bool lin_items_make(const lin_history *history, lin_kind put, lin_kind take, lin_items *items, lin_finding *out);
void lin_items_free(lin_items *items);

/* The items sorted by the return of their put: was there a moment for each "empty"? False: `out` has one that had not. */
bool lin_empties(const lin_history *history, const lin_items *items, lin_finding *out);

#endif
