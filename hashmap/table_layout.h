/*
 * private. What the table is made of. Then come table_find.h, reading a bucket; table_move.h, the way from one
 * array to the next; table_resize.h, when it is gone; and table_kernel.h, the operations.
 *
 * A key is mixed by a one-to-one function, and its highest bits say its bucket. A bucket is one cache line: a head, a
 * link to more slots, and three slots of a mixed key and a value. The head has a mode, two bits for each of 15 slots,
 * and a count. Every change of what the table says is one compare-and-swap of one head.
 *
 *     FREE -> BUSY    a thread takes the slot, and alone may write its words; the head's count goes up
 *     BUSY -> LIVE    the entry is there; in the same step an entry that it replaces becomes FREE
 *     LIVE -> FREE    the entry is gone
 *     LIVE -> DEAD    the same, but the value waits in the slot for memory in which it can be retired
 *
 * Invariants:
 *  (1) The words of a slot do not change while it is LIVE or DEAD.
 *  (2) No head comes twice in the life of its array, unless 2^31 slots of one bucket are taken within one operation:
 *      only a taking makes a slot LIVE again, and each counts. So a thread that reads a head, then slots, and then the
 *      same head has read what was true at its last read.
 *  (3) A key is LIVE in one slot at most: a thread makes a slot LIVE by a change of the very head in which it has seen
 *      all LIVE slots, and not the key.
 *  (4) Slots beyond the first three are in nodes of two, in a chain. A chain only grows until its bucket is MOVED, when
 *      one thread closes its end and retires it.
 *
 * Growing and shrinking (table_move.h) go through a second array, `next`. A bucket goes OPEN -> FROZEN -> MOVED, with
 * SEALED in between if the table shrinks, and what takes over for it is VIRGIN before and OPEN afterwards.
 *
 * Guard words: 1 and 2 protect, in turn, the array and the next one. Readers protect the value by word 0, and a node of
 * slots by the word that is free. Updates protect a node of slots by word 0.
 */
#ifndef WEFT_HASHMAP_TABLE_LAYOUT_H
#define WEFT_HASHMAP_TABLE_LAYOUT_H

#include <weft/hashmap/split_map_kinds.h>
#include <weft/hashmap/table.h>
#include <weft/reclaim/local.h>

#ifndef WEFT_TABLE_FIRST_BITS
#define WEFT_TABLE_FIRST_BITS 1
#endif
#ifndef WEFT_TABLE_SLOTS
#define WEFT_TABLE_SLOTS 15 /* of a bucket, at most 15 */
#endif
#ifndef WEFT_TABLE_INLINE
#define WEFT_TABLE_INLINE 3 /* those that lie in the bucket itself */
#endif
#ifndef WEFT_TABLE_LOAD
#define WEFT_TABLE_LOAD 2 /* entries per bucket from which the table grows */
#endif
#ifndef WEFT_TABLE_SPARSE
#define WEFT_TABLE_SPARSE 8 /* buckets per entry from which the table shrinks */
#endif
#ifndef WEFT_TABLE_STEP
#define WEFT_TABLE_STEP 8 /* buckets that an update moves while the table grows or shrinks */
#endif
#ifndef WEFT_TABLE_STRIPES
#define WEFT_TABLE_STRIPES 16
#endif
#ifndef WEFT_TABLE_STRIPES_FROM
#define WEFT_TABLE_STRIPES_FROM 8 /* a table of so many bits has stripes of its size */
#endif
#define WEFT_TABLE_LEVELS (sizeof(size_t) * 8 - 8)

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define TABLE_S1 memory_order_seq_cst /* read head -> TABLE_S2: sees the words of its slots; one order of all heads makes operations on different keys linearizable together */
#define TABLE_S2 memory_order_seq_cst /* change head -> TABLE_S1: publishes a slot's words, or passes on what was published; linearization point of all updates */
#define TABLE_A1 memory_order_acquire /* read a slot's word -> TABLE_R1: if it was written after the head was read, the next read of the head sees the taking */
#define TABLE_R1 memory_order_release /* write a slot's word -> TABLE_A1: the slot was taken before */
#define TABLE_A2 memory_order_acquire /* read link to a node of slots -> TABLE_R2: sees it empty; and that the chain was closed */
#define TABLE_R2 memory_order_release /* link a node of slots, or close the chain -> TABLE_A2: its words are zero */
#define TABLE_A3 memory_order_acquire /* read array or next -> TABLE_R3: sees its buckets VIRGIN, or OPEN where all were moved */
#define TABLE_R3 memory_order_release /* put array or next -> TABLE_A3: its buckets are zeroed; all buckets of the array before were moved */
#define TABLE_A6 memory_order_acquire /* read the table's number -> TABLE_R6: if it is not above an array's, the hazard on that is older than its retirement */
#define TABLE_R6 memory_order_release /* raise the table's number -> TABLE_A6: before an array with a lower one is retired */
#define TABLE_X1 memory_order_acq_rel /* count moved buckets -> TABLE_X1: who counts the last ones has seen all moved */
#define TABLE_A4 memory_order_acquire /* read cursor -> TABLE_R4: sees the buckets before it moved */
#define TABLE_R4 memory_order_release /* move cursor -> TABLE_A4: the buckets before it are moved */
#define TABLE_A5 memory_order_acquire /* read stripes -> TABLE_R5: sees them zeroed */
#define TABLE_R5 memory_order_release /* put stripes -> TABLE_A5: they are zeroed */
#endif
/* clang-format on */

