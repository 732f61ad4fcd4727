/*
 * private. Finds a key's entry, or its place: by a walk that helps other operations that it meets, or by one that only
 * reads.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_FIND_H
#define WEFT_HASHMAP_SPLIT_MAP_FIND_H

#include <weft/hashmap/split_map_table.h>

/*
 * Finds the key's entry. Returns a node whose value was not NULL. NULL: absent; then w stands where the entry would be
 * inserted, behind all entries of its hash.
 */
weft_i_inline weft_i_map_node *weft_i_map_find(weft_i_map_walk *w, weft_map *map, weft_i_hold hold, uint64_t hash,
                                               const void *key, weft_scheme scheme)
{
    weft_i_map_seen seen = weft_i_map_walk_to(w, map, hold, hash, weft_i_map_level(map), scheme);
    for (;;) {
        weft_i_map_node *node = w->here;
        if (seen == WEFT_I_MAP_RESTART) {
            seen = weft_i_map_walk_to(w, map, hold, hash, weft_i_map_level(map), scheme);
            continue;
        }
        if (seen != WEFT_I_MAP_AT_NODE || node->hash > hash)
            return NULL;         /* the end of the interval, or a higher hash */
        if (node->hash < hash) { /* inserted meanwhile, where a dead node has just been unlinked */
            weft_i_map_walk_on(w, &node->next);
        } else if (weft_i_map_equal(map, node->key, key)) {
            if (weft_i_likely(weft_i_load(&node->value, MAP_S3) != NULL))
                return node;
            (void)weft_i_map_freeze(&node->next); /* being removed: help, and look again */
        } else {
            w->order = node->order + 1;
            weft_i_map_walk_on(w, &node->next);
        }
        seen = weft_i_map_walk_look(w, scheme);
    }
}

/* Links the node where the walk stands. False: the link there has changed. */
weft_i_inline bool weft_i_map_insert_at(weft_i_map_walk *w, weft_i_map_node *node)
{
    void *expected = w->at;
    /* relaxed: the node is private until MAP_S2 */
    weft_i_store(&node->next, w->at, memory_order_relaxed);
    return weft_i_cas(w->prev, &expected, (void *)node, MAP_S2, MAP_S1);
}

typedef enum weft_i_map_outcome {
    WEFT_I_MAP_FOUND,
    WEFT_I_MAP_ABSENT,
    WEFT_I_MAP_AGAIN /* by weft_i_map_find */
} weft_i_map_outcome;

/*
 * One attempt at finding an integer's entry: a walk that only reads, from the hash's bucket in the present table. All
 * other cases (a bucket that is not open, a dead node) are left to weft_i_map_find. If the table has not changed, the
 * first dummy ends the walk: among the buckets of the table's level and below, the one where the walk began is the last
 * that starts at or before the hash. Dummies of higher levels are all unlinked while nothing is being closed, and come
 * only with a change of the table. FOUND: w->here is the entry, *value its value. ABSENT: w stands where the entry
 * would be inserted.
 */
weft_i_inline weft_i_map_outcome weft_i_map_look(weft_i_map_walk *w, weft_map *map, weft_i_hold hold, uint64_t hash,
                                                 const void *key, void **value, bool to_insert, weft_scheme scheme)
{
    size_t table = weft_i_map_table(map);
    if (weft_i_unlikely(weft_i_map_is_closing(table)))
        return WEFT_I_MAP_AGAIN;
    weft_i_map_bucket *bucket =
        weft_i_map_bucket_at(map, hold, weft_i_map_place_of(hash, weft_i_map_level_of(table)), scheme);
    *w = (weft_i_map_walk){.hold = hold, .prev = bucket ? &bucket->link : NULL, .word = 2};
    while (weft_i_likely(w->prev != NULL)) {
        w->at = weft_i_load(w->prev, MAP_S1);
        if (weft_i_unlikely(!w->at || weft_i_map_bits(w->at) & (WEFT_I_MAP_FROZEN | WEFT_I_MAP_PENDING)))
            return WEFT_I_MAP_AGAIN;
        bool dummy = weft_i_map_bits(w->at) & WEFT_I_MAP_DUMMY;
        if (!dummy || to_insert) { /* an insertion's compare-and-swap relies on the address not coming back */
            weft_i_publish(hold, w->word, weft_i_map_target(w->at), scheme);
            if (weft_i_unlikely(scheme == WEFT_HAZARD && weft_i_load(w->prev, MAP_S1) != w->at))
                return WEFT_I_MAP_AGAIN;
        }
        if (dummy)
            return weft_i_likely(weft_i_map_table(map) == table) ? WEFT_I_MAP_ABSENT : WEFT_I_MAP_AGAIN;
        weft_i_map_node *node = w->here = w->at;
        if (node->key == key) {
            *value = weft_i_map_protect_value(hold, &node->value, scheme);
            return weft_i_likely(*value != NULL) ? WEFT_I_MAP_FOUND : WEFT_I_MAP_AGAIN;
        }
        if (node->hash > hash)
            return WEFT_I_MAP_ABSENT;
        weft_i_map_walk_on(w, &node->next);
    }
    return WEFT_I_MAP_AGAIN;
}

#endif
