/*
 * private. The map's operations: each under a guard, and the usual case as an attempt without one.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_KERNEL_H
#define WEFT_HASHMAP_SPLIT_MAP_KERNEL_H

#include <weft/hashmap/split_map_find.h>

#include <errno.h>

/* Retires a node with what is to be destroyed; without destructors it is only memory. Then weft_i_catch_up is due. */
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

/* Finds the entry, or links a new one. *made is the new node, allocated once: linked if 0 is returned and *found is NULL. */
weft_i_inline int weft_i_map_find_or_link(weft_i_map_walk *w, weft_map *map, weft_i_hold hold, void *key, void *value,
                                          weft_i_map_node **found, weft_i_map_node **made, weft_scheme scheme)
{
    uint64_t hash = weft_i_map_hash(map, key);
    for (;;) {
        *found = weft_i_map_find(w, map, hold, hash, key, scheme);
        if (*found)
            return 0;
        if (!*made && !(*made = weft_i_map_node_make(map, hash, key, value)))
            return -1;
        (*made)->order = w->order;
        if (weft_i_likely(weft_i_map_insert_at(w, *made)))
            return 0;
    }
}

typedef struct weft_i_map_upsert {
    weft_i_map_node *found, *made;
    void *value; /* the value found */
    int error;
} weft_i_map_upsert;

/* error -1: no memory, nothing done. found: replaced, `value` is the old value. */
weft_i_inline weft_i_map_upsert weft_i_map_put(weft_map *map, void *key, void *value, bool destroy, weft_scheme scheme)
{
    weft_guard own;
    weft_i_map_walk w;
    weft_i_map_upsert r = {0};
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    for (bool done = false; !done;) {
        r.error = weft_i_map_find_or_link(&w, map, hold, key, value, &r.found, &r.made, scheme);
        /* the replaced value needs a node to wait in */
        if (r.found && destroy && !r.made &&
            !(r.made = weft_i_map_node_make(map, weft_i_map_hash(map, key), key, value)))
            r.error = -1;
        done = r.error || !r.found;
        if (done)
            break;
        r.value = weft_i_load(&r.found->value, MAP_S3);
        while (r.value && !done)
            done = weft_i_cas(&r.found->value, &r.value, value, MAP_S4, MAP_S3);
    }
    weft_i_map_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    return r;
}

weft_i_inline void *weft_i_map_get_guarded(weft_map *map, weft_i_hold hold, uint64_t hash, const void *key,
                                           weft_scheme scheme)
{
    weft_i_map_walk w;
    weft_i_map_node *node = weft_i_map_find(&w, map, hold, hash, key, scheme);
    void *value = node ? weft_i_map_protect_value(hold, &node->value, scheme) : NULL;
    weft_i_map_walk_end(hold, scheme);
    return value;
}

/* 0: replaced; 1: absent; 2: another value. */
weft_i_inline int weft_i_map_replace(weft_map *map, const void *key, void *expected, void *desired, weft_scheme scheme)
{
    weft_guard own;
    weft_i_map_walk w;
    int result = 1;
    uint64_t hash = weft_i_map_hash(map, key);
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
    weft_i_map_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    return result;
}

/* Empties the entry, unlinks and retires it. 0: *value was its value; 1: absent; 2: its value is not `expected`. */
weft_i_inline int weft_i_map_remove_guarded(weft_map *map, const void *key, void *expected, bool destroy, void **value,
                                            weft_scheme scheme)
{
    weft_guard own;
    weft_i_map_walk w = {0};
    weft_i_map_node *node = NULL;
    int result = 1;
    uint64_t hash = weft_i_map_hash(map, key);
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    while (result == 1 && (node = weft_i_map_find(&w, map, hold, hash, key, scheme)) != NULL) {
        *value = weft_i_load(&node->value, MAP_S3);
        while (*value && (!expected || *value == expected) && result == 1)
            result = weft_i_cas(&node->value, value, NULL, MAP_S4, MAP_S3) ? 0 : 1;
        if (*value && result == 1)
            result = 2;
    }
    if (result == 0) {
        void *at = w.at, *next = weft_i_map_freeze(&node->next);
        if (!weft_i_cas(w.prev, &at, next, MAP_S2, MAP_S1))
            (void)weft_i_map_find(&w, map, hold, hash, key, scheme); /* passes the node's place, which unlinks it */
    }
    weft_i_map_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    if (result == 0) {
        node->dead = destroy ? *value : NULL;
        weft_i_map_retire(map, node, true);
    }
    return result;
}

