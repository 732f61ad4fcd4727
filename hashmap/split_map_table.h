/*
 * private. The map's buckets: where a walk begins, how buckets come and go, growing and shrinking. Whoever is met in the
 * middle of these, may it be late or gone for ever, is not waited for: each state between two steps says all that is left
 * to do, anybody does it, and each step is a compare-and-swap that can be done once.
 *
 * The table. One word: the level L, CLOSING, and a count, so that no word comes twice. It goes from L to L + 1 once the
 * slot of L + 1 has a segment; from L to L - 1 with CLOSING, in one step; and CLOSING goes when the slot of the level
 * above is empty. A slot goes from an odd word, of which none comes twice, to a segment, to the next odd word. So:
 *  (a) Levels up to L have their segments. A segment comes to the slot of L + 1 only by who has read the slot's odd word,
 *      then the table, at L and not CLOSING: until that word changes the table can neither reach L + 1 nor close it.
 *  (b) Beside CLOSING the slot above changes once, from the segment to an odd word, after all its buckets were closed. Who
 *      reads CLOSING, protects the segment, and reads the same word again, has the segment that is to be closed.
 *  (c) A segment in its slot is alive if the table has had its level meanwhile: that stays true until it is closed.
 * Shrinking closes a chunk per update: freezes each bucket, and then walks to where it was, which unlinks it. Several may
 * do one chunk, all doing the same; the cursor moves after all of it was done by the one who moves it.
 *
 * Buckets. One that is to be opened is not put on the list by the one who wants it: an address that somebody may still be
 * about to link could never be retired. He links a note, a node of its own that is dead from birth (no insertion goes
 * behind it, so that its link stays what it is), at the place where the bucket belongs, before all entries that the bucket
 * leads to. Whoever meets the note, its maker no less than others, settles it: protects the segment; if it is another than
 * the note was written for (by its serial), the bucket is gone; else gives the bucket the note's link, with PENDING, if it
 * is still NULL; and swings the link that leads to the note to the bucket, or, where that is frozen or gone, to what is
 * behind the note. Who has done that retires the note. Then PENDING goes: walks may begin there.
 *  (d) A note is protected by who settles it, so that its address does not come back, and it is on the list once: of all
 *      that try to swing that link one succeeds, and a late one changes nothing.
 *  (e) Of one start there is one note at a time: it is linked where a walk has passed all that is there for that start.
 *      While the bucket is on the list, or its link not NULL, there is no new one: who walks and then finds it NULL links
 *      at a word that has not changed since.
 *  (f) The bucket's link is given once in the life of its segment: it never goes back to NULL. A note leaves the list only
 *      when the link has been given, or frozen, or the segment is gone, which comes after that: a late helper's
 *      compare-and-swap from NULL fails.
 *  (g) A bucket is put on the list at most once, by the note whose link it has, and not after it was closed: whoever freezes
 *      it then walks past its place, so that the note, if it was there, is settled; a note that comes later finds the bucket
 *      frozen or gone.
 *  (h) Notes are made for segments that are alive (c): while the table is not CLOSING no bucket above its level is on the
 *      list. weft_i_map_look relies on that. The table's end of CLOSING (MAP_R1, MAP_A1) comes after the last unlinking.
 * A note without memory, or one whose maker ended before it was linked, costs the note: the bucket's parent serves, and the
 * next who meets the bucket opens it. Insertions open them all, in order, soon after a growth: that is cheaper than one by
 * one (neighbours share cache lines), and lookups find a finished table.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_TABLE_H
#define WEFT_HASHMAP_SPLIT_MAP_TABLE_H

#include <weft/hashmap/split_map_walk.h>

/* The bucket, protected by word 1; NULL: there is no such segment now. */
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

/* Sees to it that a bucket that was never used is linked, unless its segment is not alive, or there is no memory. */
WEFT_I_PRIVATE void weft_i_map_bucket_open(weft_map *map, weft_i_map_bucket *bucket, weft_i_map_place place,
                                           weft_scheme scheme);

/* Begins a walk towards a hash, from the nearest usable bucket of the level or one below. */
weft_i_inline void weft_i_map_walk_begin(weft_i_map_walk *w, weft_map *map, weft_i_hold hold, uint64_t hash,
                                         size_t level, weft_scheme scheme)
{
    *w = (weft_i_map_walk){.map = map, .hold = hold, .hash = hash, .level = level, .word = 2};
    for (;;) {
        weft_i_map_place place = weft_i_map_place_of(hash, level);
        weft_i_map_bucket *bucket = weft_i_map_bucket_at(map, hold, place, scheme);
        void *link = bucket ? weft_i_load(&bucket->link, MAP_S1) : weft_i_map_link(NULL, WEFT_I_MAP_FROZEN);
        if (weft_i_unlikely(!link)) {
            weft_i_map_bucket_open(map, bucket, place, scheme);
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
 * Walks to where the hash's entries begin: behind all dummies that start at or before it. `level` is where to begin.
 * Then w->here is the first entry of that hash or above, or AT_END.
 */
weft_i_inline weft_i_map_seen weft_i_map_walk_to(weft_i_map_walk *w, weft_map *map, weft_i_hold hold, uint64_t hash,
                                                 size_t level, weft_scheme scheme)
{
    weft_i_map_walk_begin(w, map, hold, hash, level, scheme);
    for (;;) {
        weft_i_map_seen seen = weft_i_map_walk_look(w, scheme);
        if (weft_i_unlikely(seen == WEFT_I_MAP_ASTRAY))
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
/* One step of shrinking, if there is one to take. False: nothing to do. */
WEFT_I_PRIVATE bool weft_i_map_shrink(weft_map *map);

/* Counts an update; returns true when it is time to look whether the table fits, or to help closing. */
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
