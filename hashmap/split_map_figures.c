#include <weft/hashmap/split_map_iterate.h>
#include <weft/hashmap/split_map_table.h>

/* The most entries between neighbouring buckets of the present level, by one pass over all entries. */
static size_t longest_chain(weft_map *map, size_t level)
{
    weft_map_iterator it;
    size_t longest = 0, chain = 0;
    uint64_t bucket = 0;
    weft_map_iterate(&it, map);
    while (weft_i_map_iterator_next(&it, NULL, NULL)) {
        chain = it.hash >> (64 - level) == bucket ? chain + 1 : 1;
        bucket = it.hash >> (64 - level);
        longest = chain > longest ? chain : longest;
        weft_i_map_iterator_leave(&it);
        weft_i_catch_up(map->domain);
        weft_i_map_iterator_enter(&it);
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
    weft_i_check(map);
    size_t level = weft_i_map_level(map);
    out->size = weft_i_map_sum(map);
    out->buckets = (size_t)1 << level;
    out->load = (double)out->size / (double)out->buckets;
    out->longest_chain = longest_chain(map, level);
    out->bucket_bytes = sizeof map->base;
    for (size_t l = WEFT_MAP_FIRST_BITS + 1; l < WEFT_MAP_LEVELS; l++)
        if (!weft_i_map_is_none(weft_i_load(&map->segment[l], MAP_A2)))
            out->bucket_bytes += weft_i_map_segment_bytes(l);
}