/* Walks past the place of a dead node, so that it is unlinked. */
weft_i_inline void weft_i_map_pass(weft_map *map, const weft_i_map_node *node, weft_scheme scheme)
{
    weft_guard own;
    weft_i_map_walk w;
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    (void)weft_i_map_find(&w, map, hold, node->hash, node->key, scheme);
    weft_i_map_walk_end(hold, scheme);
    weft_i_end(hold, &own);
}

/* ---- whole operations: an attempt, and the way under a guard where it fails ---- */

static weft_i_noinline int weft_i_map_look_after(weft_map *map, bool may_grow)
{
    if (may_grow)
        weft_i_map_grow(map);
    /* relaxed: a hint */
    if (weft_i_load(&map->opening, memory_order_relaxed)) {
        weft_i_map_open_some(map);
        weft_i_catch_up(map->domain);
    }
    return 0;
}

weft_i_inline int weft_i_map_after_insertion(weft_map *map)
{
    bool look = weft_i_map_count(map, 1);
    /* relaxed: a hint */
    if (weft_i_unlikely(look || weft_i_load(&map->opening, memory_order_relaxed)))
        return weft_i_map_look_after(map, look);
    return 0;
}

/* error -1: no memory, nothing done. Without `held` the found value is not protected. */
weft_i_inline weft_i_map_upsert weft_i_map_get_or_insert(weft_map *map, weft_guard *held, void *key, void *value,
                                                         weft_scheme scheme)
{
    weft_guard own;
    weft_i_map_walk w;
    weft_i_map_upsert r = {0};
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    do {
        if (held)
            weft_guard_set(held, value); /* before another thread can see and retire it */
        r.error = weft_i_map_find_or_link(&w, map, hold, key, value, &r.found, &r.made, scheme);
        if (r.found && held)
            r.value = weft_i_map_protect_value(weft_i_hold_of(held), &r.found->value, scheme);
        else if (r.found)
            r.value = weft_i_load(&r.found->value, MAP_S3);
    } while (r.found && !r.value); /* removed in between */
    weft_i_map_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    if (r.found)
        weft_i_map_node_drop(map, r.made);
    else if (!r.error)
        (void)weft_i_map_after_insertion(map);
    weft_i_catch_up(map->domain);
    return r;
}

static weft_i_noinline int weft_i_map_insert_again(weft_map *map, void *key, void *value)
{
    weft_i_map_upsert r = WEFT_I_BY_SCHEME(map->domain, weft_i_map_get_or_insert, map, NULL, key, value);
    return r.error ? -ENOMEM : r.found ? -EEXIST : 0;
}

/* For integer keys: no user code runs inside. */
weft_i_inline int weft_i_map_insert(weft_map *map, void *key, void *value, weft_scheme scheme)
{
    weft_i_attempt attempt;
    weft_i_map_walk w;
    void *present;
    bool linked = false;
    if (weft_i_unlikely(!weft_i_attempt_begin_with(&attempt, map->domain, WEFT_I_LARGE, scheme)))
        return weft_i_map_insert_again(map, key, value);
    uint64_t hash = weft_i_map_hash_integer((uint64_t)(uintptr_t)key, &map->seed);
    weft_i_map_outcome outcome = weft_i_map_look(&w, map, attempt.hold, hash, key, &present, true, scheme);
    if (weft_i_likely(outcome == WEFT_I_MAP_ABSENT)) {
        weft_i_map_node *node = weft_i_cache_pop(attempt.local, WEFT_I_LARGE);
        weft_i_map_node_fill(node, hash, key, value);
        linked = weft_i_map_insert_at(&w, node);
        if (weft_i_unlikely(!linked))
            weft_i_list_push(&attempt.local->cache[WEFT_I_LARGE], &node->hook);
    }
    weft_i_map_walk_end(attempt.hold, scheme);
    weft_i_attempt_end(attempt.hold);
    if (weft_i_likely(linked))
        return weft_i_map_after_insertion(map);
    return outcome == WEFT_I_MAP_FOUND ? -EEXIST : weft_i_map_insert_again(map, key, value);
}