/* ---- a bucket's head ---- */

enum {
    WEFT_I_TABLE_VIRGIN,
    WEFT_I_TABLE_OPEN,
    WEFT_I_TABLE_SEALED,
    WEFT_I_TABLE_FROZEN,
    WEFT_I_TABLE_MOVED,
    WEFT_I_TABLE_MERGING, /* still empty: two buckets will be one here */
    WEFT_I_TABLE_PASSING  /* for good empty: they pass by, to the array behind */
};
enum { WEFT_I_TABLE_FREE, WEFT_I_TABLE_BUSY, WEFT_I_TABLE_LIVE, WEFT_I_TABLE_DEAD };
enum { WEFT_I_TABLE_MODE = 7, WEFT_I_TABLE_STATES = 3 };
/* A bit for each slot, at twice its index; and one more, in the count. */
#define WEFT_I_TABLE_EACH (UINT64_C(0x15555555) & ((UINT64_C(1) << 2 * WEFT_TABLE_SLOTS) - 1))
#define WEFT_I_TABLE_TAKING (UINT64_C(1) << (WEFT_I_TABLE_STATES + 2 * WEFT_TABLE_SLOTS))

weft_i_inline unsigned weft_i_table_mode(uint64_t head)
{
    return (unsigned)(head & WEFT_I_TABLE_MODE);
}

weft_i_inline uint64_t weft_i_table_with_mode(uint64_t head, unsigned its)
{
    return (head & ~(uint64_t)WEFT_I_TABLE_MODE) | its;
}

weft_i_inline uint64_t weft_i_table_with(uint64_t head, unsigned index, unsigned state)
{
    unsigned at = WEFT_I_TABLE_STATES + 2 * index;
    return (head & ~(UINT64_C(3) << at)) | (uint64_t)state << at;
}

weft_i_inline uint64_t weft_i_table_live(uint64_t head)
{
    return head >> (WEFT_I_TABLE_STATES + 1) & ~(head >> WEFT_I_TABLE_STATES) & WEFT_I_TABLE_EACH;
}

weft_i_inline uint64_t weft_i_table_dead(uint64_t head)
{
    return head >> (WEFT_I_TABLE_STATES + 1) & head >> WEFT_I_TABLE_STATES & WEFT_I_TABLE_EACH;
}

weft_i_inline uint64_t weft_i_table_free(uint64_t head)
{
    return ~(head >> (WEFT_I_TABLE_STATES + 1) | head >> WEFT_I_TABLE_STATES) & WEFT_I_TABLE_EACH;
}

