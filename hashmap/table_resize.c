#include <weft/hashmap/table_array.h>
#include <weft/hashmap/table_resize.h>

#include <errno.h>

static void reclaim_buckets(void *array, void *ctx)
{
    (void)ctx;
    weft_i_table_array_free(array);
}

size_t weft_i_table_sum(weft_table *table)
{
    weft_i_table_stripes *stripes = weft_i_load(&table->stripes, TABLE_A5);
    size_t sum = weft_i_load(&table->first.size, memory_order_relaxed); /* relaxed: a figure */
    for (int i = 0; stripes && i < WEFT_TABLE_STRIPES; i++)
        sum += weft_i_load(&stripes->of[i].it.size, memory_order_relaxed); /* relaxed: a figure */
    return sum >> (sizeof sum * 8 - 1) ? 0 : sum; /* a removal was counted before its insertion */
}

/* All buckets of w->array are moved. Returns the array if the caller must retire it. */
static weft_i_table_array *finish(weft_i_table_walk *w, weft_i_table_array *next)
{
    void *array = w->array;
    if (!weft_i_cas(&w->table->array, &array, (void *)next, TABLE_R3, TABLE_A3))
        return NULL;
    size_t number = weft_i_load(&w->table->number, TABLE_A6);
    while ((ptrdiff_t)(next->number - number) > 0 &&
           !weft_i_cas(&w->table->number, &number, next->number, TABLE_R6, TABLE_A6))
        ;
    return w->array;
}

/* Moves groups from `at` on. Returns how many were moved before the first that could not be. */
static size_t move_some(weft_i_table_walk *w, weft_i_table_array *next, size_t at, size_t count)
{
    size_t each = next->shift < w->array->shift ? 1 : 2, done = 0;
    while (done < count && weft_i_table_move_to(w, next, (at + done) * each))
        done++;
    return done;
}

/* Moves some groups to the next array. *due: the array that the caller must retire. False: none could be moved. */
static bool help(weft_i_table_walk *w, weft_i_table_array *next, weft_i_table_array **due)
{
    size_t bits = weft_i_table_bits(next->shift < w->array->shift ? w->array : next), groups = (size_t)1 << bits;
    /* a shrinking table has to be ready before a quarter is left of the entries with which it began */
    size_t step = next->shift < w->array->shift ? WEFT_TABLE_STEP : 2 * WEFT_TABLE_STEP;
    size_t at = weft_i_load(&w->array->taken, memory_order_relaxed), done; /* relaxed: a number */
    if (at < groups)
        at = weft_i_fetch_add(&w->array->taken, step, memory_order_relaxed); /* relaxed: a number */
    if (at < groups) {
        size_t count = groups - at < step ? groups - at : step;
        done = move_some(w, next, at, count);
        if (weft_i_fetch_add(&w->array->moved, done, TABLE_X1) + done == groups)
            *due = finish(w, next);
        return done == count;
    }
    at = weft_i_load(&w->array->cursor, TABLE_A4);
    size_t left = groups - at;
    size_t count = left < step ? left : step;
    done = move_some(w, next, at, count);
    (void)weft_i_cas(&w->array->cursor, &at, at + done, TABLE_R4, TABLE_A4);
    if (done == left)
        *due = finish(w, next);
    return done > 0 || left == 0;
}

/*
 * Grows or shrinks the table by some buckets, if it has to: 1. `least`: of its bits. 0: there is nothing to do; -ENOMEM:
 * it cannot. True in *finished: these were the last ones on the way to the next array.
 */
