/*
 * private. What the split-ordered map is made of. Read it beside Shalev and Shavit 2006 and Michael 2002. Then come
 * split_map_walk.h, the walk along the list; split_map_table.h and split_map_note.h, the buckets; split_map_find.h,
 * finding a key; and split_map_kernel.h, the operations.
 *
 * One list holds all entries in the order of their 64-bit hashes. A table of 2^k buckets cuts it into 2^k intervals by
 * the hash's k highest bits. A bucket is a link in the list, the dummy node itself, at the start of its interval.
 * Doubling the table halves the intervals; nothing moves. If j is even, bucket j of level k is bucket j/2 of level k-1;
 * the odd ones of level k form segment k.
 *
 * A link is a pointer with three bits. FROZEN: the node or bucket that holds this link is dead, and the link never
 * changes again. DUMMY: the link leads to a bucket. PENDING in a bucket: the bucket is not on the list yet (a walk that
 * meets it on the list clears the bit). PENDING and FROZEN in a node: it is a note (split_map_table.h). The list ends
 * with a DUMMY link to nothing, since a NULL link means a bucket that was never used.
 *
 * Invariants:
 *  (1) Links that are not frozen and are reachable from base[0] form the list, sorted by hash, with each dummy before
 *      the entries of its interval.
 *  (2) An entry is present while its value is not NULL. Its removal has four steps, in this order: value NULL, link
 *      FROZEN, unlinked, retired. The thread that emptied the value retires the node, after a walk that cannot have
 *      missed it.
 *  (3) An insertion goes behind all entries of the same hash, at a link that a walk has just reached through all of
 *      them. So two insertions of one key meet at one compare-and-swap, and the entries of one hash always stand in the
 *      order of their `order`, which differ.
 *  (4) A bucket is frozen before it is unlinked. Its segment is retired after all its buckets have been unlinked. Any
 *      bucket may be missing; then its parent serves.
 *
 * Guard words: 1 and 2 protect, in turn, the node or bucket that holds the link, and the one behind it. 0 protects a
 * note's segment, and later the value.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_LAYOUT_H
#define WEFT_HASHMAP_SPLIT_MAP_LAYOUT_H

#include <weft/hashmap/split_map.h>
#include <weft/reclaim/local.h>

#ifndef WEFT_MAP_FIRST_BITS
#define WEFT_MAP_FIRST_BITS 4
#endif
#ifndef WEFT_MAP_STRIPES
#define WEFT_MAP_STRIPES 16
#endif
#ifndef WEFT_MAP_CLOSE
#define WEFT_MAP_CLOSE 32 /* buckets that an update closes while the table shrinks */
#endif
#ifndef WEFT_MAP_OPEN
#define WEFT_MAP_OPEN 16 /* buckets that an insertion opens after the table has grown */
#endif
#define WEFT_MAP_LEVELS (sizeof(size_t) * 8 - 8)

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define MAP_S1 memory_order_seq_cst /* read link -> MAP_S2: sees the node it leads to; one order of all links makes operations on different keys linearizable together */
#define MAP_S2 memory_order_seq_cst /* change link -> MAP_S1: publishes a node or bucket, or passes on what was published; insert's linearization point */
#define MAP_S3 memory_order_seq_cst /* read value -> MAP_S4: sees what the value leads to; in the same one order as links */
#define MAP_S4 memory_order_seq_cst /* change value -> MAP_S3: publishes the new value; linearization point of remove and of a replacing put */
#define MAP_A1 memory_order_acquire /* read table -> MAP_R1: sees the segments of its level, and what has been unlinked */
#define MAP_R1 memory_order_release /* change table -> MAP_A1: the segment was put in place, or wholly closed and taken, before */
#define MAP_A2 memory_order_acquire /* read segment, and confirm it -> MAP_R2: sees its buckets zeroed */
#define MAP_R2 memory_order_release /* put or take segment -> MAP_A2: it is zeroed, or wholly closed, before */
#define MAP_A3 memory_order_acquire /* read cursor -> MAP_R3: sees which buckets are closed */
#define MAP_R3 memory_order_release /* move cursor -> MAP_A3: the buckets before it are unlinked */
#endif
/* clang-format on */

