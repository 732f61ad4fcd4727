/*
 * private. The map's buckets: where a walk begins, how buckets are opened and closed, how the table grows and shrinks.
 * No thread waits for another one in the middle of this, even if that one is late or never goes on. Each state between
 * two steps determines what is left to do, any thread can do it, and each step is a compare-and-swap that can succeed
 * only once.
 *
 * The table is one word: the level L, CLOSING, and a count, so that no word comes twice. It goes from L to L + 1 once
 * the slot of L + 1 has a segment. It goes from L to L - 1 and sets CLOSING in one step; CLOSING is cleared when the
 * slot of the level above is empty. A slot goes from an odd word, of which none comes twice, to a segment, and to the
 * next odd word. So:
 *  (a) Levels up to L have their segments. A thread puts a segment into the slot of L + 1 only if it has read the
 *      slot's odd word and then the table, at L and not CLOSING. Until the slot's word changes, the table can neither
 *      reach L + 1 nor close it.
 *  (b) While the table is CLOSING, the slot above changes once, from the segment to an odd word, after all its buckets
 *      were closed. A thread that reads CLOSING, protects the segment, and reads the same table word again, has the
 *      segment that is to be closed.
 *  (c) A segment in its slot is alive if the table has had its level since the segment came there. It stays alive until
 *      it is closed.
 *
 * Shrinking. Each update closes a chunk of buckets: it freezes each bucket, and then walks to its place, which unlinks
 * it. Several threads may close the same chunk and do the same steps; each moves the cursor only after it has done all
 * of the chunk itself.
 *
 * Opening a bucket. A thread never links the bucket itself: if a late thread could still link a bucket's address, its
 * segment could never be retired. Instead the thread links a note at the place where the bucket belongs, before all
 * entries that the bucket leads to. A note is a node of its own, dead from the start: no insertion goes behind it, so
 * its link never changes. Each thread that meets the note settles it, its maker included. To settle a note, a thread
 * protects the bucket's segment. If that is not the segment that the note was written for (by its serial), the bucket
 * is gone. Otherwise the thread gives the bucket the note's link, with PENDING, if the bucket's link is still NULL.
 * Then it swings the link that leads to the note: to the bucket or, if that is frozen or gone, to what is behind the
 * note. The thread that succeeds retires the note and clears PENDING; from then on walks may begin at the bucket.
 *  (d) A thread that settles a note protects it, so the note's address does not come back. The note is on the list
 *      once, so only one thread succeeds in swinging the link that leads to it, and a late one changes nothing.
 *  (e) For one start of an interval there is one note at a time: a note is linked where a walk has passed all that is
 *      there for that start. While the bucket is on the list, or its link is not NULL, no new note comes: a thread that
 *      walks and then finds the link NULL links its note at a word that has not changed since.
 *  (f) The bucket's link is set once in the life of its segment and never goes back to NULL. A note leaves the list
 *      only when the link has been set or frozen, or the segment is gone, which comes later. So a late helper's
 *      compare-and-swap from NULL fails.
 *  (g) A bucket is put on the list at most once, by the note whose link it has, and not after it was closed. A thread
 *      that freezes a bucket then walks past its place, which settles a note that is there already. A note that comes
 *      later finds the bucket frozen or gone.
 *  (h) Notes are made only for segments that are alive (c). So while the table is not CLOSING, no bucket above its
 *      level is on the list. weft_i_map_look relies on that. The end of CLOSING (MAP_R1, MAP_A1) comes after the last
 *      unlinking.
 * If there is no memory for a note, or its maker ends before it is linked, only the note is lost: the bucket's parent
 * serves, and the next thread that meets the bucket opens it. Insertions open all buckets in order soon after a growth.
 * That is cheaper than one by one (neighbours share cache lines), and lookups find a finished table.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_TABLE_H
#define WEFT_HASHMAP_SPLIT_MAP_TABLE_H

#include <weft/hashmap/split_map_walk.h>

/* Returns the bucket, protected by word 1. NULL: its segment does not exist now. */
weft_i_inline weft_i_map_bucket *weft_i_map_bucket_at(weft_map *map, weft_i_hold hold, weft_i_map_place place,
                                                      weft_scheme scheme)
{
    if (place.level == WEFT_MAP_FIRST_BITS)
        return &map->base[place.offset];
    weft_atomic_ptr *source = &map->segment[place.level];
    weft_i_map_segment *segment = weft_i_load(source, MAP_A2);
    while (weft_i_likely(!weft_i_map_is_none(segment))) {
        weft_i_map_bucket *bucket = &segment->bucket[place.offset];
        weft_i_publish(hold, 1, bucket, scheme);
        weft_i_map_segment *again = scheme == WEFT_HAZARD ? weft_i_load(source, MAP_A2) : segment;
        if (weft_i_likely(again == segment))
            return bucket;
        segment = again;
    }
    return NULL;
}