/* The index of the first slot of a set that is not empty. */
weft_i_inline unsigned weft_i_table_first(uint64_t set)
{
    return (unsigned)__builtin_ctzll(set) / 2;
}

weft_i_inline unsigned weft_i_table_count_of(uint64_t set)
{
    return (unsigned)__builtin_popcountll(set);
}

/* ---- memory ---- */

typedef struct weft_i_table_slot {
    weft_i_atomic_wide key; /* mixed, never 0 once it was written */
    weft_atomic_ptr value;
} weft_i_table_slot;

enum { WEFT_I_TABLE_IN_NODE = 2 };

typedef struct weft_i_table_node {
    weft_i_hook hook; /* first */
    weft_atomic_ptr next;
    weft_i_table_slot slot[WEFT_I_TABLE_IN_NODE];
} weft_i_table_node;

_Static_assert(sizeof(weft_i_table_node) <= WEFT_I_LARGE_SIZE, "a node of slots is of the large class");

typedef struct weft_i_table_bucket {
    weft_i_atomic_wide head;
    weft_atomic_ptr more; /* the chain of nodes */
    weft_i_table_slot slot[WEFT_TABLE_INLINE];
} __attribute__((aligned(64))) weft_i_table_bucket;

typedef struct weft_i_table_array {
    unsigned shift;       /* 64 less the bits that say the bucket */
    size_t number;        /* one more than that of the array before */
    weft_atomic_ptr next; /* what takes over; set once */
    weft_domain *domain;
    weft_hook hook;
    weft_i_atomic_size taken;  /* groups of buckets that threads have taken to move */
    weft_i_atomic_size moved;  /* those that were moved by who took them */
    weft_i_atomic_size cursor; /* the groups before it are moved, whoever did it */
    weft_i_table_bucket bucket[];
} weft_i_table_array;

/* A part of the table's size. */
typedef struct weft_i_table_stripe {
    weft_i_atomic_size size; /* modulo 2^n: insertion and removal may count on different ones */
    weft_i_atomic_size told; /* its size when it last made a thread look at the sum */
} weft_i_table_stripe;

typedef struct weft_i_table_stripes {
    struct {
        weft_i_aligned weft_i_table_stripe it;
    } of[WEFT_TABLE_STRIPES];
} weft_i_table_stripes;

struct weft_table {
    weft_domain *domain;
    weft_map_seed seed;
    uint64_t inverse; /* of the seed's factor */
    weft_atomic_ptr array;
    weft_i_atomic_size number;   /* arrays with a lower number may be retired, others are not */
    weft_atomic_ptr stripes;     /* NULL: only `first` */
    weft_i_map_kinds *kinds;     /* NULL: no destructor */
    weft_i_atomic_size reserved; /* the bits below which the table does not shrink */
    weft_i_table_bucket zero;    /* the one key that is mixed to 0, as 1; always OPEN */
    weft_i_table_stripe first;
    WEFT_I_LIFE
};

/* The end of a chain that was retired. */
#define WEFT_I_TABLE_CLOSED ((void *)(uintptr_t)1)

/* ---- keys ---- */

#define WEFT_I_TABLE_FACTOR UINT64_C(0x9e3779b97f4a7c15)
#define WEFT_I_TABLE_FACTOR_INVERSE UINT64_C(0xf1de83e19937733d)

/* As weft_i_map_hash_integer. */
weft_i_inline uint64_t weft_i_table_mix(const weft_table *table, uint64_t key)
{
    uint64_t h = (key ^ table->seed.k0) * (table->seed.k1 | 1);
    return (h ^ h >> 32) * WEFT_I_TABLE_FACTOR;
}

weft_i_inline uint64_t weft_i_table_unmix(const weft_table *table, uint64_t mixed)
{
    uint64_t h = mixed * WEFT_I_TABLE_FACTOR_INVERSE;
    return ((h ^ h >> 32) * table->inverse) ^ table->seed.k0;
}

weft_i_inline size_t weft_i_table_bits(const weft_i_table_array *array)
{
    return 64 - array->shift;
}

#endif