enum { WEFT_I_MAP_FROZEN = 1, WEFT_I_MAP_DUMMY = 2, WEFT_I_MAP_PENDING = 4, WEFT_I_MAP_LINK_BITS = 7 };

/* A table's word: its level, whether the level above is being closed, and above that the number of changes. */
enum { WEFT_I_MAP_LEVEL = 255, WEFT_I_MAP_CLOSING = 256, WEFT_I_MAP_CHANGE = 512 };

typedef struct weft_i_map_node {
    weft_i_hook hook; /* first */
    weft_atomic_ptr next;
    void *key;
    uint64_t hash;
    weft_atomic_ptr value;
    void *dead;   /* the value to be destroyed with the node, or NULL */
    size_t order; /* one more than that of the entry of the same hash that it was linked behind; 0: there was none */
} weft_i_map_node;

_Static_assert(sizeof(weft_i_map_node) <= WEFT_I_LARGE_SIZE, "a map's node is of the large class");

typedef struct weft_i_map_bucket {
    weft_atomic_ptr link;
} __attribute__((aligned(8))) weft_i_map_bucket;

typedef struct weft_i_map_segment {
    weft_hook hook;
    weft_domain *domain;
    size_t bytes;
    size_t serial;             /* the odd word that it replaced in its slot: no two segments of a level have the same */
    weft_i_atomic_size cursor; /* while closing: the buckets before it are closed and unlinked */
    weft_i_aligned weft_i_map_bucket bucket[];
} weft_i_map_segment;

/* How entries with destructors are reclaimed. Lives until the map and all its retired entries are gone. */
typedef struct weft_i_map_kinds {
    weft_i_kind entry; /* a whole entry */
    weft_i_kind value; /* a replaced value, in a node of its own */
    weft_map_config config;
    weft_i_atomic_size users; /* retired entries, and the map */
} weft_i_map_kinds;

struct weft_map {
    weft_domain *domain;
    uint64_t (*hash)(const void *key, const weft_map_seed *seed, void *ctx); /* NULL: integers */
    bool (*equal)(const void *a, const void *b, void *ctx);
    void *ctx;
    weft_map_seed seed;
    weft_i_map_kinds *kinds; /* NULL: no destructors */
    weft_i_aligned weft_i_atomic_size
        table; /* level, WEFT_I_MAP_CLOSING, and how often the level has changed: no word comes twice */
    weft_i_atomic_size opening;               /* buckets of the last growth that no insertion has begun to open */
    weft_i_atomic_size reserved;              /* the level below which the table does not shrink */
    weft_atomic_ptr segment[WEFT_MAP_LEVELS]; /* odd: none; no such word comes twice in one place */
    weft_i_map_bucket base[(size_t)1 << WEFT_MAP_FIRST_BITS];
    struct {
        weft_i_aligned weft_i_atomic_size size; /* modulo 2^n: insertion and removal may count on different stripes */
    } stripe[WEFT_MAP_STRIPES];
    WEFT_I_LIFE
};

weft_i_inline uintptr_t weft_i_map_bits(void *link)
{
    return (uintptr_t)link & WEFT_I_MAP_LINK_BITS;
}

weft_i_inline void *weft_i_map_target(void *link)
{
    return (void *)((uintptr_t)link & ~(uintptr_t)WEFT_I_MAP_LINK_BITS);
}

weft_i_inline void *weft_i_map_link(void *target, uintptr_t bits)
{
    return (void *)((uintptr_t)target | bits);
}

weft_i_inline void *weft_i_map_without(void *link, uintptr_t bits)
{
    return (void *)((uintptr_t)link & ~bits);
}

/*
 * Multiply, fold, multiply (the steps of A. Appleby's MurmurHash3 finalizer), with random words. It is one-to-one, and
 * its high bits, which select the bucket, depend on all of the key. One multiplication is not enough:
 * tests/unit/hash_test.c.
 */
