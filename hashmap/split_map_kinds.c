#include <weft/hashmap/split_map_kinds.h>

void weft_i_map_kinds_unuse(weft_i_map_kinds *kinds, weft_domain *domain)
{
    /* MAP_S4 includes acquire and release: the last user frees what the others are done with */
    if (weft_i_fetch_sub(&kinds->users, 1, MAP_S4) == 1)
        weft_i_free(domain, kinds, sizeof *kinds);
}

void weft_i_map_destroy_parts(const weft_map_config *config, void *key, bool has_key, void *value)
{
    if (value && config->destroy_value)
        config->destroy_value(value, config->ctx);
    if (has_key && config->destroy_key)
        config->destroy_key(key, config->ctx);
}

/* A destructor may end the thread, so the rest is done before. */
static void reclaim_node(weft_i_map_kinds *kinds, weft_i_hook *hook, weft_domain *domain, bool has_key)
{
    weft_i_map_node *node = (weft_i_map_node *)(void *)hook;
    weft_map_config config = kinds->config;
    void *key = node->key, *value = node->dead;
    weft_i_node_free(domain, weft_i_local_get(domain), WEFT_I_LARGE, node);
    weft_i_map_kinds_unuse(kinds, domain);
    weft_i_map_destroy_parts(&config, key, has_key, value);
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

weft_i_map_kinds *weft_i_map_kinds_make(weft_domain *domain, const weft_map_config *config)
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