/* Opens a bucket that was never used, unless its segment is not alive or there is no memory. */
WEFT_I_PRIVATE void weft_i_map_bucket_open(weft_map *map, weft_i_map_bucket *bucket, weft_i_map_place place);

/* Begins a walk towards a hash, from the nearest usable bucket of this level or a lower one. */
weft_i_inline void weft_i_map_walk_begin(weft_i_map_walk *w, weft_map *map, weft_i_hold hold, uint64_t hash,
                                         size_t level, weft_scheme scheme)
{
    *w = (weft_i_map_walk){.map = map, .hold = hold, .hash = hash, .level = level, .word = 2};
    for (;;) {
        weft_i_map_place place = weft_i_map_place_of(hash, level);
        weft_i_map_bucket *bucket = weft_i_map_bucket_at(map, hold, place, scheme);
        void *link = bucket ? weft_i_load(&bucket->link, MAP_S1) : weft_i_map_link(NULL, WEFT_I_MAP_FROZEN);
        if (weft_i_unlikely(!link)) {
            weft_i_map_bucket_open(map, bucket, place);
            link = weft_i_load(&bucket->link, MAP_S1);
        }
        if (weft_i_likely(link && !(weft_i_map_bits(link) & (WEFT_I_MAP_FROZEN | WEFT_I_MAP_PENDING)))) {
            w->prev = &bucket->link;
            return;
        }
        level = place.level - 1;
    }
}

/*
 * Walks to where the hash's entries begin: behind all dummies that start at or before it. The walk begins at `level`.
 * Afterwards w->here is the first entry of that hash or a higher one, or the result is AT_END.
 */
weft_i_inline weft_i_map_seen weft_i_map_walk_to(weft_i_map_walk *w, weft_map *map, weft_i_hold hold, uint64_t hash,
                                                 size_t level, weft_scheme scheme)
{
    weft_i_map_walk_begin(w, map, hold, hash, level, scheme);
    for (;;) {
        weft_i_map_seen seen = weft_i_map_walk_look(w, scheme);
        if (weft_i_unlikely(seen == WEFT_I_MAP_RESTART))
            weft_i_map_walk_begin(w, map, hold, hash, level, scheme);
        else if (seen == WEFT_I_MAP_AT_NODE && ((weft_i_map_node *)w->here)->hash < hash)
            weft_i_map_walk_on(w, &((weft_i_map_node *)w->here)->next);
        else
            return seen;
    }
}

weft_i_inline void weft_i_map_node_fill(weft_i_map_node *node, uint64_t hash, void *key, void *value)
{
    node->key = key;
    node->hash = hash;
    node->dead = NULL;
    node->order = 0;
    /* relaxed: the node is private until MAP_S2 */
    weft_i_store(&node->value, value, memory_order_relaxed);
}

weft_i_inline weft_i_map_node *weft_i_map_node_make(weft_map *map, uint64_t hash, void *key, void *value)
{
    weft_i_map_node *node = weft_i_node_alloc(map->domain, weft_i_local_get(map->domain), WEFT_I_LARGE);
    if (weft_i_likely(node != NULL))
        weft_i_map_node_fill(node, hash, key, value);
    return node;
}

weft_i_inline void weft_i_map_node_drop(weft_map *map, weft_i_map_node *node)
{
    if (node)
        weft_i_node_free(map->domain, weft_i_local_get(map->domain), WEFT_I_LARGE, node);
}

WEFT_I_PRIVATE size_t weft_i_map_segment_bytes(size_t level);
WEFT_I_PRIVATE size_t weft_i_map_sum(weft_map *map);
WEFT_I_PRIVATE void weft_i_map_grow(weft_map *map);
WEFT_I_PRIVATE void weft_i_map_open_some(weft_map *map);
/* Grows the table for so many entries, opens its buckets, and keeps it from shrinking. -ENOMEM: it is smaller. */
WEFT_I_PRIVATE int weft_i_map_reserve(weft_map *map, size_t entries);
/* Does one step of shrinking. False: there is nothing to do. */
WEFT_I_PRIVATE bool weft_i_map_shrink(weft_map *map);

/* Counts an update. True: the caller must check whether the table fits, or help closing. */
weft_i_inline bool weft_i_map_count(weft_map *map, size_t change)
{
    size_t stripe = weft_i_own_record()->number % WEFT_MAP_STRIPES;
    /* relaxed: a figure */
    size_t now = weft_i_fetch_add(&map->stripe[stripe].size, change, memory_order_relaxed) + change;
    size_t table = weft_i_map_table(map), level = weft_i_map_level_of(table);
    size_t grain = level > 8 ? (size_t)1 << (level - 8) : 1;
    return (now & (grain - 1)) == 0 || weft_i_map_is_closing(table);
}

#endif
