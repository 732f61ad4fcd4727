#include <weft/hashmap/split_map_ops.h>
#include <weft/reclaim/registry.h>

#include <errno.h>

/* ---- life ---- */

int weft_map_create(weft_map **out, weft_domain *domain, const weft_map_config *config)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    config = config ? config : &weft_map_integers;
    if (!config->hash != !config->equal)
        return -EINVAL;
    domain = domain ? domain : weft_default_domain();
    bool owns = config->destroy_key || config->destroy_value;
    weft_map *map = weft_i_alloc(domain, sizeof *map, WEFT_I_LINE);
    weft_i_map_kinds *kinds = map && owns ? weft_i_map_kinds_make(domain, config) : NULL;
    if (!map || (owns && !kinds)) {
        weft_i_free(domain, map, sizeof *map);
        return -ENOMEM;
    }
    weft_i_domain_use(domain);
    *map = (weft_map){.domain = domain, .hash = config->hash, .equal = config->equal, .ctx = config->ctx,
                      .kinds = kinds, .table = WEFT_MAP_FIRST_BITS};
    weft_i_map_seed(map, &map->seed);
    for (size_t level = 0; level < WEFT_MAP_LEVELS; level++)
        weft_i_store(&map->segment[level], (void *)(uintptr_t)1, MAP_R2);
    size_t buckets = sizeof map->base / sizeof *map->base;
    for (size_t i = 0; i < buckets; i++)
        weft_i_store(&map->base[i].link, weft_i_link(i + 1 < buckets ? &map->base[i + 1] : NULL, WEFT_I_DUMMY), MAP_S2);
    *out = map;
    return 0;
}

void weft_map_destroy(weft_map *map, void (*drain)(void *key, void *value, void *ctx), void *ctx)
{
    if (!map)
        return;
    weft_domain *domain = map->domain;
    void *link = weft_i_load(&map->base[0].link, MAP_S1);
    for (void *here; (here = weft_i_target(link)) != NULL;) {
        if (weft_i_bits(link) & WEFT_I_DUMMY) {
            link = weft_i_load(&((weft_i_bucket *)here)->link, MAP_S1);
            continue;
        }
        weft_i_map_node *node = here;
        link = weft_i_load(&node->next, MAP_S1);
        void *value = weft_i_load(&node->value, MAP_S3);
        if (drain && value)
            drain(node->key, value, ctx);
        else if (value && map->kinds)
            weft_i_map_destroy_parts(&map->kinds->config, node->key, true, value);
        weft_i_map_node_drop(map, node);
    }
    for (size_t level = WEFT_MAP_FIRST_BITS + 1; level < WEFT_MAP_LEVELS; level++) {
        weft_i_segment *segment = weft_i_load(&map->segment[level], MAP_A2);
        if (!weft_i_is_none(segment))
            weft_i_free_zeroed(domain, segment, segment->bytes);
    }
    if (map->kinds)
        weft_i_map_kinds_unuse(map->kinds, domain);
    weft_i_free(domain, map, sizeof *map);
    weft_i_domain_unuse(domain);
}

/* ---- operations ---- */

static weft_i_noinline int look_after_table(weft_map *map, bool may_grow)
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

weft_i_inline int after_insertion(weft_map *map)
{
    bool look = weft_i_map_count(map, 1);
    /* relaxed: a hint */
    if (weft_i_unlikely(look || weft_i_load(&map->opening, memory_order_relaxed)))
        return look_after_table(map, look);
    return 0;
}

static weft_i_upsert upsert(weft_map *map, weft_guard *held, void *key, void *value)
{
    weft_i_upsert r = weft_i_scheme(map->domain) == WEFT_EPOCH ? weft_i_map_insert(map, held, key, value, WEFT_EPOCH)
                                                               : weft_i_map_insert(map, held, key, value, WEFT_HAZARD);
    if (r.found)
        weft_i_map_node_drop(map, r.made);
    else if (!r.error)
        (void)after_insertion(map);
    weft_i_catch_up(map->domain);
    return r;
}

static weft_i_noinline int insert_slow(weft_map *map, void *key, void *value)
{
    weft_i_upsert r = upsert(map, NULL, key, value);
    return r.error ? -ENOMEM : r.found ? -EEXIST : 0;
}

weft_i_inline int insert(weft_map *map, void *key, void *value, weft_scheme scheme)
{
    weft_i_attempt attempt;
    if (weft_i_unlikely(!weft_i_attempt_begin(&attempt, map->domain, scheme)))
        return insert_slow(map, key, value);
    weft_i_outcome outcome = weft_i_map_try_insert(map, attempt, key, value, scheme);
    weft_i_walk_end(attempt.hold, scheme);
    weft_i_attempt_end(attempt.hold);
    if (weft_i_likely(outcome == WEFT_I_DONE))
        return after_insertion(map);
    return outcome == WEFT_I_EMPTY ? -EEXIST : insert_slow(map, key, value);
}

