#include <weft/hashmap/split_map_table.h>

#include <errno.h>

/* ---- opening ---- */

/*
 * Returns the segment of a protected bucket, as it was in its slot. NULL: it is gone, or not alive (split_map_table.h).
 */
static weft_i_map_segment *alive(weft_map *map, const weft_i_map_bucket *bucket, weft_i_map_place place)
{
    if (weft_i_map_level(map) < place.level)
        return NULL;
    weft_i_map_segment *segment = weft_i_load(&map->segment[place.level], MAP_A2);
    return !weft_i_map_is_none(segment) && &segment->bucket[place.offset] == bucket ? segment : NULL;
}

/* Buckets of one segment that are opened one after the other. The caller protects the segment by a guard of its own. */
typedef struct opening {
    weft_map *map;
    weft_i_hold hold;
    weft_i_map_segment *segment;
    weft_i_map_node *spare; /* a node for a note, or NULL */
    weft_i_list settled;    /* notes to be retired */
} opening;

weft_i_inline void open_bucket(opening *o, weft_i_map_place place, weft_scheme scheme)
{
    weft_i_map_walk w;
    void *expected, *next;
    weft_i_map_bucket *bucket = &o->segment->bucket[place.offset];
    weft_i_local *local = weft_i_local_get(o->map->domain);
    uint64_t start = weft_i_map_start_of(place.level, place.offset);
    do {
        weft_i_map_walk_to(&w, o->map, o->hold, start, place.level - 1, scheme);
        if (weft_i_load(&bucket->link, MAP_S1))
            return;
        if (!o->spare && !(o->spare = weft_i_node_alloc(o->map->domain, local, WEFT_I_BRIEF)))
            return;
        weft_i_map_node_fill(o->spare, start, (void *)(uintptr_t)o->segment->serial, NULL);
        next = weft_i_map_link(w.at, WEFT_I_MAP_FROZEN | WEFT_I_MAP_PENDING);
        /* relaxed: the note is private until MAP_S2 */
        weft_i_store(&o->spare->next, next, memory_order_relaxed);
        weft_i_publish(o->hold, 0, o->spare, scheme); /* before others see it, and settle and retire it */
        expected = w.at;
    } while (!weft_i_cas(w.prev, &expected, (void *)o->spare, MAP_S2, MAP_S1));
    if (weft_i_map_note_put(&w, next, bucket, o->spare))
        weft_i_list_push(&o->settled, &o->spare->hook);
    o->spare = NULL;
}

weft_i_inline void open_row_under(opening *o, weft_i_map_place place, size_t count, weft_scheme scheme)
{
    weft_guard own;
    o->hold = weft_i_begin(&own, o->map->domain, scheme);
    for (; count > 0; count--, place.offset++)
        if (!weft_i_load(&o->segment->bucket[place.offset].link, MAP_S1))
            open_bucket(o, place, scheme);
    weft_i_map_walk_end(o->hold, scheme);
    weft_i_end(o->hold, &own);
}

/* Opens those of `count` buckets that were never used. */
static weft_i_noinline void open_row(opening *o, weft_i_map_place place, size_t count)
{
    WEFT_I_BY_SCHEME(o->map->domain, open_row_under, o, place, count);
}

/* When no guard is held: the allocator may end the thread. */
static void finish_opening(opening *o)
{
    weft_i_local *local = weft_i_local_get(o->map->domain);
    weft_i_retire_list_held(o->map->domain, local, &o->settled, &weft_i_recycle[WEFT_I_BRIEF]);
    if (o->spare)
        weft_i_node_free(o->map->domain, local, WEFT_I_BRIEF, o->spare);
}

void weft_i_map_bucket_open(weft_map *map, weft_i_map_bucket *bucket, weft_i_map_place place)
{
    opening o = {.map = map, .segment = alive(map, bucket, place)};
    if (!o.segment)
        return;
    open_row(&o, place, 1);
    finish_opening(&o);
}

