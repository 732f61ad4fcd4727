#include <weft/hashmap/split_map_hash.h>
#include <weft/hashmap/split_map_iterate.h>
#include <weft/hashmap/split_map_kernel.h>
#include <weft/hashmap/split_map_kinds.h>
#include <weft/reclaim/registry.h>

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
    weft_i_check_domain(domain);
    bool owns = config->destroy_key || config->destroy_value;
    weft_map *map = weft_i_alloc(domain, sizeof *map, WEFT_I_LINE);
    weft_i_map_kinds *kinds = map && owns ? weft_i_map_kinds_make(domain, config) : NULL;
    if (!map || (owns && !kinds)) {
        weft_i_free(domain, map, sizeof *map);
        return -ENOMEM;
    }
    weft_i_domain_use(domain);
    *map = (weft_map){.domain = domain,
                      .hash = config->hash,
                      .equal = config->equal,
                      .ctx = config->ctx,
                      .kinds = kinds,
                      .table = WEFT_MAP_FIRST_BITS};
    weft_i_map_seed(map, &map->seed);
    for (size_t level = 0; level < WEFT_MAP_LEVELS; level++)
        weft_i_store(&map->segment[level], (void *)(uintptr_t)1, MAP_R2);
    size_t buckets = sizeof map->base / sizeof *map->base;
    for (size_t i = 0; i < buckets; i++)
        weft_i_store(&map->base[i].link, weft_i_map_link(i + 1 < buckets ? &map->base[i + 1] : NULL, WEFT_I_MAP_DUMMY),
                     MAP_S2);
    weft_i_born(map);
    *out = map;
    return 0;
}

