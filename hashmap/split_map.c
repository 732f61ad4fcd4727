#define _GNU_SOURCE
#include <weft/hashmap/split_map_ops.h>
#include <weft/reclaim/registry.h>

#include <errno.h>

/* ---- entries that own something ---- */

static void kinds_unuse(weft_i_map_kinds *kinds, weft_domain *domain)
{
    /* acq_rel by MAP_S4: the last user frees what the others are done with */
    if (weft_i_fetch_sub(&kinds->users, 1, MAP_S4) == 1)
        weft_i_free(domain, kinds, sizeof *kinds);
}

static void destroy_parts(const weft_map_config *config, void *key, bool has_key, void *value)
{
    if (value && config->destroy_value)
        config->destroy_value(value, config->ctx);
    if (has_key && config->destroy_key)
        config->destroy_key(key, config->ctx);
}

static void reclaim_node(weft_i_map_kinds *kinds, weft_i_hook *hook, weft_domain *domain, bool has_key)
{
    weft_i_map_node *node = (weft_i_map_node *)(void *)hook;
    destroy_parts(&kinds->config, node->key, has_key, node->dead);
    weft_i_node_free(domain, weft_i_local_get(domain), WEFT_I_LARGE, node);
    kinds_unuse(kinds, domain);
}

static void reclaim_entry(weft_i_hook *hook, weft_domain *domain)
{
    char *kind = (char *)(uintptr_t)hook->kind;
    reclaim_node((weft_i_map_kinds *)(void *)(kind - offsetof(weft_i_map_kinds, entry)), hook, domain, true);
}

static void reclaim_value(weft_i_hook *hook, weft_domain *domain)
{
    char *kind = (char *)(uintptr_t)hook->kind;
    reclaim_node((weft_i_map_kinds *)(void *)(kind - offsetof(weft_i_map_kinds, value)), hook, domain, false);
}

static weft_i_map_kinds *make_kinds(weft_domain *domain, const weft_map_config *config)
{
    weft_i_map_kinds *kinds = weft_i_alloc(domain, sizeof *kinds, _Alignof(weft_i_map_kinds));
    const size_t dead = offsetof(weft_i_map_node, dead);
    if (kinds)
        *kinds = (weft_i_map_kinds){
            .entry = {reclaim_entry, WEFT_I_LARGE_SIZE, WEFT_I_ENTRY, WEFT_I_OTHER, dead},
            .value = {reclaim_value, WEFT_I_LARGE_SIZE, WEFT_I_ENTRY, WEFT_I_OTHER, dead},
            .config = *config,
            .users = 1,
        };
    return kinds;
}

/* ---- life ---- */

int weft_map_create(weft_map **out, weft_domain *domain, const weft_map_config *config)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    config = config ? config : &weft_map_integers;
    if (!config->hash != !config->equal)
        return -EINVAL;
    domain = weft_i_domain_use(domain);
    bool owns = config->destroy_key || config->destroy_value;
    weft_map *map = weft_i_alloc(domain, sizeof *map, WEFT_I_LINE);
    weft_i_map_kinds *kinds = map && owns ? make_kinds(domain, config) : NULL;
    if (!map || (owns && !kinds)) {
        weft_i_free(domain, map, sizeof *map);
        weft_i_domain_unuse(domain);
        return -ENOMEM;
    }
    *map = (weft_map){.domain = domain, .hash = config->hash, .equal = config->equal, .ctx = config->ctx,
                      .kinds = kinds, .table = WEFT_MAP_FIRST_BITS};
    weft_i_map_seed(map, &map->seed);
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
            destroy_parts(&map->kinds->config, node->key, true, value);
        weft_i_map_node_drop(map, node);
    }
    for (size_t level = WEFT_MAP_FIRST_BITS + 1; level < WEFT_MAP_LEVELS; level++) {
        weft_i_segment *segment = weft_i_load(&map->segment[level], MAP_A2);
        if (segment)
            weft_i_free_zeroed(domain, segment, segment->bytes);
    }
    if (map->kinds)
        kinds_unuse(map->kinds, domain);
    weft_i_free(domain, map, sizeof *map);
    weft_i_domain_unuse(domain);
}

/* ---- operations ---- */

static void after_insertion(weft_map *map)
{
    if (weft_i_map_count(map, 1))
        weft_i_map_grow(map);
    /* relaxed: a hint */
    if (weft_i_unlikely(weft_i_load(&map->opening, memory_order_relaxed)))
        weft_i_map_open_some(map);
}

static weft_i_upsert upsert(weft_map *map, weft_guard *held, void *key, void *value)
{
    weft_i_upsert r = weft_i_scheme(map->domain) == WEFT_EPOCH ? weft_i_map_insert(map, held, key, value, WEFT_EPOCH)
                                                               : weft_i_map_insert(map, held, key, value, WEFT_HAZARD);
    if (r.found)
        weft_i_map_node_drop(map, r.made);
    else if (!r.error)
        after_insertion(map);
    return r;
}

int weft_map_insert(weft_map *map, void *key, void *value)
{
    if (!map || !value)
        return -EINVAL;
    weft_i_upsert r = upsert(map, NULL, key, value);
    return r.error ? -ENOMEM : r.found ? -EEXIST : 0;
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
    if (r.error)
        return -ENOMEM;
    if (!r.found) {
        after_insertion(map);
        return 0;
    }
    if (old)
        *old = r.value;
    if (destroy && r.value != value) {
        r.made->dead = r.value;
        weft_i_map_retire(map, r.made, false);
    } else {
        weft_i_map_node_drop(map, r.made);
    }
    return 1;
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
    return value;
}