static weft_i_noinline void *weft_i_map_get_again(weft_map *map, weft_guard *guard, uint64_t hash, const void *key)
{
    weft_guard own;
    weft_scheme scheme = weft_i_scheme(map->domain);
    weft_i_hold hold = guard ? weft_i_hold_of(guard) : weft_i_begin(&own, map->domain, scheme);
    void *value = WEFT_I_BY_SCHEME(map->domain, weft_i_map_get_guarded, map, hold, hash, key);
    if (!guard)
        weft_i_end(hold, &own);
    weft_i_catch_up(map->domain);
    return value;
}

/* For any kind of key. Out of line, so that weft_map_get saves no registers for the hash function's call. */
static weft_i_noinline void *weft_i_map_get_any(weft_map *map, weft_guard *guard, const void *key)
{
    return weft_i_map_get_again(map, guard, weft_i_map_hash(map, key), key);
}

/*
 * Looks up an integer key: no user code runs inside. `own` (a constant to the compiler): there is no guard, so no fence
 * is needed.
 */
weft_i_inline void *weft_i_map_get(weft_map *map, weft_guard *guard, bool own, const void *key, weft_scheme scheme)
{
    void *value = NULL;
    weft_i_map_walk w;
    weft_i_hold hold;
    if (!own)
        hold = weft_i_hold_of(guard);
    else if (weft_i_unlikely(!weft_i_reading_begin(&hold, map->domain, scheme)))
        return weft_i_map_get_any(map, NULL, key);
    uint64_t hash = weft_i_map_hash_integer((uint64_t)(uintptr_t)key, &map->seed);
    weft_i_map_outcome outcome = weft_i_map_look(&w, map, hold, hash, key, &value, false, scheme);
    weft_i_map_walk_end(hold, scheme);
    if (own)
        weft_i_attempt_end(hold);
    if (weft_i_likely(outcome == WEFT_I_MAP_FOUND))
        return value;
    return outcome == WEFT_I_MAP_ABSENT ? NULL : weft_i_map_get_again(map, guard, hash, key);
}

/* Many keys at once: their hashes, and first the buckets and then the entries on their way into the cache. */
enum { WEFT_I_MAP_AHEAD = 16 };

/* A segment that is gone meanwhile does not matter: its address is not followed. */
weft_i_inline void weft_i_map_ahead_bucket(weft_map *map, uint64_t hash)
{
    weft_i_map_place place = weft_i_map_place_of(hash, weft_i_map_level(map));
    if (place.level == WEFT_MAP_FIRST_BITS)
        return;
    /* relaxed: a hint */
    uintptr_t segment = (uintptr_t)weft_i_load(&map->segment[place.level], memory_order_relaxed);
    __builtin_prefetch(
        (void *)(segment + offsetof(weft_i_map_segment, bucket) + place.offset * sizeof(weft_i_map_bucket)));
}

weft_i_inline void weft_i_map_ahead_nodes(weft_map *map, const uint64_t *hash, size_t count, weft_scheme scheme)
{
    weft_i_hold hold;
    size_t level = weft_i_map_level(map);
    if (weft_i_unlikely(!weft_i_reading_begin(&hold, map->domain, scheme)))
        return;
    for (size_t i = 0; i < count; i++) {
        weft_i_map_bucket *bucket = weft_i_map_bucket_at(map, hold, weft_i_map_place_of(hash[i], level), scheme);
        if (weft_i_likely(bucket != NULL)) /* relaxed: a hint */
            __builtin_prefetch(weft_i_map_target(weft_i_load(&bucket->link, memory_order_relaxed)));
    }
    weft_i_map_walk_end(hold, scheme);
    weft_i_attempt_end(hold);
}