weft_i_inline uint64_t weft_i_map_hash_integer(uint64_t key, const weft_map_seed *seed)
{
    uint64_t h = (key ^ seed->k0) * (seed->k1 | 1);
    return (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 by the golden ratio: odd, its bits well mixed */
}

weft_i_inline uint64_t weft_i_map_hash(const weft_map *map, const void *key)
{
    return map->hash ? map->hash(key, &map->seed, map->ctx)
                     : weft_i_map_hash_integer((uint64_t)(uintptr_t)key, &map->seed);
}

weft_i_inline bool weft_i_map_equal(const weft_map *map, const void *a, const void *b)
{
    return map->equal ? map->equal(a, b, map->ctx) : a == b;
}

/* ---- the table, and places of buckets in it ---- */

weft_i_inline size_t weft_i_map_level_of(size_t table)
{
    return table & WEFT_I_MAP_LEVEL;
}

weft_i_inline bool weft_i_map_is_closing(size_t table)
{
    return table & WEFT_I_MAP_CLOSING;
}

weft_i_inline bool weft_i_map_is_none(const void *segment)
{
    return (uintptr_t)segment & 1;
}

weft_i_inline size_t weft_i_map_table(weft_map *map)
{
    return weft_i_load(&map->table, MAP_A1);
}

weft_i_inline size_t weft_i_map_level(weft_map *map)
{
    return weft_i_map_level_of(weft_i_map_table(map));
}

typedef struct weft_i_map_place {
    size_t level; /* WEFT_MAP_FIRST_BITS: in base */
    size_t offset;
} weft_i_map_place;

/* The bucket of a hash in a table of 2^level. */
weft_i_inline weft_i_map_place weft_i_map_place_of(uint64_t hash, size_t level)
{
    uint64_t j = hash >> (64 - level);
    size_t zeros = j ? (size_t)__builtin_ctzll(j) : level;
    if (level - zeros <= WEFT_MAP_FIRST_BITS)
        return (weft_i_map_place){WEFT_MAP_FIRST_BITS, (size_t)(hash >> (64 - WEFT_MAP_FIRST_BITS))};
    return (weft_i_map_place){level - zeros, (size_t)(j >> (zeros + 1))};
}

weft_i_inline size_t weft_i_map_segment_length(size_t level)
{
    return (size_t)1 << (level - 1);
}

weft_i_inline uint64_t weft_i_map_start_of(size_t level, size_t offset)
{
    return level == WEFT_MAP_FIRST_BITS ? (uint64_t)offset << (64 - WEFT_MAP_FIRST_BITS)
                                        : (2 * (uint64_t)offset + 1) << (64 - level);
}

/*
 * Finds where the interval of a protected bucket starts, by the segment that it is in. It tries this level first, then
 * lower ones (half of all buckets are in the level's own segment, a quarter in the one below). False: in none of these.
 */
weft_i_inline bool weft_i_map_bucket_start(weft_map *map, const weft_i_map_bucket *bucket, size_t level,
                                           uint64_t *start)
{
    for (; level > WEFT_MAP_FIRST_BITS; level--) {
        weft_i_map_segment *segment = weft_i_load(&map->segment[level], MAP_A2);
        size_t offset =
            !weft_i_map_is_none(segment) ? ((uintptr_t)bucket - (uintptr_t)segment->bucket) / sizeof *bucket : SIZE_MAX;
        if (offset < weft_i_map_segment_length(level)) {
            *start = weft_i_map_start_of(level, offset);
            return true;
        }
    }
    size_t offset = ((uintptr_t)bucket - (uintptr_t)map->base) / sizeof *bucket;
    *start = weft_i_map_start_of(WEFT_MAP_FIRST_BITS, offset);
    return offset < sizeof map->base / sizeof *bucket;
}

/* ---- where a walk stands ---- */

typedef struct weft_i_map_walk {
    weft_map *map;
    weft_i_hold hold;
    uint64_t hash;         /* a dummy that starts after it ends the walk */
    size_t level;          /* of the table when the walk began */
    size_t order;          /* one more than that of the last entry of this hash that the walk passed */
    weft_atomic_ptr *prev; /* the link where the walk stands */
    void *at;              /* what was read there: leads to `here` */
    void *here;            /* node or bucket, protected; NULL: the end */
    int word;              /* the guard word that protects `here`; the other one protects the holder of `prev` */
} weft_i_map_walk;

typedef enum weft_i_map_seen { WEFT_I_MAP_AT_END, WEFT_I_MAP_AT_NODE, WEFT_I_MAP_RESTART } weft_i_map_seen;

#endif
