/*
 * private. When the table grows or shrinks, and how updates share the work (table_move.h has the moving).
 *
 * Groups are taken in order by a counter, each by one thread. Threads that find all taken, and not all moved, go
 * through them once more, so that one that is late, or was lost, holds nothing up.
 */
#ifndef WEFT_HASHMAP_TABLE_RESIZE_H
#define WEFT_HASHMAP_TABLE_RESIZE_H

#include <weft/hashmap/table_move.h>

/*
 * Grows or shrinks the table by a few buckets. 1: more may be left to do; 0: nothing was; -ENOMEM. The caller holds no
 * guard of the operation's.
 */
WEFT_I_PRIVATE int weft_i_table_adjust(weft_table *table);

/* Completes what was begun of moving buckets, of a table that nobody uses any more. */
WEFT_I_PRIVATE void weft_i_table_settle_all(weft_table *table);

WEFT_I_PRIVATE int weft_i_table_reserve(weft_table *table, size_t count);
WEFT_I_PRIVATE size_t weft_i_table_sum(weft_table *table);
WEFT_I_PRIVATE size_t weft_i_table_buckets(weft_table *table);

/*
 * Counts an update. True: weft_i_table_adjust is due: while buckets move, and where the stripe's size has become another
 * by some entries since it last was; not at every multiple of a number, near which a thread may come and go for ever.
 * While the array is protected.
 */
weft_i_inline bool weft_i_table_count(weft_i_table_walk *w, size_t change)
{
    weft_i_table_stripes *stripes = weft_i_load(&w->table->stripes, TABLE_A5);
    weft_i_table_stripe *stripe =
        stripes ? &stripes->of[weft_i_own_record()->number % WEFT_TABLE_STRIPES].it : &w->table->first;
    /* relaxed: a figure */
    size_t now = weft_i_fetch_add(&stripe->size, change, memory_order_relaxed) + change;
    size_t bits = weft_i_table_bits(w->array);
    size_t grain = bits > 6 ? (size_t)1 << (bits - 6) : 1;
    if (grain == 1)
        return true;
    /* relaxed: hints: this array has a next one, or is one */
    bool moving = weft_i_load(&w->array->next, memory_order_relaxed) ||
                  weft_i_load(&w->table->array, memory_order_relaxed) != w->array;
    /* relaxed: a figure: a thread that reads an old one looks once too often */
    size_t told = weft_i_load(&stripe->told, memory_order_relaxed);
    if (moving || now - told + grain - 1 < 2 * grain - 1)
        return moving;
    /* relaxed: a figure: a thread that reads an old one looks once too often */
    weft_i_store(&stripe->told, now, memory_order_relaxed);
    return true;
}

#endif