/* Integers: no code of the user's runs inside. */
weft_i_inline void *get(weft_map *map, weft_guard *guard, const void *key, weft_scheme scheme)
{
    void *value = NULL;
    if (weft_i_unlikely(!weft_i_at_ease()))
        return get_slow(map, guard, key);
    weft_i_hold hold = {guard ? weft_i_hold_of(guard).slot : NULL, NULL};
    if (!guard)
        hold = weft_i_reading_begin(map->domain, scheme);
    weft_i_outcome outcome = weft_i_map_look(map, hold, key, &value, scheme);
    weft_i_walk_end(hold, scheme);
    if (!guard)
        weft_i_attempt_end(hold);
    if (weft_i_likely(outcome == WEFT_I_DONE))
        return value;
    return outcome == WEFT_I_EMPTY ? NULL : get_slow(map, guard, key);
}

void *weft_map_get(weft_map *map, weft_guard *guard, const void *key)
{
    if (weft_i_unlikely(!map))
        return NULL;
    if (map->hash)
        return get_slow(map, guard, key);
    return weft_i_scheme(map->domain) == WEFT_EPOCH ? get(map, guard, key, WEFT_EPOCH)
                                                    : get(map, guard, key, WEFT_HAZARD);
}

bool weft_map_contains(weft_map *map, const void *key)
{
    return weft_map_get(map, NULL, key) != NULL;
}

int weft_map_compare_and_replace(weft_map *map, const void *key, void *expected, void *desired)
{
    static const int errors[] = {0, -ENOENT, -EAGAIN};
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
    return errors[result];
}

static void after_removal(weft_map *map)
{
    bool look = weft_i_map_count(map, (size_t)0 - 1);
    if (look || weft_i_load(&map->closing, MAP_A3))
        (void)weft_i_map_shrink(map);
}

bool weft_map_remove(weft_map *map, const void *key, void **value)
{
    if (value)
        *value = NULL;
    if (!map)
        return false;
    bool destroy = !value && map->kinds && map->kinds->config.destroy_value;
    void *removed = weft_i_scheme(map->domain) == WEFT_EPOCH ? weft_i_map_remove(map, key, destroy, WEFT_EPOCH)
                                                             : weft_i_map_remove(map, key, destroy, WEFT_HAZARD);
    if (!removed)
        return false;
    if (value)
        *value = removed;
    after_removal(map);
    return true;
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
    while (weft_map_next(&it, &key, NULL)) {
        (void)weft_map_remove(map, key, NULL);
        it.seen = 0; /* its hash again: others of that hash have moved up */
    }
    weft_map_iterate_end(&it);
    while (weft_i_map_shrink(map))
        ;
}

/* ---- iteration ---- */

void weft_map_iterate(weft_map_iterator *iterator, weft_map *map)
{
    if (!iterator)
        return;
    iterator->map = map;
    iterator->hash = 0;
    iterator->seen = 0;
    if (map) {
        weft_enter(&iterator->entry, map->domain);
        weft_enter(&iterator->held, map->domain);
    }
}

bool weft_map_next(weft_map_iterator *iterator, void **key, void **value)
{
    void *found;
    if (!iterator || !iterator->map)
        return false;
    weft_i_map_node *node = weft_i_scheme(iterator->map->domain) == WEFT_EPOCH
                                ? weft_i_map_step(iterator, &found, WEFT_EPOCH)
                                : weft_i_map_step(iterator, &found, WEFT_HAZARD);
    if (!node)
        return false;
    if (key)
        *key = node->key;
    if (value)
        *value = found;
    return true;
}

void weft_map_iterate_end(weft_map_iterator *iterator)
{
    if (!iterator || !iterator->map)
        return;
    weft_i_walk_end(weft_i_hold_of(&iterator->entry), weft_i_scheme(iterator->map->domain));
    weft_leave(&iterator->held);
    weft_leave(&iterator->entry);
    iterator->map = NULL;
}

/* ---- figures ---- */

/* Distance between neighbouring buckets of the present level, in one pass over the entries. */
static size_t longest_chain(weft_map *map, size_t level)
{
    weft_map_iterator it;
    size_t longest = 0, chain = 0;
    uint64_t bucket = 0;
    weft_map_iterate(&it, map);
    while (weft_map_next(&it, NULL, NULL)) {
        chain = it.hash >> (64 - level) == bucket ? chain + 1 : 1;
        bucket = it.hash >> (64 - level);
        longest = chain > longest ? chain : longest;
    }
    weft_map_iterate_end(&it);
    return longest;
}

void weft_map_stats(weft_map *map, weft_map_statistics *out)
{
    if (!out)
        return;
    *out = (weft_map_statistics){0};
    if (!map)
        return;
    size_t level = weft_i_map_level(map);
    out->size = weft_i_map_sum(map);
    out->buckets = (size_t)1 << level;
    out->load = (double)out->size / (double)out->buckets;
    out->longest_chain = longest_chain(map, level);
    out->bucket_bytes = sizeof map->base;
    for (size_t l = WEFT_MAP_FIRST_BITS + 1; l < WEFT_MAP_LEVELS; l++)
        if (weft_i_load(&map->segment[l], MAP_A2))
            out->bucket_bytes += weft_i_segment_bytes(l);
}