void weft_map_destroy(weft_map *map, void (*drain)(void *key, void *value, void *ctx), void *ctx)
{
    if (!map)
        return;
    weft_i_dies(map);
    weft_domain *domain = map->domain;
    void *link = weft_i_load(&map->base[0].link, MAP_S1);
    for (void *here; (here = weft_i_map_target(link)) != NULL;) {
        if (weft_i_map_bits(link) & WEFT_I_MAP_DUMMY) {
            link = weft_i_load(&((weft_i_map_bucket *)here)->link, MAP_S1);
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
        weft_i_map_segment *segment = weft_i_load(&map->segment[level], MAP_A2);
        if (!weft_i_map_is_none(segment))
            weft_i_free_zeroed(domain, segment, segment->bytes);
    }
    if (map->kinds)
        weft_i_map_kinds_unuse(map->kinds, domain);
    weft_i_free(domain, map, sizeof *map);
    weft_i_domain_unuse(domain);
}

/* ---- operations ---- */

int weft_map_insert(weft_map *map, void *key, void *value)
{
    if (weft_i_unlikely(!map || !value))
        return -EINVAL;
    weft_i_check(map);
    if (map->hash)
        return weft_i_map_insert_again(map, key, value);
    return WEFT_I_BY_SCHEME(map->domain, weft_i_map_insert, map, key, value);
}

int weft_map_get_or_insert(weft_map *map, weft_guard *guard, void *key, void *value, void **present)
{
    if (present)
        *present = NULL;
    if (!map || !value || !present)
        return -EINVAL;
    weft_i_check(map);
    weft_i_map_upsert r = WEFT_I_BY_SCHEME(map->domain, weft_i_map_get_or_insert, map, guard, key, value);
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
    weft_i_check(map);
    bool destroy = !old && map->kinds && map->kinds->config.destroy_value;
    weft_i_map_upsert r = WEFT_I_BY_SCHEME(map->domain, weft_i_map_put, map, key, value, destroy);
    int result = r.error ? -ENOMEM : r.found != NULL;
    if (result == 1 && old)
        *old = r.value;
    if (result == 1 && destroy && r.value != value) {
        r.made->dead = r.value;
        weft_i_map_retire(map, r.made, false);
    } else if (result == 1) {
        weft_i_map_node_drop(map, r.made);
    } else if (result == 0) {
        (void)weft_i_map_after_insertion(map);
    }
    weft_i_catch_up(map->domain);
    return result;
}

void *weft_map_get(weft_map *map, weft_guard *guard, const void *key)
{
    if (weft_i_unlikely(!map))
        return NULL;
    weft_i_check(map);
    if (weft_i_unlikely(map->hash != NULL))
        return weft_i_map_get_any(map, guard, key);
    if (guard)
        return weft_i_map_get_held(map, guard, key);
    return WEFT_I_BY_SCHEME(map->domain, weft_i_map_get, map, NULL, true, key);
}

size_t weft_map_get_many(weft_map *map, weft_guard *guards, const void *const *keys, void **values, size_t count)
{
    size_t found = 0;
    if (!map || !keys || !values) {
        for (size_t i = 0; values && i < count; i++)
            values[i] = NULL;
        return 0;
    }
    weft_i_check(map);
    for (size_t done = 0, n; done < count; done += n) {
        uint64_t hash[WEFT_I_MAP_AHEAD];
        n = count - done < WEFT_I_MAP_AHEAD ? count - done : WEFT_I_MAP_AHEAD;
        for (size_t i = 0; i < n; i++) {
            hash[i] = weft_i_map_hash(map, keys[done + i]);
            weft_i_map_ahead_bucket(map, hash[i]);
        }
        WEFT_I_BY_SCHEME(map->domain, weft_i_map_ahead_nodes, map, hash, n);
        for (size_t i = 0; i < n; i++) {
            weft_guard *guard = guards ? &guards[done + i] : NULL;
            const void *key = keys[done + i];
            void *value = map->hash ? weft_i_map_get_again(map, guard, hash[i], key) : weft_map_get(map, guard, key);
            found += value != NULL;
            values[done + i] = value;
        }
    }
    return found;
}

int weft_map_reserve(weft_map *map, size_t count)
{
    if (!map)
        return -EINVAL;
    weft_i_check(map);
    return weft_i_map_reserve(map, count);
}

bool weft_map_contains(weft_map *map, const void *key)
{
    return weft_map_get(map, NULL, key) != NULL;
}

/* The results of operations that compare. */
static const int errors[] = {0, -ENOENT, -EAGAIN};

int weft_map_compare_and_replace(weft_map *map, const void *key, void *expected, void *desired)
{
    if (!map || !expected || !desired)
        return -EINVAL;
    weft_i_check(map);
    weft_i_map_node *spare = NULL;
    bool destroy = map->kinds && map->kinds->config.destroy_value && expected != desired;
    if (destroy && !(spare = weft_i_map_node_make(map, 0, NULL, NULL)))
        return -ENOMEM;
    int result = WEFT_I_BY_SCHEME(map->domain, weft_i_map_replace, map, key, expected, desired);
    if (destroy && result == 0) {
        spare->dead = expected;
        weft_i_map_retire(map, spare, false);
    } else {
        weft_i_map_node_drop(map, spare);
    }
    weft_i_catch_up(map->domain);
    return errors[result];
}

bool weft_map_remove(weft_map *map, const void *key, void **value)
{
    if (value)
        *value = NULL;
    if (weft_i_unlikely(!map))
        return false;
    weft_i_check(map);
    if (map->hash || map->kinds)
        return weft_i_map_remove_again(map, key, NULL, value) == 0;
    return WEFT_I_BY_SCHEME(map->domain, weft_i_map_remove, map, key, value);
}

int weft_map_compare_and_remove(weft_map *map, const void *key, void *expected)
{
    if (!map || !expected)
        return -EINVAL;
    weft_i_check(map);
    return errors[weft_i_map_remove_again(map, key, expected, NULL)];
}

size_t weft_map_size(weft_map *map)
{
    if (!map)
        return 0;
    weft_i_check(map);
    return weft_i_map_sum(map);
}

void weft_map_clear(weft_map *map)
{
    weft_map_iterator it;
    void *key;
    if (!map)
        return;
    weft_i_check(map);
    weft_map_iterate(&it, map);
    while (weft_i_map_iterator_next(&it, &key, NULL)) {
        bool removed = weft_i_map_take(map, key, NULL, NULL) == 0;
        weft_i_map_iterator_leave(&it);
        if (removed)
            (void)weft_i_map_after_removal_due(map);
        weft_i_map_iterator_enter(&it);
    }
    weft_map_iterate_end(&it);
    while (weft_i_map_shrink(map))
        ;
    weft_i_catch_up(map->domain);
}
