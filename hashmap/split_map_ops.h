/*
 * private. The map's operations, over the walk and the table.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_OPS_H
#define WEFT_HASHMAP_SPLIT_MAP_OPS_H

#include <weft/hashmap/split_map_table.h>

/* Retires a node that holds what is to be destroyed; without destructors, a node that is only memory. weft_i_catch_up is due. */
weft_i_inline void weft_i_map_retire(weft_map *map, weft_i_map_node *node, bool whole_entry)
{
    weft_i_map_kinds *kinds = map->kinds;
    const weft_i_kind *kind = &weft_i_recycle[WEFT_I_LARGE];
    if (kinds) {
        /* relaxed: the map is a user itself, so that this cannot be the first */
        (void)weft_i_fetch_add(&kinds->users, 1, memory_order_relaxed);
        kind = whole_entry ? &kinds->entry : &kinds->value;
    }
    (void)weft_i_retire_held(map->domain, weft_i_local_get(map->domain), &node->hook, kind, kind->size);
}

/*
 * Finds the key's entry: NULL if it is absent, and then w stands where it would be inserted, behind all of its hash.
 * Returns a node whose value was not NULL.
 */
weft_i_inline weft_i_map_node *weft_i_map_find(weft_i_walk *w, weft_map *map, weft_i_hold hold, uint64_t hash,
                                               const void *key, weft_scheme scheme)
{
    weft_i_seen seen = weft_i_walk_to(w, map, hold, hash, weft_i_map_level(map), scheme);
    for (;;) {
        weft_i_map_node *node = w->here;
        if (seen == WEFT_I_ASTRAY) {
            seen = weft_i_walk_to(w, map, hold, hash, weft_i_map_level(map), scheme);
            continue;
        }
        if (seen != WEFT_I_AT_NODE || node->hash > hash)
            return NULL; /* the end of the interval, or a higher hash */
        if (node->hash < hash) { /* put in here since, where a dead node has just been unlinked */
            weft_i_walk_on(w, &node->next);
        } else if (weft_i_equal(map, node->key, key)) {
            if (weft_i_likely(weft_i_load(&node->value, MAP_S3) != NULL))
                return node;
            (void)weft_i_freeze(&node->next); /* being removed: help, and look again */
        } else {
            w->order = node->order + 1;
            weft_i_walk_on(w, &node->next);
        }
        seen = weft_i_walk_look(w, scheme);
    }
}

/* Links the node where the walk stands. False: something has changed there. */
weft_i_inline bool weft_i_map_link(weft_i_walk *w, weft_i_map_node *node)
{
    void *expected = w->at;
    /* relaxed: the node is private until MAP_S2 */
    weft_i_store(&node->next, w->at, memory_order_relaxed);
    return weft_i_cas(w->prev, &expected, (void *)node, MAP_S2, MAP_S1);
}

/*
 * One attempt at finding an integer's entry: a walk that only looks, from the hash's bucket of the present table. What
 * else there is to see (a bucket not open, something dead) is left to the walk that works. A dummy ends the walk if the
 * table has not changed: of its own level and those below, the bucket is the last that starts at or before the hash;
 * dummies of higher levels were all unlinked when nothing was being closed, and come with a change. DONE: w->here is the
 * entry, *value its value; EMPTY: w stands where the entry would be inserted.
 */
weft_i_inline weft_i_outcome weft_i_map_look(weft_i_walk *w, weft_map *map, weft_i_hold hold, uint64_t hash,
                                             const void *key, void **value, bool to_insert, weft_scheme scheme)
{
    size_t table = weft_i_map_table(map);
    if (weft_i_unlikely(weft_i_is_closing(table)))
        return WEFT_I_AGAIN;
    weft_i_bucket *bucket = weft_i_bucket_at(map, hold, weft_i_place_of(hash, weft_i_level_of(table)), scheme);
    *w = (weft_i_walk){.hold = hold, .prev = bucket ? &bucket->link : NULL, .word = 2};
    while (weft_i_likely(w->prev != NULL)) {
        w->at = weft_i_load(w->prev, MAP_S1);
        if (weft_i_unlikely(!w->at || weft_i_bits(w->at) & (WEFT_I_FROZEN | WEFT_I_PENDING)))
            return WEFT_I_AGAIN;
        bool dummy = weft_i_bits(w->at) & WEFT_I_DUMMY;
        if (!dummy || to_insert) { /* whose compare-and-swap relies on the address not coming back */
            weft_i_publish(hold, w->word, weft_i_target(w->at), scheme);
            if (weft_i_unlikely(scheme == WEFT_HAZARD && weft_i_load(w->prev, MAP_S1) != w->at))
                return WEFT_I_AGAIN;
        }
        if (dummy)
            return weft_i_likely(weft_i_map_table(map) == table) ? WEFT_I_EMPTY : WEFT_I_AGAIN;
        weft_i_map_node *node = w->here = w->at;
        if (node->key == key) {
            *value = weft_i_protect_value(hold, &node->value, scheme);
            return weft_i_likely(*value != NULL) ? WEFT_I_DONE : WEFT_I_AGAIN;
        }
        if (node->hash > hash)
            return WEFT_I_EMPTY;
        weft_i_walk_on(w, &node->next);
    }
    return WEFT_I_AGAIN;
}

