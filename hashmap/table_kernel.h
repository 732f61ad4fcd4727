/*
 * private. The table's operations: each as an attempt without a guard of its own, and under one where that is not
 * enough (a bucket on its way to the next array, memory, a value to destroy).
 */
#ifndef WEFT_HASHMAP_TABLE_KERNEL_H
#define WEFT_HASHMAP_TABLE_KERNEL_H

#include <weft/hashmap/table_resize.h>
#include <weft/hashmap/table_values.h>

#include <errno.h>

typedef enum weft_i_table_outcome {
    WEFT_I_TABLE_DONE,      /* inserted, or removed; w->value is what was removed */
    WEFT_I_TABLE_REPLACED,  /* w->value is what the entry had */
    WEFT_I_TABLE_IS_THERE,  /* with w->value: nothing was changed */
    WEFT_I_TABLE_IS_ABSENT, /* nothing was changed */
    WEFT_I_TABLE_MOVED_ON,  /* try again at once */
    WEFT_I_TABLE_AGAIN,     /* an attempt does not do this: try again under a guard */
    WEFT_I_TABLE_NO_MEMORY
} weft_i_table_outcome;

/* What a put does. */
typedef struct weft_i_table_wish {
    void *value;
    void *expected;   /* NULL: whatever is there */
    bool may_insert;  /* if the key is absent */
    bool may_replace; /* if it is there, with what is expected */
} weft_i_table_wish;

/*
 * DONE: the bucket takes this update: it is OPEN, or SEALED and the update takes no slot. MOVED_ON: it was not; the
 * walk stands where the key has gone meanwhile, or begins again.
 */
weft_i_inline weft_i_table_outcome weft_i_table_settle(weft_i_table_walk *w, bool takes_none, weft_i_way way,
                                                       weft_scheme scheme)
{
    unsigned its;
    bool takes;
    do {
        w->head = weft_i_load(&w->bucket->head, TABLE_S1);
        its = weft_i_table_mode(w->head);
        takes = its == WEFT_I_TABLE_OPEN || (its == WEFT_I_TABLE_SEALED && takes_none);
        if (weft_i_likely(takes && !weft_i_table_dead(w->head)))
            return WEFT_I_TABLE_DONE;
        if (way == WEFT_I_FAST)
            return WEFT_I_TABLE_AGAIN;
        if (takes && !weft_i_table_bury(w))
            return WEFT_I_TABLE_DONE;
    } while (takes);
    if (its == WEFT_I_TABLE_MOVED)
        weft_i_table_step(w, scheme);
    else if (!weft_i_table_move(w))
        return WEFT_I_TABLE_NO_MEMORY;
    return WEFT_I_TABLE_MOVED_ON;
}

/*
 * Takes a slot of the bucket, which has w->head, and writes the entry's words. DONE: *index is BUSY, and w->head says
 * so. MOVED_ON: look again.
 */
weft_i_inline weft_i_table_outcome weft_i_table_take(weft_i_table_walk *w, void *value, unsigned *index, weft_i_way way,
                                                     weft_scheme scheme)
{
    uint64_t head = w->head, free = weft_i_table_free(head);
    if (weft_i_unlikely(!free)) {
        if (way == WEFT_I_FAST)
            return WEFT_I_TABLE_AGAIN;
        if (!weft_i_table_widen(w))
            return WEFT_I_TABLE_NO_MEMORY;
        weft_i_table_begin(w, scheme);
        return WEFT_I_TABLE_MOVED_ON;
    }
    *index = weft_i_table_first(free);
    weft_i_table_slot *slot = weft_i_table_slot_at(w, *index, scheme);
    if (weft_i_unlikely(!slot)) {
        if (way == WEFT_I_FAST)
            return WEFT_I_TABLE_AGAIN;
        return weft_i_table_extend(w, *index) ? WEFT_I_TABLE_MOVED_ON : WEFT_I_TABLE_NO_MEMORY;
    }
    w->head = weft_i_table_with(head, *index, WEFT_I_TABLE_BUSY) + WEFT_I_TABLE_TAKING;
    if (weft_i_unlikely(!weft_i_cas(&w->bucket->head, &head, w->head, TABLE_S2, TABLE_S1)))
        return WEFT_I_TABLE_MOVED_ON;
    weft_i_store(&slot->key, weft_i_table_word(w->mixed), TABLE_R1);
    weft_i_store(&slot->value, value, TABLE_R1);
    return WEFT_I_TABLE_DONE;
}

/* Gives a BUSY slot back. In a bucket that takes no more entries it does not matter. */
weft_i_inline void weft_i_table_give_back(weft_i_table_walk *w, unsigned index)
{
    uint64_t head = w->head;
    while (weft_i_table_mode(head) == WEFT_I_TABLE_OPEN &&
           !weft_i_cas(&w->bucket->head, &head, weft_i_table_with(head, index, WEFT_I_TABLE_FREE), TABLE_S2, TABLE_S1))
        ;
}

/*
 * Inserts or replaces, as wished. A replacing put takes a second slot for the new value, and changes both in one step.
 * `held`, if not NULL, protects the value that is there.
 */
