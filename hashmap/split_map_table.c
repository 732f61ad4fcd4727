#include <weft/hashmap/split_map_table.h>

/*
 * Only in a table that has the level: a late thread's bucket would stay on the list of a smaller one, and end walks that
 * trust in its word. Once pending, a bucket holds up the closing of its level, so that to look once is enough.
 */
static void open_bucket(weft_map *map, weft_i_hold hold, weft_i_bucket *bucket, weft_i_place place, weft_scheme scheme)
{
    weft_i_walk w;
    void *link = NULL, *expected;
    uint64_t start = weft_i_start_of(place.level, place.offset);
    if (!weft_i_cas(&bucket->link, &link, weft_i_link(NULL, WEFT_I_PENDING), MAP_S2, MAP_S1))
        return;
    if (weft_i_map_level(map) < place.level) {
        weft_i_store(&bucket->link, NULL, MAP_S2);
        return;
    }
    do {
        weft_i_walk_to(&w, map, hold, start, place.level - 1, scheme);
        weft_i_store(&bucket->link, weft_i_link(w.at, WEFT_I_PENDING), MAP_S2);
        expected = w.at;
    } while (!weft_i_cas(w.prev, &expected, weft_i_link(bucket, WEFT_I_DUMMY), MAP_S2, MAP_S1));
    link = weft_i_load(&bucket->link, MAP_S1);
    while (weft_i_bits(link) & WEFT_I_PENDING)
        if (weft_i_cas(&bucket->link, &link, weft_i_without(link, WEFT_I_PENDING), MAP_S2, MAP_S1))
            break;
}

void weft_i_bucket_open(weft_map *map, weft_i_bucket *bucket, weft_i_place place, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    open_bucket(map, hold, bucket, place, scheme);
    weft_i_walk_end(hold, scheme);
    weft_i_end(hold, &own);
}