/* Finds the entry, or links a new one. *made is the new node, allocated once: linked if NULL is returned. */
weft_i_inline int weft_i_map_find_or_link(weft_i_walk *w, weft_map *map, weft_i_hold hold, void *key, void *value,
                                          weft_i_map_node **found, weft_i_map_node **made, weft_scheme scheme)
{
    uint64_t hash = weft_i_hash(map, key);
    for (;;) {
        *found = weft_i_map_find(w, map, hold, hash, key, scheme);
        if (*found)
            return 0;
        if (!*made && !(*made = weft_i_map_node_make(map, hash, key, value)))
            return -1;
        (*made)->order = w->order;
        if (weft_i_likely(weft_i_map_link(w, *made)))
            return 0;
    }
}

typedef struct weft_i_upsert {
    weft_i_map_node *found, *made;
    void *value; /* that was found */
    int error;
} weft_i_upsert;

/* Without `held` the found value is not protected. */
weft_i_inline weft_i_upsert weft_i_map_insert(weft_map *map, weft_guard *held, void *key, void *value,
                                              weft_scheme scheme)
{
    weft_guard own;
    weft_i_walk w;
    weft_i_upsert r = {0};
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    do {
        if (held)
            weft_guard_set(held, value); /* before anybody can see and retire it */
        r.error = weft_i_map_find_or_link(&w, map, hold, key, value, &r.found, &r.made, scheme);
        if (r.found && held)
            r.value = weft_i_protect_value(weft_i_hold_of(held), &r.found->value, scheme);
        else if (r.found)
            r.value = weft_i_load(&r.found->value, MAP_S3);
    } while (r.found && !r.value); /* removed in between */
    weft_i_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    return r;
}

/* error -1: no memory, nothing done. found: replaced, `value` is what was there. */
weft_i_inline weft_i_upsert weft_i_map_put(weft_map *map, void *key, void *value, bool destroy, weft_scheme scheme)
{
    weft_guard own;
    weft_i_walk w;
    weft_i_upsert r = {0};
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    for (bool done = false; !done;) {
        r.error = weft_i_map_find_or_link(&w, map, hold, key, value, &r.found, &r.made, scheme);
        /* the replaced value needs a node to wait in */
        if (r.found && destroy && !r.made && !(r.made = weft_i_map_node_make(map, weft_i_hash(map, key), key, value)))
            r.error = -1;
        done = r.error || !r.found;
        if (done)
            break;
        r.value = weft_i_load(&r.found->value, MAP_S3);
        while (r.value && !done)
            done = weft_i_cas(&r.found->value, &r.value, value, MAP_S4, MAP_S3);
    }
    weft_i_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    return r;
}

weft_i_inline void *weft_i_map_get(weft_map *map, weft_i_hold hold, const void *key, weft_scheme scheme)
{
    weft_i_walk w;
    weft_i_map_node *node = weft_i_map_find(&w, map, hold, weft_i_hash(map, key), key, scheme);
    void *value = node ? weft_i_protect_value(hold, &node->value, scheme) : NULL;
    weft_i_walk_end(hold, scheme);
    return value;
}

/* 0; 1: absent; 2: another value. */
weft_i_inline int weft_i_map_replace(weft_map *map, const void *key, void *expected, void *desired,
                                     weft_scheme scheme)
{
    weft_guard own;
    weft_i_walk w;
    int result = 1;
    uint64_t hash = weft_i_hash(map, key);
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    for (weft_i_map_node *node; (node = weft_i_map_find(&w, map, hold, hash, key, scheme)) != NULL;) {
        void *value = expected;
        if (weft_i_cas(&node->value, &value, desired, MAP_S4, MAP_S3))
            result = 0;
        else if (value)
            result = 2;
        else
            continue; /* removed in between */
        break;
    }
    weft_i_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    return result;
}

/* Empties the entry, unlinks and retires it. 0: *value is what it had; 1: absent; 2: it has another than `expected`. */
weft_i_inline int weft_i_map_remove(weft_map *map, const void *key, void *expected, bool destroy, void **value, weft_scheme scheme)
{
    weft_guard own;
    weft_i_walk w = {0};
    weft_i_map_node *node = NULL;
    int result = 1;
    uint64_t hash = weft_i_hash(map, key);
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    while (result == 1 && (node = weft_i_map_find(&w, map, hold, hash, key, scheme)) != NULL) {
        *value = weft_i_load(&node->value, MAP_S3);
        while (*value && (!expected || *value == expected) && result == 1)
            result = weft_i_cas(&node->value, value, NULL, MAP_S4, MAP_S3) ? 0 : 1;
        if (*value && result == 1)
            result = 2;
    }
    if (result == 0) {
        void *at = w.at, *next = weft_i_freeze(&node->next);
        if (!weft_i_cas(w.prev, &at, next, MAP_S2, MAP_S1))
            (void)weft_i_map_find(&w, map, hold, hash, key, scheme); /* passes the node, or where it was */
    }
    weft_i_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    if (result == 0) {
        node->dead = destroy ? *value : NULL;
        weft_i_map_retire(map, node, true);
    }
    return result;
}

