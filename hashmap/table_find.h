/*
 * private. Reading the table: from the array to the bucket, and through its slots. Nothing here writes to shared
 * memory.
 */
#ifndef WEFT_HASHMAP_TABLE_FIND_H
#define WEFT_HASHMAP_TABLE_FIND_H

#include <weft/hashmap/table_layout.h>

/* Where an operation stands. */
typedef struct weft_i_table_walk {
    weft_table *table;
    weft_i_hold hold;
    uint64_t mixed; /* the key */
    weft_i_table_array *array;
    weft_i_table_bucket *bucket; /* in the array, or `zero` */
    uint64_t head;               /* the bucket's, as it was read */
    unsigned index;              /* of the slot that was found */
    void *value;                 /* and its value */
    int word;                    /* the guard word that protects the array; the next array gets the other one */
    int node_word;               /* the one that protects a node of slots, 0 or the one that the array leaves free */
} weft_i_table_walk;

typedef enum weft_i_table_seen { WEFT_I_TABLE_FOUND, WEFT_I_TABLE_ABSENT, WEFT_I_TABLE_CHANGED } weft_i_table_seen;

/* What a slot has for a key. */
weft_i_inline uint64_t weft_i_table_word(uint64_t mixed)
{
    return mixed + (mixed == 0);
}

weft_i_inline void weft_i_table_stand(weft_i_table_walk *w, weft_i_table_array *array, int word)
{
    w->array = array;
    w->word = word;
    w->node_word = w->node_word ? 3 - word : 0;
    w->bucket = weft_i_likely(w->mixed != 0) ? &array->bucket[w->mixed >> array->shift] : &w->table->zero;
}

/* Protects the table's array, and stands at the key's bucket in it. */
weft_i_inline void weft_i_table_begin(weft_i_table_walk *w, weft_scheme scheme)
{
    weft_i_table_array *array = weft_i_load(&w->table->array, TABLE_A3);
    while (scheme == WEFT_HAZARD) {
        weft_i_publish(w->hold, 2, array, scheme);
        weft_i_table_array *again = weft_i_load(&w->table->array, TABLE_A3);
        if (weft_i_likely(again == array))
            break;
        array = again;
    }
    weft_i_table_stand(w, array, 2);
}

weft_i_inline weft_i_table_walk weft_i_table_reader(weft_table *table, weft_i_hold hold, uint64_t mixed)
{
    return (weft_i_table_walk){.table = table, .hold = hold, .mixed = mixed, .node_word = 1};
}

weft_i_inline weft_i_table_walk weft_i_table_updater(weft_table *table, weft_i_hold hold, uint64_t mixed)
{
    return (weft_i_table_walk){.table = table, .hold = hold, .mixed = mixed};
}

weft_i_inline void weft_i_table_end(weft_i_hold hold, weft_scheme scheme)
{
    weft_i_unpublish(hold, 1, scheme);
    weft_i_unpublish(hold, 2, scheme);
}

/* Protects the array that takes over. NULL: there is none, or it may be retired already. */
weft_i_inline weft_i_table_array *weft_i_table_next(weft_i_table_walk *w, weft_scheme scheme)
{
    weft_i_table_array *next = weft_i_load(&w->array->next, TABLE_A3);
    weft_i_publish(w->hold, 3 - w->word, next, scheme);
    if (scheme == WEFT_HAZARD && (ptrdiff_t)(weft_i_load(&w->table->number, TABLE_A6) - w->array->number) > 1)
        return NULL;
    return next;
}

/* The bucket is MOVED: stands where the key belongs in the next array, or begins again. */
weft_i_inline void weft_i_table_step(weft_i_table_walk *w, weft_scheme scheme)
{
    weft_i_table_array *next = weft_i_table_next(w, scheme);
    if (weft_i_likely(next != NULL))
        weft_i_table_stand(w, next, 3 - w->word);
    else
        weft_i_table_begin(w, scheme);
}

/* A slot beyond the first three of a bucket with that head, protected by a word. NULL: the head has changed. */
weft_i_inline weft_i_table_slot *weft_i_table_slot_beyond(weft_i_hold hold, weft_i_table_bucket *bucket, uint64_t head,
                                                          unsigned index, int word, weft_scheme scheme)
{
    weft_atomic_ptr *link = &bucket->more;
    for (index -= WEFT_TABLE_INLINE;; index -= WEFT_I_TABLE_IN_NODE) {
        weft_i_table_node *node = weft_i_load(link, TABLE_A2);
        if (weft_i_unlikely(!node || node == WEFT_I_TABLE_CLOSED))
            return NULL;
        weft_i_publish(hold, word, node, scheme);
        /* a node is retired after its bucket's head was MOVED */
        if (scheme == WEFT_HAZARD && weft_i_load(&bucket->head, TABLE_S1) != head)
            return NULL;
        if (index < WEFT_I_TABLE_IN_NODE)
            return &node->slot[index];
        link = &node->next;
    }
}

