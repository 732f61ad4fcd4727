/*
 * private. The map's buckets: where a walk begins, how buckets come and go, growing and shrinking.
 *
 * A bucket is linked by the one thread that changed its link from NULL to PENDING; others do not wait but begin at an
 * ancestor. Who meets one that is not open opens it; but insertions open them all, in order, soon after a growth: that
 * is cheaper than one by one (neighbours share cache lines), and lookups find a finished table. Shrinking lowers the level, then freezes and unlinks the upper segment's buckets, a chunk per removal:
 * several threads may work on one chunk, each step being the same whoever takes it, and the cursor moves once all of
 * the chunk is unlinked. A bucket that is pending holds the cursor up (and so the next growth), never an operation.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_TABLE_H
#define WEFT_HASHMAP_SPLIT_MAP_TABLE_H

#include <weft/hashmap/split_map_kernel.h>

/* The bucket, protected by word 1; NULL: there is no such segment now. */
weft_i_inline weft_i_bucket *weft_i_bucket_at(weft_map *map, weft_i_hold hold, weft_i_place place, weft_scheme scheme)
{
    if (place.level == WEFT_MAP_FIRST_BITS)
        return &map->base[place.offset];
    weft_atomic_ptr *source = &map->segment[place.level];
    weft_i_segment *segment = weft_i_load(source, MAP_A2);
    while (segment) {
        weft_i_bucket *bucket = &segment->bucket[place.offset];
        weft_i_publish(hold, 1, bucket, scheme);
        weft_i_segment *again = scheme == WEFT_HAZARD ? weft_i_load(source, MAP_A2) : segment;
        if (weft_i_likely(again == segment))
            return bucket;
        segment = again;
    }
    return NULL;
}

/* Links a bucket that was never used, unless another thread is at it, or the table no longer has its level. */
WEFT_I_PRIVATE void weft_i_bucket_open(weft_map *map, weft_i_bucket *bucket, weft_i_place place, weft_scheme scheme);

/* Begins a walk towards a hash, from the nearest usable bucket of the level or one below. */
weft_i_inline void weft_i_walk_begin(weft_i_walk *w, weft_map *map, weft_i_hold hold, uint64_t hash, size_t level,
                                     weft_scheme scheme)
{
    *w = (weft_i_walk){.map = map, .hold = hold, .hash = hash, .level = level, .word = 2};
    for (;;) {
        weft_i_place place = weft_i_place_of(hash, level);
        weft_i_bucket *bucket = weft_i_bucket_at(map, hold, place, scheme);
        void *link = bucket ? weft_i_load(&bucket->link, MAP_S1) : weft_i_link(NULL, WEFT_I_FROZEN);
        if (weft_i_unlikely(!link)) {
            weft_i_bucket_open(map, bucket, place, scheme);
            link = weft_i_load(&bucket->link, MAP_S1);
        }
        if (weft_i_likely(link && !(weft_i_bits(link) & (WEFT_I_FROZEN | WEFT_I_PENDING)))) {
            w->prev = &bucket->link;
            return;
        }
        level = place.level - 1;
    }
}

/*
 * Walks to where the hash's entries begin: behind all dummies that start at or before it. `level` is where to begin.
 * Then w->here is the first entry of that hash or above, or AT_END.
 */
weft_i_inline weft_i_seen weft_i_walk_to(weft_i_walk *w, weft_map *map, weft_i_hold hold, uint64_t hash, size_t level,
                                         weft_scheme scheme)
{
    weft_i_walk_begin(w, map, hold, hash, level, scheme);
    for (;;) {
        weft_i_seen seen = weft_i_walk_look(w, scheme);
        if (weft_i_unlikely(seen == WEFT_I_ASTRAY))
            weft_i_walk_begin(w, map, hold, hash, level, scheme);
        else if (seen == WEFT_I_AT_NODE && ((weft_i_map_node *)w->here)->hash < hash)
            weft_i_walk_on(w, &((weft_i_map_node *)w->here)->next);
        else
            return seen;
    }
}

WEFT_I_PRIVATE void weft_i_map_seed(const weft_map *map, weft_map_seed *seed);
WEFT_I_PRIVATE size_t weft_i_segment_bytes(size_t level);
WEFT_I_PRIVATE size_t weft_i_map_sum(weft_map *map);
WEFT_I_PRIVATE void weft_i_map_grow(weft_map *map);
WEFT_I_PRIVATE void weft_i_map_open_some(weft_map *map);
/* One step of shrinking, if there is one to take. False: nothing to do, or nothing that can be done now. */
WEFT_I_PRIVATE bool weft_i_map_shrink(weft_map *map);

/* Counts an update; returns true when it is time to look whether the table fits. */
weft_i_inline bool weft_i_map_count(weft_map *map, size_t change)
{
    size_t stripe = weft_i_own_record()->number % WEFT_MAP_STRIPES;
    /* relaxed: a figure */
    size_t now = weft_i_fetch_add(&map->stripe[stripe].size, change, memory_order_relaxed) + change;
    size_t level = weft_i_map_level(map);
    size_t grain = level > 8 ? (size_t)1 << (level - 8) : 1;
    return (now & (grain - 1)) == 0;
}

#endif