static int adjust_once(weft_table *table, size_t least, bool *finished)
{
    weft_guard own;
    weft_i_table_array *due = NULL;
    weft_scheme scheme = weft_i_scheme(table->domain);
    weft_i_table_walk w = weft_i_table_updater(table, weft_i_begin(&own, table->domain, scheme), 0);
    weft_i_table_begin(&w, scheme);
    size_t bits = weft_i_table_bits(w.array), buckets = (size_t)1 << bits;
    int result = 1;
    if (!weft_i_load(&w.array->next, TABLE_A3)) { /* else no sum is needed, whose stripes others write */
        size_t sum = weft_i_table_sum(table);
        if (bits < least || sum / WEFT_TABLE_LOAD >= buckets)
            result = weft_i_table_make_next(table, w.array, bits + 1) ? 1 : -ENOMEM;
        else if (bits > WEFT_TABLE_FIRST_BITS && bits > least && sum * WEFT_TABLE_SPARSE < buckets)
            result = weft_i_table_make_next(table, w.array, bits - 1) ? 1 : -ENOMEM;
        else
            result = 0;
    }
    weft_i_table_array *next = result > 0 ? weft_i_table_next(&w, scheme) : NULL;
    if (next && !help(&w, next, &due))
        result = -ENOMEM;
    weft_i_table_end(w.hold, scheme);
    weft_i_end(w.hold, &own);
    if (due)
        weft_retire_hook(table->domain, &due->hook, due, weft_i_table_bytes(weft_i_table_bits(due)), reclaim_buckets,
                         NULL);
    weft_i_catch_up(table->domain);
    *finished = due != NULL;
    return result;
}

/* The same; who has moved the last buckets also looks whether the table must go on, since nobody else may. */
static int adjust(weft_table *table, size_t least)
{
    bool finished;
    int result;
    do
        result = adjust_once(table, least, &finished);
    while (finished);
    return result;
}

size_t weft_i_table_buckets(weft_table *table)
{
    weft_guard own;
    weft_scheme scheme = weft_i_scheme(table->domain);
    weft_i_table_walk w = weft_i_table_updater(table, weft_i_begin(&own, table->domain, scheme), 0);
    weft_i_table_begin(&w, scheme);
    size_t bits = weft_i_table_bits(w.array);
    weft_i_table_end(w.hold, scheme);
    weft_i_end(w.hold, &own);
    return (size_t)1 << bits;
}

int weft_i_table_adjust(weft_table *table)
{
    /* relaxed: it is a number, which the next update reads again */
    return adjust(table, weft_i_load(&table->reserved, memory_order_relaxed));
}

/* Each thread's next update looks at the sum: the table may have to shrink. */
static void tell_again(weft_table *table)
{
    weft_i_table_stripes *stripes = weft_i_load(&table->stripes, TABLE_A5);
    for (int i = -1; i < (stripes ? WEFT_TABLE_STRIPES : 0); i++) {
        weft_i_table_stripe *stripe = i < 0 ? &table->first : &stripes->of[i].it;
        /* relaxed: figures, far from each other */
        weft_i_store(&stripe->told, weft_i_load(&stripe->size, memory_order_relaxed) + SIZE_MAX / 2,
                     memory_order_relaxed);
    }
}

int weft_i_table_reserve(weft_table *table, size_t count)
{
    size_t bits = WEFT_TABLE_FIRST_BITS;
    while ((size_t)1 << bits < count / WEFT_TABLE_LOAD + 1 && count > 0)
        if (++bits >= WEFT_TABLE_LEVELS)
            return -ENOMEM;
    /* relaxed: as in weft_i_table_adjust */
    weft_i_store(&table->reserved, bits, memory_order_relaxed);
    while (weft_i_table_buckets(table) < (size_t)1 << bits)
        if (adjust(table, bits) < 0)
            return -ENOMEM;
    tell_again(table);
    return 0;
}

void weft_i_table_settle_all(weft_table *table)
{
    weft_guard own;
    weft_scheme scheme = weft_i_scheme(table->domain);
    weft_i_table_walk w = weft_i_table_updater(table, weft_i_begin(&own, table->domain, scheme), 0);
    weft_i_table_begin(&w, scheme);
    for (weft_i_table_array *next; (next = weft_i_load(&w.array->next, TABLE_A3)) != NULL; w.array = next) {
        size_t buckets = (size_t)1 << weft_i_table_bits(w.array);
        for (size_t i = 0; i < buckets; i++) {
            w.bucket = &w.array->bucket[i];
            if (weft_i_table_mode(weft_i_load(&w.bucket->head, TABLE_S1)) == WEFT_I_TABLE_FROZEN)
                (void)weft_i_table_move(&w); /* a frozen bucket has all that its move needs */
        }
    }
    weft_i_table_end(w.hold, scheme);
    weft_i_end(w.hold, &own);
}