weft_i_inline weft_i_table_slot *weft_i_table_slot_at(weft_i_table_walk *w, unsigned index, weft_scheme scheme)
{
    if (weft_i_likely(index < WEFT_TABLE_INLINE))
        return &w->bucket->slot[index];
    return weft_i_table_slot_beyond(w->hold, w->bucket, w->head, index, w->node_word, scheme);
}

/* The slots of the bucket itself that have the word, LIVE or not; without branches, which could not be predicted. */
weft_i_inline uint64_t weft_i_table_match(weft_i_table_bucket *bucket, uint64_t word)
{
    uint64_t match = 0;
#pragma GCC unroll 3
    for (unsigned i = 0; i < WEFT_TABLE_INLINE; i++)
        match |= (uint64_t)(weft_i_load(&bucket->slot[i].key, TABLE_A1) == word) << 2 * i;
    return match;
}

/* The same for the slots of its nodes that are in a set. *slot: the one that has it. CHANGED: so has the head. */
static weft_i_noinline weft_i_table_seen weft_i_table_match_beyond(weft_i_table_walk *w, uint64_t live, uint64_t word,
                                                                   weft_i_table_slot **slot, weft_scheme scheme)
{
    for (; live; live &= live - 1) {
        w->index = weft_i_table_first(live);
        *slot = weft_i_table_slot_at(w, w->index, scheme);
        if (weft_i_unlikely(!*slot))
            return WEFT_I_TABLE_CHANGED;
        if (weft_i_load(&(*slot)->key, TABLE_A1) == word)
            return WEFT_I_TABLE_FOUND;
    }
    return WEFT_I_TABLE_ABSENT;
}

/*
 * Looks for the key among the slots that are LIVE in w->head. FOUND: w->index and w->value; a reader's value is
 * protected. Both answers were true when the head was read again, at the end.
 */
weft_i_inline weft_i_table_seen weft_i_table_look(weft_i_table_walk *w, weft_scheme scheme)
{
    uint64_t word = weft_i_table_word(w->mixed), live = weft_i_table_live(w->head);
    uint64_t match = weft_i_table_match(w->bucket, word) & live;
    weft_i_table_seen seen = WEFT_I_TABLE_ABSENT;
    weft_i_table_slot *slot = NULL;
    if (weft_i_likely(match != 0)) {
        w->index = weft_i_table_first(match);
        slot = &w->bucket->slot[w->index];
        seen = WEFT_I_TABLE_FOUND;
    } else if (live >> 2 * WEFT_TABLE_INLINE) {
        weft_i_table_walk copy = *w; /* nobody gets w's address, so that it stays in registers */
        seen = weft_i_table_match_beyond(&copy, live >> 2 * WEFT_TABLE_INLINE << 2 * WEFT_TABLE_INLINE, word, &slot,
                                         scheme);
        w->index = copy.index;
    }
    if (seen == WEFT_I_TABLE_FOUND) {
        w->value = weft_i_load(&slot->value, TABLE_A1);
        if (w->node_word)
            weft_i_publish(w->hold, 0, weft_i_hazard(w->value), scheme);
    }
    if (weft_i_unlikely(weft_i_load(&w->bucket->head, TABLE_S1) != w->head))
        return WEFT_I_TABLE_CHANGED;
    return seen;
}

/* Looks the key up, wherever it is. A frozen bucket has the truth until it is MOVED (table_move.h, (b)). */
weft_i_inline weft_i_table_seen weft_i_table_find(weft_i_table_walk *w, weft_scheme scheme)
{
    for (weft_i_table_begin(w, scheme);;) {
        w->head = weft_i_load(&w->bucket->head, TABLE_S1);
        if (weft_i_unlikely(weft_i_table_mode(w->head) == WEFT_I_TABLE_MOVED)) {
            weft_i_table_step(w, scheme);
            continue;
        }
        weft_i_table_seen seen = weft_i_table_look(w, scheme);
        if (weft_i_likely(seen != WEFT_I_TABLE_CHANGED))
            return seen;
    }
}

/* The value, wherever the entry is. The hold is a reader's. */
weft_i_inline void *weft_i_table_get_held(weft_table *table, weft_i_hold hold, uint64_t mixed, weft_scheme scheme)
{
    weft_i_table_walk w = weft_i_table_reader(table, hold, mixed);
    weft_i_table_seen seen = weft_i_table_find(&w, scheme);
    weft_i_table_end(hold, scheme);
    return seen == WEFT_I_TABLE_FOUND ? w.value : NULL;
}

#endif