void weft_i_map_open_some(weft_map *map)
{
    weft_guard held;
    weft_scheme scheme = weft_i_scheme(map->domain);
    /* relaxed: a count of another level opens other buckets; one that is left out is opened when a walk meets it */
    size_t left = weft_i_load(&map->opening, memory_order_relaxed);
    size_t more = left < WEFT_MAP_OPEN ? left : WEFT_MAP_OPEN;
    weft_i_map_place place = {weft_i_map_level(map), 0};
    size_t length = weft_i_map_segment_length(place.level);
    /* relaxed: a hint: with a wrong count other buckets are opened, as above */
    if (!weft_i_cas(&map->opening, &left, left - more, memory_order_relaxed, memory_order_relaxed) || left > length)
        return;
    place.offset = length - left;
    weft_i_hold keep = weft_i_begin(&held, map->domain, scheme);
    weft_i_map_bucket *bucket = weft_i_map_bucket_at(map, keep, place, scheme);
    opening o = {.map = map, .segment = bucket ? alive(map, bucket, place) : NULL};
    if (o.segment)
        open_row(&o, place, more);
    weft_i_map_walk_end(keep, scheme);
    weft_i_end(keep, &held);
    finish_opening(&o);
}

size_t weft_i_map_sum(weft_map *map)
{
    size_t sum = 0;
    for (int i = 0; i < WEFT_MAP_STRIPES; i++)
        /* relaxed: a figure */
        sum += weft_i_load(&map->stripe[i].size, memory_order_relaxed);
    return sum >> (sizeof sum * 8 - 1) ? 0 : sum; /* a removal was counted before its insertion */
}

/* ---- growing ---- */

size_t weft_i_map_segment_bytes(size_t level)
{
    return sizeof(weft_i_map_segment) + weft_i_map_segment_length(level) * sizeof(weft_i_map_bucket);
}

/* Puts a segment into the slot above the table's level. False: no memory, or the table has changed. */
static bool make_segment(weft_map *map, size_t table)
{
    size_t level = weft_i_map_level_of(table) + 1;
    void *none = weft_i_load(&map->segment[level], MAP_A2);
    if (!weft_i_map_is_none(none))
        return true;
    if (weft_i_map_table(map) != table) /* else a late segment could come while its level is closed */
        return false;
    weft_i_map_segment *segment = weft_i_alloc_zeroed(map->domain, weft_i_map_segment_bytes(level));
    if (!segment)
        return false;
    segment->domain = map->domain;
    segment->bytes = weft_i_map_segment_bytes(level);
    segment->serial = (size_t)(uintptr_t)none;
    if (!weft_i_cas(&map->segment[level], &none, segment, MAP_R2, MAP_A2))
        weft_i_free_zeroed(map->domain, segment, segment->bytes);
    return true;
}

/* Whether so many entries, and those that the stripes have not told of, load the table by one half at most. */
static bool fits(size_t entries, size_t level)
{
    size_t slack = level > 8 ? (((size_t)1 << (level - 8)) - 1) * WEFT_MAP_STRIPES : 0;
    return entries <= ((size_t)1 << level) / 2 - slack;
}

/* Grows the table by a level if it is below `least`, or loaded by more than one half. */
static void grow(weft_map *map, size_t least)
{
    size_t table = weft_i_map_table(map), level = weft_i_map_level_of(table);
    if (weft_i_map_is_closing(table)) {
        if (weft_i_map_shrink(map))
            weft_i_catch_up(map->domain);
        return;
    }
    if ((level >= least && fits(weft_i_map_sum(map), level)) || level + 1 >= WEFT_MAP_LEVELS ||
        !make_segment(map, table))
        return;
    /* relaxed: a failure means that another thread has changed it */
    if (weft_i_cas(&map->table, &table, (table & ~(size_t)WEFT_I_MAP_LEVEL) + WEFT_I_MAP_CHANGE + level + 1, MAP_R1,
                   memory_order_relaxed))
        weft_i_store(&map->opening, weft_i_map_segment_length(level + 1), memory_order_relaxed); /* relaxed: a hint */
}

void weft_i_map_grow(weft_map *map)
{
    /* relaxed: it is a number, which the next update reads again */
    grow(map, weft_i_load(&map->reserved, memory_order_relaxed));
}

int weft_i_map_reserve(weft_map *map, size_t entries)
{
    size_t level = WEFT_MAP_FIRST_BITS;
    while (!fits(entries, level))
        if (++level >= WEFT_MAP_LEVELS)
            return -ENOMEM;
    /* relaxed: as in weft_i_map_grow */
    weft_i_store(&map->reserved, level, memory_order_relaxed);
    for (;;) {
        size_t table = weft_i_map_table(map);
        if (weft_i_map_level_of(table) >= level && !weft_i_map_is_closing(table))
            return 0;
        grow(map, level);
        if (weft_i_map_table(map) == table && !weft_i_map_is_closing(table))
            return -ENOMEM;
        while (weft_i_load(&map->opening, memory_order_relaxed)) { /* relaxed: a hint */
            weft_i_map_open_some(map);
            weft_i_catch_up(map->domain);
        }
    }
}