/* Walks past where a dead node was linked, so that it is no more. */
weft_i_inline void weft_i_map_pass(weft_map *map, const weft_i_map_node *node, weft_scheme scheme)
{
    weft_guard own;
    weft_i_walk w;
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    (void)weft_i_map_find(&w, map, hold, node->hash, node->key, scheme);
    weft_i_walk_end(hold, scheme);
    weft_i_end(hold, &own);
}

/* One attempt at inserting an integer. DONE: inserted; EMPTY: there already. */
weft_i_inline weft_i_outcome weft_i_map_try_insert(weft_map *map, weft_i_attempt attempt, void *key, void *value,
                                                   weft_scheme scheme)
{
    weft_i_walk w;
    void *present;
    uint64_t hash = weft_i_hash_integer((uint64_t)(uintptr_t)key, &map->seed);
    weft_i_outcome outcome = weft_i_map_look(&w, map, attempt.hold, hash, key, &present, true, scheme);
    if (weft_i_unlikely(outcome != WEFT_I_EMPTY))
        return outcome == WEFT_I_DONE ? WEFT_I_EMPTY : WEFT_I_AGAIN;
    weft_i_map_node *node = weft_i_cache_pop(attempt.local, WEFT_I_LARGE);
    if (weft_i_unlikely(!node))
        return WEFT_I_AGAIN;
    weft_i_map_node_fill(node, hash, key, value);
    if (weft_i_likely(weft_i_map_link(&w, node)))
        return WEFT_I_DONE;
    weft_i_list_push(&attempt.local->cache[WEFT_I_LARGE], &node->hook);
    return WEFT_I_AGAIN;
}

/* One attempt at removing an integer that owns nothing. EMPTY: absent. LOST: the value is taken, the node not unlinked. */
weft_i_inline weft_i_outcome weft_i_map_try_remove(weft_map *map, weft_i_attempt attempt, const void *key, void **value,
                                                   weft_i_map_node **removed, weft_scheme scheme)
{
    weft_i_walk w;
    uint64_t hash = weft_i_hash_integer((uint64_t)(uintptr_t)key, &map->seed);
    weft_i_outcome outcome = weft_i_map_look(&w, map, attempt.hold, hash, key, value, false, scheme);
    if (outcome != WEFT_I_DONE)
        return outcome;
    weft_i_map_node *node = *removed = w.here;
    void *expected = *value;
    if (weft_i_unlikely(!weft_i_cas(&node->value, &expected, NULL, MAP_S4, MAP_S3)))
        return WEFT_I_AGAIN;
    void *next = weft_i_freeze(&node->next);
    expected = w.at;
    return weft_i_likely(weft_i_cas(w.prev, &expected, next, MAP_S2, MAP_S1)) ? WEFT_I_DONE : WEFT_I_LOST;
}

/* To the iterator's place, for a walk that no dummy ends. */
weft_i_inline weft_i_seen weft_i_map_resume(weft_i_walk *w, weft_map_iterator *it, weft_scheme scheme)
{
    weft_i_hold hold = weft_i_hold_of(&it->entry);
    weft_i_seen seen = weft_i_walk_to(w, it->map, hold, it->hash, weft_i_map_level(it->map), scheme);
    w->hash = UINT64_MAX;
    return seen == WEFT_I_AT_END && w->here ? weft_i_walk_look(w, scheme) : seen;
}

/* The next entry after the iterator's place; its value is protected by iterator->held. */
weft_i_inline weft_i_map_node *weft_i_map_step(weft_map_iterator *it, void **value, weft_scheme scheme)
{
    weft_i_walk w;
    weft_i_seen seen = weft_i_map_resume(&w, it, scheme);
    while (seen != WEFT_I_AT_END) {
        if (seen == WEFT_I_ASTRAY) {
            seen = weft_i_map_resume(&w, it, scheme);
            continue;
        }
        weft_i_map_node *node = w.here;
        bool skip = node->hash < it->hash || (node->hash == it->hash && node->order < it->seen);
        *value = !skip ? weft_i_protect_value(weft_i_hold_of(&it->held), &node->value, scheme) : NULL;
        if (*value) {
            it->seen = node->order + 1;
            it->hash = node->hash;
            return node;
        }
        weft_i_walk_on(&w, &node->next);
        seen = weft_i_walk_look(&w, scheme);
    }
    return NULL;
}

#endif
