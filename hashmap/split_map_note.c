#include <weft/hashmap/split_map_note.h>

/* Returns the note's bucket; word 0 protects its segment. NULL: the bucket is gone. */
static weft_i_map_bucket *bucket_of_note(weft_map *map, weft_i_hold hold, const weft_i_map_node *note,
                                         weft_scheme scheme)
{
    size_t level = 64 - (size_t)__builtin_ctzll(note->hash);
    weft_atomic_ptr *slot = &map->segment[level];
    weft_i_map_segment *segment = weft_i_load(slot, MAP_A2);
    while (!weft_i_map_is_none(segment)) {
        weft_i_publish(hold, 0, segment, scheme);
        weft_i_map_segment *again = scheme == WEFT_HAZARD ? weft_i_load(slot, MAP_A2) : segment;
        if (weft_i_likely(again == segment))
            return segment->serial == (size_t)(uintptr_t)note->key ? &segment->bucket[note->hash >> (65 - level)]
                                                                   : NULL;
        segment = again;
    }
    return NULL;
}

static void end_pending(weft_i_map_bucket *bucket)
{
    void *link = weft_i_load(&bucket->link, MAP_S1);
    while (weft_i_map_bits(link) & WEFT_I_MAP_PENDING)
        if (weft_i_cas(&bucket->link, &link, weft_i_map_without(link, WEFT_I_MAP_PENDING), MAP_S2, MAP_S1))
            break;
}

bool weft_i_map_note_put(weft_i_map_walk *w, void *next, weft_i_map_bucket *bucket, void *at)
{
    void *link = NULL, *expected = at, *to = weft_i_map_without(next, WEFT_I_MAP_FROZEN | WEFT_I_MAP_PENDING);
    bool opens = bucket && (weft_i_cas(&bucket->link, &link, weft_i_map_link(to, WEFT_I_MAP_PENDING), MAP_S2, MAP_S1) ||
                            !(weft_i_map_bits(link) & WEFT_I_MAP_FROZEN));
    bool mine = weft_i_cas(w->prev, &expected, opens ? weft_i_map_link(bucket, WEFT_I_MAP_DUMMY) : to, MAP_S2, MAP_S1);
    if (mine && opens)
        end_pending(bucket);
    return mine;
}

void weft_i_map_note_settle(weft_i_map_walk *w, void *next, weft_scheme scheme)
{
    weft_i_map_node *note = w->here;
    if (weft_i_map_note_put(w, next, bucket_of_note(w->map, w->hold, note, scheme), w->at))
        (void)weft_i_retire_held(w->map->domain, weft_i_local_get(w->map->domain), &note->hook,
                                 &weft_i_recycle[WEFT_I_BRIEF], WEFT_I_LARGE_SIZE);
    weft_i_publish(w->hold, 0, NULL, scheme);
}