weft_i_inline weft_i_table_outcome weft_i_table_put(weft_i_table_walk *w, const weft_i_table_wish *wish,
                                                    weft_guard *held, weft_i_way way, weft_scheme scheme)
{
    enum { NO_SLOT = WEFT_TABLE_SLOTS };
    unsigned mine = NO_SLOT;
    weft_i_table_outcome outcome;
    for (weft_i_table_begin(w, scheme);;) {
        outcome = weft_i_table_settle(w, false, way, scheme);
        if (weft_i_unlikely(outcome == WEFT_I_TABLE_MOVED_ON)) {
            mine = NO_SLOT; /* a frozen bucket keeps it */
            continue;
        }
        if (weft_i_unlikely(outcome != WEFT_I_TABLE_DONE))
            return outcome;
        weft_i_table_seen seen = weft_i_table_look(w, scheme);
        if (held && seen == WEFT_I_TABLE_FOUND) {
            weft_guard_set(held, w->value);
            if (weft_i_load(&w->bucket->head, TABLE_S1) != w->head)
                continue;
        }
        if (weft_i_unlikely(seen == WEFT_I_TABLE_CHANGED))
            continue;
        bool found = seen == WEFT_I_TABLE_FOUND, same = found && w->value == wish->value;
        if (found ? !wish->may_replace || same || (wish->expected && w->value != wish->expected) : !wish->may_insert) {
            if (mine != NO_SLOT)
                weft_i_table_give_back(w, mine);
            bool as_wished = found && same && wish->may_replace && (!wish->expected || wish->expected == w->value);
            return as_wished ? WEFT_I_TABLE_REPLACED : found ? WEFT_I_TABLE_IS_THERE : WEFT_I_TABLE_IS_ABSENT;
        }
        if (mine == NO_SLOT) {
            unsigned index;
            outcome = weft_i_table_take(w, wish->value, &index, way, scheme);
            if (weft_i_unlikely(outcome == WEFT_I_TABLE_MOVED_ON))
                continue;
            if (weft_i_unlikely(outcome != WEFT_I_TABLE_DONE))
                return outcome;
            mine = index;
        }
        uint64_t head = w->head, then = weft_i_table_with(head, mine, WEFT_I_TABLE_LIVE);
        if (found)
            then = weft_i_table_with(then, w->index, WEFT_I_TABLE_FREE);
        if (weft_i_likely(weft_i_cas(&w->bucket->head, &head, then, TABLE_S2, TABLE_S1)))
            return found ? WEFT_I_TABLE_REPLACED : WEFT_I_TABLE_DONE;
    }
}

/* Removes the entry, if its value is `expected` or that is NULL. `state`: of the slot afterwards. */
weft_i_inline weft_i_table_outcome weft_i_table_remove(weft_i_table_walk *w, void *expected, unsigned state,
                                                       weft_i_way way, weft_scheme scheme)
{
    for (weft_i_table_begin(w, scheme);;) {
        weft_i_table_outcome outcome = weft_i_table_settle(w, true, way, scheme);
        if (weft_i_unlikely(outcome == WEFT_I_TABLE_MOVED_ON))
            continue;
        if (weft_i_unlikely(outcome != WEFT_I_TABLE_DONE))
            return outcome;
        weft_i_table_seen seen = weft_i_table_look(w, scheme);
        if (weft_i_unlikely(seen == WEFT_I_TABLE_CHANGED))
            continue;
        if (seen == WEFT_I_TABLE_ABSENT)
            return WEFT_I_TABLE_IS_ABSENT;
        if (expected && w->value != expected)
            return WEFT_I_TABLE_IS_THERE;
        uint64_t head = w->head;
        if (weft_i_likely(
                weft_i_cas(&w->bucket->head, &head, weft_i_table_with(head, w->index, state), TABLE_S2, TABLE_S1)))
            return WEFT_I_TABLE_DONE;
    }
}

/* ---- whole operations: an attempt, and the way under a guard where it fails ---- */

/* A put under a guard. *old: the value that was or is there. */
weft_i_inline weft_i_table_outcome weft_i_table_put_guarded(weft_table *table, uint64_t key,
                                                            const weft_i_table_wish *wish, weft_guard *held, void **old,
                                                            weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, table->domain, scheme);
    weft_i_table_walk w = weft_i_table_updater(table, hold, weft_i_table_mix(table, key));
    weft_i_table_outcome outcome = weft_i_table_put(&w, wish, held, WEFT_I_GUARDED, scheme);
    bool due = outcome == WEFT_I_TABLE_DONE && weft_i_table_count(&w, 1);
    *old = w.value;
    weft_i_table_end(hold, scheme);
    weft_i_end(hold, &own);
    if (due)
        (void)weft_i_table_adjust(table);
    weft_i_catch_up(table->domain);
    return outcome;
}

static weft_i_noinline weft_i_table_outcome weft_i_table_put_again(weft_table *table, uint64_t key,
                                                                   const weft_i_table_wish *wish, weft_guard *held,
                                                                   void **old)
{
    return WEFT_I_BY_SCHEME(table->domain, weft_i_table_put_guarded, table, key, wish, held, old);
}

