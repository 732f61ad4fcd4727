#include <weft/hashmap/split_map_iterate.h>
#include <weft/hashmap/split_map_table.h>

/* Walks to the iterator's place. From there on no dummy ends the walk. */
weft_i_inline weft_i_map_seen weft_i_map_resume(weft_i_map_walk *w, weft_map_iterator *it, weft_scheme scheme)
{
    weft_i_hold hold = weft_i_hold_of(&it->entry);
    weft_i_map_seen seen = weft_i_map_walk_to(w, it->map, hold, it->hash, weft_i_map_level(it->map), scheme);
    w->hash = UINT64_MAX;
    return seen == WEFT_I_MAP_AT_END && w->here ? weft_i_map_walk_look(w, scheme) : seen;
}

/* Finds the next entry after the iterator's place. NULL: there is none. iterator->held protects its value. */
weft_i_inline weft_i_map_node *weft_i_map_step(weft_map_iterator *it, void **value, weft_scheme scheme)
{
    weft_i_map_walk w;
    weft_i_map_seen seen = weft_i_map_resume(&w, it, scheme);
    while (seen != WEFT_I_MAP_AT_END) {
        if (seen == WEFT_I_MAP_RESTART) {
            seen = weft_i_map_resume(&w, it, scheme);
            continue;
        }
        weft_i_map_node *node = w.here;
        bool skip = node->hash < it->hash || (node->hash == it->hash && node->order < it->seen);
        *value = !skip ? weft_i_map_protect_value(weft_i_hold_of(&it->held), &node->value, scheme) : NULL;
        if (*value) {
            it->seen = node->order + 1;
            it->hash = node->hash;
            return node;
        }
        weft_i_map_walk_on(&w, &node->next);
        seen = weft_i_map_walk_look(&w, scheme);
    }
    return NULL;
}

void weft_i_map_iterator_enter(weft_map_iterator *iterator)
{
    weft_enter(&iterator->entry, iterator->map->domain);
    weft_enter(&iterator->held, iterator->map->domain);
}

void weft_i_map_iterator_leave(weft_map_iterator *iterator)
{
    weft_i_map_walk_end(weft_i_hold_of(&iterator->entry), weft_i_scheme(iterator->map->domain));
    weft_leave(&iterator->held);
    weft_leave(&iterator->entry);
}

bool weft_i_map_iterator_next(weft_map_iterator *iterator, void **key, void **value)
{
    void *found;
    weft_i_map_node *node = WEFT_I_BY_SCHEME(iterator->map->domain, weft_i_map_step, iterator, &found);
    if (!node)
        return false;
    if (key)
        *key = node->key;
    if (value)
        *value = found;
    return true;
}

void weft_map_iterate(weft_map_iterator *iterator, weft_map *map)
{
    if (!iterator)
        return;
    iterator->map = map;
    iterator->hash = 0;
    iterator->seen = 0;
    if (!map)
        return;
    weft_i_check(map);
    weft_i_map_iterator_enter(iterator);
}

bool weft_map_next(weft_map_iterator *iterator, void **key, void **value)
{
    if (!iterator || !iterator->map)
        return false;
    weft_i_check(iterator->map);
    bool any = weft_i_map_iterator_next(iterator, key, value);
    weft_i_catch_up(iterator->map->domain);
    return any;
}

void weft_map_iterate_end(weft_map_iterator *iterator)
{
    if (!iterator || !iterator->map)
        return;
    weft_i_check(iterator->map);
    weft_i_map_iterator_leave(iterator);
    iterator->map = NULL;
}
