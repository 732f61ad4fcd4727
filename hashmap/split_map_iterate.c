#include <weft/hashmap/split_map_ops.h>

void weft_i_iterator_enter(weft_map_iterator *iterator)
{
    weft_enter(&iterator->entry, iterator->map->domain);
    weft_enter(&iterator->held, iterator->map->domain);
}

void weft_i_iterator_leave(weft_map_iterator *iterator)
{
    weft_i_walk_end(weft_i_hold_of(&iterator->entry), weft_i_scheme(iterator->map->domain));
    weft_leave(&iterator->held);
    weft_leave(&iterator->entry);
}

bool weft_i_iterator_next(weft_map_iterator *iterator, void **key, void **value)
{
    void *found;
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

void weft_map_iterate(weft_map_iterator *iterator, weft_map *map)
{
    if (!iterator)
        return;
    iterator->map = map;
    iterator->hash = 0;
    iterator->seen = 0;
    if (map)
        weft_i_iterator_enter(iterator);
}

bool weft_map_next(weft_map_iterator *iterator, void **key, void **value)
{
    if (!iterator || !iterator->map)
        return false;
    bool any = weft_i_iterator_next(iterator, key, value);
    weft_i_catch_up(iterator->map->domain);
    return any;
}

void weft_map_iterate_end(weft_map_iterator *iterator)
{
    if (!iterator || !iterator->map)
        return;
    weft_i_iterator_leave(iterator);
    iterator->map = NULL;
}