/* ---- shrinking ---- */

static void reclaim_segment(void *object, void *ctx)
{
    weft_i_map_segment *segment = object;
    (void)ctx;
    weft_i_free_zeroed(segment->domain, segment, segment->bytes);
}

/* Freezes a bucket, and walks past its place, which unlinks it. */
static void close_bucket(weft_map *map, weft_i_map_bucket *bucket, uint64_t start, size_t level, weft_scheme scheme)
{
    weft_guard own;
    weft_i_map_walk w;
    if (!weft_i_map_freeze(&bucket->link))
        return; /* never opened; now it cannot be opened any more */
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    (void)weft_i_map_walk_to(&w, map, hold, start, level - 1, scheme); /* cannot miss it, or its note, and unlinks it */
    weft_i_map_walk_end(hold, scheme);
    weft_i_end(hold, &own);
}

/* Takes a segment whose buckets are all closed out of its slot. True: the caller must retire it. */
static bool finish_closing(weft_map *map, weft_i_map_segment *segment, size_t table)
{
    void *expected = segment, *none = (void *)(uintptr_t)((table & ~(size_t)WEFT_I_MAP_LEVEL) | 1);
    bool mine = weft_i_cas(&map->segment[weft_i_map_level_of(table) + 1], &expected, none, MAP_R2, MAP_A2);
    (void)weft_i_cas(&map->table, &table, table & ~(size_t)WEFT_I_MAP_CLOSING, MAP_R1, MAP_A1);
    return mine;
}

/*
 * Closes chunks until it is the first thread to have closed one. So each update takes a step, and the table shrinks as
 * fast as updates go, whatever races there are. The caller protects the segment. True: the caller must retire it.
 */
static bool close_chunk(weft_map *map, weft_i_map_segment *segment, size_t table, weft_scheme scheme)
{
    size_t level = weft_i_map_level_of(table) + 1, length = weft_i_map_segment_length(level);
    size_t from = weft_i_load(&segment->cursor, MAP_A3), to = from;
    while (from < length) {
        to = from + WEFT_MAP_CLOSE < length ? from + WEFT_MAP_CLOSE : length;
        for (size_t i = from; i < to; i++)
            close_bucket(map, &segment->bucket[i], weft_i_map_start_of(level, i), level, scheme);
        if (weft_i_cas(&segment->cursor, &from, to, MAP_R3, MAP_A3))
            break;
    }
    return (from >= length || to == length) && finish_closing(map, segment, table);
}

bool weft_i_map_shrink(weft_map *map)
{
    weft_guard own;
    size_t table = weft_i_map_table(map), level = weft_i_map_level_of(table);
    if (!weft_i_map_is_closing(table)) {
        /* relaxed: as in weft_i_map_grow; read last, since removals from a small map come here each time */
        if (level <= WEFT_MAP_FIRST_BITS || weft_i_map_sum(map) * 8 >= (size_t)1 << level ||
            level <= weft_i_load(&map->reserved, memory_order_relaxed))
            return false;
        size_t lower = (table & ~(size_t)WEFT_I_MAP_LEVEL) + WEFT_I_MAP_CHANGE + WEFT_I_MAP_CLOSING + level - 1;
        /* relaxed: a failure means that another thread has changed it */
        (void)weft_i_cas(&map->table, &table, lower, MAP_R1, memory_order_relaxed);
        return true;
    }
    weft_scheme scheme = weft_i_scheme(map->domain);
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    weft_i_map_bucket *bucket = weft_i_map_bucket_at(map, hold, (weft_i_map_place){level + 1, 0}, scheme);
    weft_i_map_segment *segment =
        bucket ? (weft_i_map_segment *)(void *)((char *)bucket - offsetof(weft_i_map_segment, bucket)) : NULL;
    bool mine = false;
    if (!segment)
        (void)weft_i_cas(&map->table, &table, table & ~(size_t)WEFT_I_MAP_CLOSING, MAP_R1, MAP_A1);
    else if (weft_i_map_table(map) == table)
        mine = close_chunk(map, segment, table, scheme);
    weft_i_map_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    if (mine)
        weft_retire_hook(map->domain, &segment->hook, segment, segment->bytes, reclaim_segment, NULL);
    return true;
}