static weft_i_noinline void *weft_i_map_get_held(weft_map *map, weft_guard *guard, const void *key)
{
    return WEFT_I_BY_SCHEME(map->domain, weft_i_map_get, map, guard, false, key);
}

static weft_i_noinline bool weft_i_map_shrink_some(weft_map *map)
{
    if (weft_i_map_shrink(map))
        weft_i_catch_up(map->domain);
    return true;
}

/* After a removal: counts it, and shrinks the table if need be. Returns true, for its callers to return. */
weft_i_inline bool weft_i_map_after_removal(weft_map *map)
{
    return weft_i_likely(!weft_i_map_count(map, (size_t)0 - 1)) || weft_i_map_shrink_some(map);
}

static weft_i_noinline bool weft_i_map_after_removal_due(weft_map *map)
{
    (void)weft_i_map_after_removal(map);
    weft_i_catch_up(map->domain);
    return true;
}

/* Results as of weft_i_map_remove_guarded. 0: the caller must call after_removal_due once it holds no guard of ours. */
static int weft_i_map_take(weft_map *map, const void *key, void *expected, void **value)
{
    void *removed = NULL;
    bool destroy = !value && map->kinds && map->kinds->config.destroy_value;
    int result = WEFT_I_BY_SCHEME(map->domain, weft_i_map_remove_guarded, map, key, expected, destroy, &removed);
    if (result == 0 && value)
        *value = removed;
    return result;
}

static weft_i_noinline int weft_i_map_remove_again(weft_map *map, const void *key, void *expected, void **value)
{
    int result = weft_i_map_take(map, key, expected, value);
    if (result == 0)
        (void)weft_i_map_after_removal_due(map);
    else
        weft_i_catch_up(map->domain);
    return result;
}

/* The value has been taken: unlinks the node and retires it. */
static weft_i_noinline bool weft_i_map_unlink(weft_map *map, weft_i_map_node *node)
{
    WEFT_I_BY_SCHEME(map->domain, weft_i_map_pass, map, node);
    weft_i_map_retire(map, node, true);
    return weft_i_map_after_removal_due(map);
}

/* Removes an integer key of a map without destructors: one attempt, or else weft_i_map_remove_again. */
weft_i_inline bool weft_i_map_remove(weft_map *map, const void *key, void **value, weft_scheme scheme)
{
    weft_i_attempt attempt;
    weft_i_map_walk w;
    weft_i_map_node *node = NULL;
    void *taken = NULL;
    bool emptied = false, unlinked = false, due = false;
    if (weft_i_unlikely(!weft_i_attempt_begin(&attempt, map->domain, scheme)))
        return weft_i_map_remove_again(map, key, NULL, value) == 0;
    uint64_t hash = weft_i_map_hash_integer((uint64_t)(uintptr_t)key, &map->seed);
    weft_i_map_outcome outcome = weft_i_map_look(&w, map, attempt.hold, hash, key, &taken, false, scheme);
    if (weft_i_likely(outcome == WEFT_I_MAP_FOUND)) {
        void *expected = taken;
        node = w.here;
        emptied = weft_i_cas(&node->value, &expected, NULL, MAP_S4, MAP_S3);
    }
    if (weft_i_likely(emptied)) {
        void *expected = w.at, *next = weft_i_map_freeze(&node->next);
        unlinked = weft_i_cas(w.prev, &expected, next, MAP_S2, MAP_S1);
        if (weft_i_likely(unlinked))
            due = weft_i_retire_busy(attempt.local, &node->hook, &weft_i_recycle[WEFT_I_LARGE], WEFT_I_LARGE_SIZE);
    }
    weft_i_map_walk_end(attempt.hold, scheme);
    weft_i_attempt_end(attempt.hold);
    if (weft_i_unlikely(!emptied))
        return outcome != WEFT_I_MAP_ABSENT && weft_i_map_remove_again(map, key, NULL, value) == 0;
    if (value)
        *value = taken;
    if (weft_i_unlikely(!unlinked))
        return weft_i_map_unlink(map, node);
    return weft_i_unlikely(due) ? weft_i_map_after_removal_due(map) : weft_i_map_after_removal(map);
}

#endif