int weft_map_insert(weft_map *map, void *key, void *value)
{
    if (weft_i_unlikely(!map || !value))
        return -EINVAL;
    if (map->hash)
        return insert_slow(map, key, value);
    return weft_i_scheme(map->domain) == WEFT_EPOCH ? insert(map, key, value, WEFT_EPOCH)
                                                    : insert(map, key, value, WEFT_HAZARD);
}

int weft_map_get_or_insert(weft_map *map, weft_guard *guard, void *key, void *value, void **present)
{
    if (present)
        *present = NULL;
    if (!map || !value || !present)
        return -EINVAL;
    weft_i_upsert r = upsert(map, guard, key, value);
    if (r.error)
        return -ENOMEM;
    *present = r.found ? r.value : value;
    return r.found != NULL;
}

int weft_map_put(weft_map *map, void *key, void *value, void **old)
{
    if (old)
        *old = NULL;
    if (!map || !value)
        return -EINVAL;
    bool destroy = !old && map->kinds && map->kinds->config.destroy_value;
    weft_i_upsert r = weft_i_scheme(map->domain) == WEFT_EPOCH
                          ? weft_i_map_put(map, key, value, destroy, WEFT_EPOCH)
                          : weft_i_map_put(map, key, value, destroy, WEFT_HAZARD);
    int result = r.error ? -ENOMEM : r.found != NULL;
    if (result == 1 && old)
        *old = r.value;
    if (result == 1 && destroy && r.value != value) {
        r.made->dead = r.value;
        weft_i_map_retire(map, r.made, false);
    } else if (result == 1) {
        weft_i_map_node_drop(map, r.made);
    } else if (result == 0) {
        (void)after_insertion(map);
    }
    weft_i_catch_up(map->domain);
    return result;
}

static weft_i_noinline void *get_slow(weft_map *map, weft_guard *guard, const void *key)
{
    weft_guard own;
    weft_scheme scheme = weft_i_scheme(map->domain);
    weft_i_hold hold = guard ? weft_i_hold_of(guard) : weft_i_begin(&own, map->domain, scheme);
    void *value = scheme == WEFT_EPOCH ? weft_i_map_get(map, hold, key, WEFT_EPOCH)
                                       : weft_i_map_get(map, hold, key, WEFT_HAZARD);
    if (!guard)
        weft_i_end(hold, &own);
    weft_i_catch_up(map->domain);
    return value;
}

/* Integers: no code of the user's runs inside. Without a guard, `own` is a constant, and so is that no word needs a fence. */
weft_i_inline void *get(weft_map *map, weft_guard *guard, bool own, const void *key, weft_scheme scheme)
{
    void *value = NULL;
    weft_i_walk w;
    weft_i_hold hold;
    if (!own)
        hold = weft_i_hold_of(guard);
    else if (weft_i_unlikely(!weft_i_reading_begin(&hold, map->domain, scheme)))
        return get_slow(map, NULL, key);
    uint64_t hash = weft_i_hash_integer((uint64_t)(uintptr_t)key, &map->seed);
    weft_i_outcome outcome = weft_i_map_look(&w, map, hold, hash, key, &value, false, scheme);
    weft_i_walk_end(hold, scheme);
    if (own)
        weft_i_attempt_end(hold);
    if (weft_i_likely(outcome == WEFT_I_DONE))
        return value;
    return outcome == WEFT_I_EMPTY ? NULL : get_slow(map, guard, key);
}

static weft_i_noinline void *get_guarded(weft_map *map, weft_guard *guard, const void *key)
{
    return weft_i_scheme(map->domain) == WEFT_EPOCH ? get(map, guard, false, key, WEFT_EPOCH)
                                                    : get(map, guard, false, key, WEFT_HAZARD);
}

void *weft_map_get(weft_map *map, weft_guard *guard, const void *key)
{
    if (weft_i_unlikely(!map))
        return NULL;
    if (weft_i_unlikely(map->hash != NULL))
        return get_slow(map, guard, key);
    if (guard)
        return get_guarded(map, guard, key);
    return weft_i_scheme(map->domain) == WEFT_EPOCH ? get(map, NULL, true, key, WEFT_EPOCH)
                                                    : get(map, NULL, true, key, WEFT_HAZARD);
}

bool weft_map_contains(weft_map *map, const void *key)
{
    return weft_map_get(map, NULL, key) != NULL;
}

/* Of operations that compare. */
static const int errors[] = {0, -ENOENT, -EAGAIN};