/* The same, which first tries without a guard. */
weft_i_inline weft_i_table_outcome weft_i_table_put_key(weft_table *table, uint64_t key, const weft_i_table_wish *wish,
                                                        void **old, weft_scheme scheme)
{
    weft_i_hold hold;
    if (weft_i_unlikely(!weft_i_reading_begin(&hold, table->domain, scheme)))
        return weft_i_table_put_again(table, key, wish, NULL, old);
    weft_i_table_walk w = weft_i_table_updater(table, hold, weft_i_table_mix(table, key));
    weft_i_table_outcome outcome = weft_i_table_put(&w, wish, NULL, WEFT_I_FAST, scheme);
    bool due = outcome == WEFT_I_TABLE_DONE && weft_i_table_count(&w, 1);
    *old = w.value;
    weft_i_table_end(hold, scheme);
    weft_i_attempt_end(hold);
    if (weft_i_unlikely(outcome == WEFT_I_TABLE_AGAIN))
        return weft_i_table_put_again(table, key, wish, NULL, old);
    if (weft_i_unlikely(due))
        (void)weft_i_table_adjust(table);
    return outcome;
}

/* Removes under a guard. `destroy`: the value is destroyed later. *value: what was removed, or is there. */
weft_i_inline weft_i_table_outcome weft_i_table_remove_guarded(weft_table *table, uint64_t key, void *expected,
                                                               bool destroy, void **value, weft_scheme scheme)
{
    weft_guard own;
    weft_i_map_node *node = destroy ? weft_i_table_node_make(table) : NULL;
    weft_i_hold hold = weft_i_begin(&own, table->domain, scheme);
    weft_i_table_walk w = weft_i_table_updater(table, hold, weft_i_table_mix(table, key));
    unsigned state = destroy && !node ? WEFT_I_TABLE_DEAD : WEFT_I_TABLE_FREE;
    weft_i_table_outcome outcome = weft_i_table_remove(&w, expected, state, WEFT_I_GUARDED, scheme);
    bool done = outcome == WEFT_I_TABLE_DONE, due = done && weft_i_table_count(&w, (size_t)0 - 1);
    *value = w.value;
    weft_i_table_end(hold, scheme);
    weft_i_end(hold, &own);
    if (done && node)
        weft_i_table_retire(table, node, w.value);
    else
        weft_i_table_node_drop(table, node);
    if (due)
        (void)weft_i_table_adjust(table);
    weft_i_catch_up(table->domain);
    return outcome;
}

static weft_i_noinline weft_i_table_outcome weft_i_table_remove_again(weft_table *table, uint64_t key, void *expected,
                                                                      bool destroy, void **value)
{
    return WEFT_I_BY_SCHEME(table->domain, weft_i_table_remove_guarded, table, key, expected, destroy, value);
}

/* The same, which first tries without a guard; destroys nothing. */
weft_i_inline weft_i_table_outcome weft_i_table_remove_key(weft_table *table, uint64_t key, void *expected,
                                                           void **value, weft_scheme scheme)
{
    weft_i_hold hold;
    if (weft_i_unlikely(!weft_i_reading_begin(&hold, table->domain, scheme)))
        return weft_i_table_remove_again(table, key, expected, false, value);
    weft_i_table_walk w = weft_i_table_updater(table, hold, weft_i_table_mix(table, key));
    weft_i_table_outcome outcome = weft_i_table_remove(&w, expected, WEFT_I_TABLE_FREE, WEFT_I_FAST, scheme);
    bool due = outcome == WEFT_I_TABLE_DONE && weft_i_table_count(&w, (size_t)0 - 1);
    *value = w.value;
    weft_i_table_end(hold, scheme);
    weft_i_attempt_end(hold);
    if (weft_i_unlikely(outcome == WEFT_I_TABLE_AGAIN))
        return weft_i_table_remove_again(table, key, expected, false, value);
    if (weft_i_unlikely(due))
        (void)weft_i_table_adjust(table);
    return outcome;
}

static weft_i_noinline void *weft_i_table_get_under(weft_table *table, weft_guard *guard, uint64_t mixed)
{
    weft_guard own;
    weft_scheme scheme = weft_i_scheme(table->domain);
    weft_i_hold hold = guard ? weft_i_hold_of(guard) : weft_i_begin(&own, table->domain, scheme);
    void *value = WEFT_I_BY_SCHEME(table->domain, weft_i_table_get_held, table, hold, mixed);
    if (!guard)
        weft_i_end(hold, &own);
    return value;
}

/* A lookup whose value needs no protection. */
weft_i_inline void *weft_i_table_get(weft_table *table, uint64_t key, weft_scheme scheme)
{
    weft_i_hold hold;
    if (weft_i_unlikely(!weft_i_reading_begin(&hold, table->domain, scheme)))
        return weft_i_table_get_under(table, NULL, weft_i_table_mix(table, key));
    void *value = weft_i_table_get_held(table, hold, weft_i_table_mix(table, key), scheme);
    weft_i_attempt_end(hold);
    return value;
}

#endif