void weft_i_map_open_some(weft_map *map)
{
    weft_guard own;
    weft_scheme scheme = weft_i_scheme(map->domain);
    /* relaxed: who opens a bucket is decided by its link; a count that is not this level's opens others */
    size_t left = weft_i_load(&map->opening, memory_order_relaxed);
    size_t more = left < WEFT_MAP_OPEN ? left : WEFT_MAP_OPEN;
    weft_i_place place = {weft_i_map_level(map), 0};
    size_t length = weft_i_segment_length(place.level);
    /* relaxed: likewise */
    if (!weft_i_cas(&map->opening, &left, left - more, memory_order_relaxed, memory_order_relaxed) || left > length)
        return;
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    weft_i_segment *segment = weft_i_protect(hold, 0, &map->segment[place.level], scheme);
    for (place.offset = length - left; segment && more > 0; more--, place.offset++)
        if (!weft_i_load(&segment->bucket[place.offset].link, MAP_S1))
            open_bucket(map, hold, &segment->bucket[place.offset], place, scheme);
    weft_i_walk_end(hold, scheme);
    weft_i_end(hold, &own);
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

size_t weft_i_segment_bytes(size_t level)
{
    return sizeof(weft_i_segment) + weft_i_segment_length(level) * sizeof(weft_i_bucket);
}

static bool make_segment(weft_map *map, size_t level)
{
    void *none = NULL;
    if (weft_i_load(&map->segment[level], MAP_A2))
        return true;
    weft_i_segment *segment = weft_i_alloc_zeroed(map->domain, weft_i_segment_bytes(level));
    if (!segment)
        return false;
    segment->domain = map->domain;
    segment->bytes = weft_i_segment_bytes(level);
    if (!weft_i_cas(&map->segment[level], &none, segment, MAP_R2, MAP_A2))
        weft_i_free_zeroed(map->domain, segment, segment->bytes);
    return true;
}

void weft_i_map_grow(weft_map *map)
{
    size_t table = weft_i_map_table(map), level = weft_i_level_of(table);
    size_t size = (size_t)1 << level, slack = level > 8 ? (((size_t)1 << (level - 8)) - 1) * WEFT_MAP_STRIPES : 0;
    if ((weft_i_map_sum(map) + slack) * 2 <= size || level + 1 >= WEFT_MAP_LEVELS)
        return;
    if (weft_i_load(&map->closing, MAP_A3)) {
        (void)weft_i_map_shrink(map);
        return;
    }
    /* the present level's segment may be missing after a race of growing and shrinking */
    if ((level > WEFT_MAP_FIRST_BITS && !make_segment(map, level)) || !make_segment(map, level + 1))
        return;
    /* relaxed: a failure means that somebody else has changed it */
    if (weft_i_cas(&map->table, &table, weft_i_table_after(table, level + 1), MAP_R1, memory_order_relaxed))
        weft_i_store(&map->opening, weft_i_segment_length(level + 1), memory_order_relaxed); /* relaxed: a hint */
}

/* ---- shrinking ---- */

static void reclaim_segment(void *object, void *ctx)
{
    weft_i_segment *segment = object;
    (void)ctx;
    weft_i_free_zeroed(segment->domain, segment, segment->bytes);
}

/* Freezes and unlinks one bucket. False: it is pending. */
static bool close_bucket(weft_map *map, weft_i_bucket *bucket, uint64_t start, size_t level, weft_scheme scheme)
{
    weft_guard own;
    weft_i_walk w;
    void *link = weft_i_load(&bucket->link, MAP_S1);
    while (!(weft_i_bits(link) & WEFT_I_FROZEN)) {
        if (weft_i_bits(link) & WEFT_I_PENDING)
            return false;
        if (weft_i_cas(&bucket->link, &link, weft_i_link(link, WEFT_I_FROZEN), MAP_S2, MAP_S1))
            break;
    }
    if (!weft_i_without(link, WEFT_I_FROZEN))
        return true; /* never linked */
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    (void)weft_i_walk_to(&w, map, hold, start, level - 1, scheme); /* cannot miss it, and unlinks it */
    weft_i_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    return true;
}

static void finish_closing(weft_map *map, weft_i_segment *segment, size_t closing)
{
    weft_i_store(&map->segment[weft_i_level_of(closing)], NULL, MAP_R2);
    weft_retire_hook(map->domain, &segment->hook, segment, segment->bytes, reclaim_segment, NULL);
    (void)weft_i_cas(&map->closing, &closing, 0, MAP_R3, MAP_A3);
}

/*
 * Closes a chunk that nobody else has closed first: so that each removal takes a step, and the table shrinks beside
 * removals whoever races. The caller holds the segment.
 */
static bool close_chunk(weft_map *map, weft_i_segment *segment, size_t closing, weft_scheme scheme)
{
    size_t level = weft_i_level_of(closing), length = weft_i_segment_length(level);
    size_t from = weft_i_load(&segment->cursor, MAP_A3);
    while (from < length) {
        size_t to = from + WEFT_MAP_CLOSE < length ? from + WEFT_MAP_CLOSE : length;
        for (size_t i = from; i < to; i++)
            if (!close_bucket(map, &segment->bucket[i], weft_i_start_of(level, i), level, scheme))
                return false;
        if (!weft_i_cas(&segment->cursor, &from, to, MAP_R3, MAP_A3))
            continue;
        if (to == length)
            finish_closing(map, segment, closing);
        return true;
    }
    return false;
}

static bool begin_closing(weft_map *map)
{
    size_t table = weft_i_map_table(map), level = weft_i_level_of(table), none = 0;
    if (level <= WEFT_MAP_FIRST_BITS || weft_i_map_sum(map) * 8 >= (size_t)1 << level)
        return false;
    return weft_i_cas(&map->closing, &none, table, MAP_R3, MAP_A3);
}

/*
 * The word that is being closed becomes the one below, whoever does it, and stays that until the closing is over. False:
 * the table has become another: a growth came before it, or that closing is long over.
 */
static bool lower_level(weft_map *map, size_t closing)
{
    size_t table = closing, lower = weft_i_table_after(closing, weft_i_level_of(closing) - 1);
    if (weft_i_cas(&map->table, &table, lower, MAP_R1, MAP_A1) || table == lower)
        return true;
    (void)weft_i_cas(&map->closing, &closing, 0, MAP_R3, MAP_A3);
    return false;
}

bool weft_i_map_shrink(weft_map *map)
{
    weft_guard own;
    bool done = false;
    size_t closing = weft_i_load(&map->closing, MAP_A3);
    if (!closing)
        return begin_closing(map);
    if (!lower_level(map, closing))
        return true;
    weft_scheme scheme = weft_i_scheme(map->domain);
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    weft_i_segment *segment = weft_i_protect(hold, 0, &map->segment[weft_i_level_of(closing)], scheme);
    if (!segment) /* closed, or never made */
        done = weft_i_cas(&map->closing, &closing, 0, MAP_R3, MAP_A3);
    else if (weft_i_load(&map->closing, MAP_A3) == closing)
        done = close_chunk(map, segment, closing, scheme);
    weft_i_end(hold, &own);
    return done;
}