int weft_map_compare_and_replace(weft_map *map, const void *key, void *expected, void *desired)
{
    if (!map || !expected || !desired)
        return -EINVAL;
    weft_i_map_node *spare = NULL;
    bool destroy = map->kinds && map->kinds->config.destroy_value && expected != desired;
    if (destroy && !(spare = weft_i_map_node_make(map, 0, NULL, NULL)))
        return -ENOMEM;
    int result = weft_i_scheme(map->domain) == WEFT_EPOCH
                     ? weft_i_map_replace(map, key, expected, desired, WEFT_EPOCH)
                     : weft_i_map_replace(map, key, expected, desired, WEFT_HAZARD);
    if (destroy && result == 0) {
        spare->dead = expected;
        weft_i_map_retire(map, spare, false);
    } else {
        weft_i_map_node_drop(map, spare);
    }
    weft_i_catch_up(map->domain);
    return errors[result];
}

static weft_i_noinline bool shrink(weft_map *map)
{
    if (weft_i_map_shrink(map))
        weft_i_catch_up(map->domain);
    return true;
}

/* True. */
weft_i_inline bool after_removal(weft_map *map)
{
    return weft_i_likely(!weft_i_map_count(map, (size_t)0 - 1)) || shrink(map);
}

static weft_i_noinline bool after_removal_due(weft_map *map)
{
    (void)after_removal(map);
    weft_i_catch_up(map->domain);
    return true;
}

/* 0: the caller does after_removal_due, when no guard of ours is held. */
static int take(weft_map *map, const void *key, void *expected, void **value)
{
    void *removed = NULL;
    bool destroy = !value && map->kinds && map->kinds->config.destroy_value;
    int result = weft_i_scheme(map->domain) == WEFT_EPOCH
                     ? weft_i_map_remove(map, key, expected, destroy, &removed, WEFT_EPOCH)
                     : weft_i_map_remove(map, key, expected, destroy, &removed, WEFT_HAZARD);
    if (result == 0 && value)
        *value = removed;
    return result;
}

static weft_i_noinline int remove_if(weft_map *map, const void *key, void *expected, void **value)
{
    int result = take(map, key, expected, value);
    if (result == 0)
        (void)after_removal_due(map);
    else
        weft_i_catch_up(map->domain);
    return result;
}

/* The value has been taken: unlinks the node and retires it. */
static weft_i_noinline bool unlink_slow(weft_map *map, weft_i_map_node *node)
{
    if (weft_i_scheme(map->domain) == WEFT_EPOCH)
        weft_i_map_pass(map, node, WEFT_EPOCH);
    else
        weft_i_map_pass(map, node, WEFT_HAZARD);
    weft_i_map_retire(map, node, true);
    return after_removal_due(map);
}

weft_i_inline bool try_remove(weft_map *map, const void *key, void **value, weft_scheme scheme)
{
    weft_i_attempt attempt;
    weft_i_map_node *node = NULL;
    void *taken = NULL;
    bool due = false;
    if (weft_i_unlikely(!weft_i_attempt_begin(&attempt, map->domain, scheme)))
        return remove_if(map, key, NULL, value) == 0;
    weft_i_outcome outcome = weft_i_map_try_remove(map, attempt, key, &taken, &node, scheme);
    if (weft_i_likely(outcome == WEFT_I_DONE))
        due = weft_i_retire_busy(attempt.local, &node->hook, &weft_i_recycle[WEFT_I_LARGE], WEFT_I_LARGE_SIZE);
    weft_i_walk_end(attempt.hold, scheme);
    weft_i_attempt_end(attempt.hold);
    if (weft_i_unlikely(outcome == WEFT_I_AGAIN))
        return remove_if(map, key, NULL, value) == 0;
    if (outcome == WEFT_I_EMPTY)
        return false;
    if (value)
        *value = taken;
    if (weft_i_unlikely(outcome == WEFT_I_LOST))
        return unlink_slow(map, node);
    return weft_i_unlikely(due) ? after_removal_due(map) : after_removal(map);
}

bool weft_map_remove(weft_map *map, const void *key, void **value)
{
    if (value)
        *value = NULL;
    if (weft_i_unlikely(!map))
        return false;
    if (map->hash || map->kinds)
        return remove_if(map, key, NULL, value) == 0;
    return weft_i_scheme(map->domain) == WEFT_EPOCH ? try_remove(map, key, value, WEFT_EPOCH)
                                                    : try_remove(map, key, value, WEFT_HAZARD);
}

int weft_map_compare_and_remove(weft_map *map, const void *key, void *expected)
{
    return map && expected ? errors[remove_if(map, key, expected, NULL)] : -EINVAL;
}

size_t weft_map_size(weft_map *map)
{
    return map ? weft_i_map_sum(map) : 0;
}

void weft_map_clear(weft_map *map)
{
    weft_map_iterator it;
    void *key;
    if (!map)
        return;
    weft_map_iterate(&it, map);
    while (weft_i_iterator_next(&it, &key, NULL)) {
        bool removed = take(map, key, NULL, NULL) == 0;
        weft_i_iterator_leave(&it);
        if (removed)
            (void)after_removal_due(map);
        weft_i_iterator_enter(&it);
    }
    weft_map_iterate_end(&it);
    while (weft_i_map_shrink(map))
        ;
    weft_i_catch_up(map->domain);
}
