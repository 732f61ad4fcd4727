/*
 * private. What a domain is made of: a place per thread and two of its own, each with what was retired and is on its way.
 *
 * The way of an object: retired -> bag -> (sealed; compared with what guards hold) -> ready -> reclaimed. A thread's place works
 * on what the thread has retired, a little with each retirement. Orphans (of threads that ended, that have no place, or that a
 * barrier keeps from theirs) go to the domain's `shared` place, for which whoever brings the last of a batch works; what a barrier
 * waits for goes to the place `barrier`. So objects move one way only, place -> orphans -> shared -> barrier, and a barrier that
 * has been to all of them in this order has missed none. (A barrier that gives up makes orphans of what it has, before it ends.)
 *
 * Rights. Only who has the right touches a place's lists, with plain loads and stores. A thread's place: the owner is busy,
 * that is, takes its record's `operation` slot, light fence, looks at `attention`; a taker (a barrier, which takes the lists of
 * all) adds to that, heavy fence, waits for the slot to be free: Dekker's argument with the fence on the taker's side only. Nobody
 * is busy over a callback. The domain's own places: a word that holds the thread's id. (record.h has the order of locks.)
 */
#ifndef WEFT_RECLAIM_STATE_H
#define WEFT_RECLAIM_STATE_H

#include <weft/reclaim/list.h>
#include <weft/reclaim/misuse.h>
#include <weft/reclaim/record.h>

#ifndef WEFT_BATCH
#define WEFT_BATCH 1024
#endif
#ifndef WEFT_BATCH_BYTES
#define WEFT_BATCH_BYTES (4u << 20)
#endif
/* Nodes of a class that a thread keeps for its next allocations. */
#ifndef WEFT_CACHE
#define WEFT_CACHE (2 * WEFT_BATCH)
#endif
/* Lists of about a batch of nodes that wait in the domain for a thread that needs them. */
#ifndef WEFT_DEPOT
#define WEFT_DEPOT 4
#endif
#ifndef WEFT_MAP_FROM
#define WEFT_MAP_FROM (2u << 20)
#endif
/* How often a barrier yields to a thread inside an operation before it tries the others. */
#ifndef WEFT_TAKER_TURNS
#define WEFT_TAKER_TURNS 100
#endif
/* Retirements for which a scan waits for threads to come by, before it interrupts them. 0: it does not wait. */
#ifndef WEFT_PATIENCE
#define WEFT_PATIENCE (1 + WEFT_BATCH / 2)
#endif
/* Batches under epochs that wait for readers of different ages. */
#ifndef WEFT_SEALED
#define WEFT_SEALED 8
#endif
/* Hazards that a scan compares with at once, and the bits, times 64, by which it first asks. */
#ifndef WEFT_SCAN_WORDS
#define WEFT_SCAN_WORDS 128
#endif
#ifndef WEFT_SCAN_BLOOM
#define WEFT_SCAN_BLOOM 16
#endif

typedef struct weft_i_batch {
    weft_i_bags bags;
    size_t epoch; /* a guard of this epoch or an earlier one may hold what is inside */
} weft_i_batch;

typedef struct weft_i_blocker {
    const weft_i_words *words; /* NULL: none */
    uintptr_t value;           /* of word[0], to tell a guard from the next one in its slot */
    int thread;
    uint64_t since_ns;
} weft_i_blocker;

typedef struct weft_i_held {
    uintptr_t address;
    const weft_i_words *words; /* not read again: a guard's own memory may be gone */
    uintptr_t value;
    int thread;
} weft_i_held;

typedef enum weft_i_stage {
    WEFT_I_RESTS,
    WEFT_I_ASKS,    /* whether all have passed a fence since */
    WEFT_I_COMPARES /* with the hazards read so far */
} weft_i_stage;

/* What a scan has got to, from one step to the next. */
typedef struct weft_i_scan {
    weft_i_stage stage;
    size_t ticket, patience; /* ASKS */
    weft_i_bags maybe;       /* hazard pointers: to be compared with the hazards read last */
    weft_i_bags passed;      /* not held by any read so far */
    bool last;               /* all hazards have been read */
    bool met_linked;         /* the guards linked by `linked_below` are being read */
    size_t linked_below;
    weft_i_record *next_record; /* NULL: all have been read */
    int next_slot;
    weft_i_held hazard[WEFT_SCAN_WORDS];
    uint64_t bloom[WEFT_SCAN_BLOOM];
    size_t hazards, total, before;    /* read last; by this scan; by the one before it */
    weft_i_blocker known;             /* as noted by earlier scans */
    weft_i_blocker blocker;           /* that one if it is still in the way, or else the first one met */
    weft_i_batch sealed[WEFT_SEALED]; /* epochs */
    int sealed_count;
} weft_i_scan;

/* Written by one thread, read by all; modulo 2^n, since what one thread retires another reclaims. */
typedef struct weft_i_counters {
    weft_i_atomic_size granted, reclaimed, retired_bytes, reclaimed_bytes, allocated;
} weft_i_counters;

/* A thread's place in a domain, or one of the domain's own; lives as long as the domain. */
typedef struct weft_i_local weft_i_local;
struct weft_i_local {
    weft_domain *domain;
    weft_i_record *record;   /* whose it is, whoever owns that; NULL: the domain's own */
    weft_i_atomic_size room; /* may be retired before maintenance; counters.granted - room have been */
    size_t left;             /* and these after that, before the next batch is sealed */
    size_t range_bytes;      /* of retired objects that told their size, in `bags` */
    weft_i_bags bags;
    weft_i_bags ready;
    unsigned surplus; /* classes of nodes of which some may be there: a hint, the owner's */
    size_t kept;      /* in the caches after the last step; SIZE_MAX: one was empty since */
    weft_i_list cache[WEFT_I_CLASSES];
    weft_i_counters counters;
    weft_i_atomic_size callbacks; /* odd: a callback runs */
    bool attached;                /* by the record's present owner; under the domain's `owners`, as the next */
    size_t round, saw;            /* the last barrier that took its lists, and `callbacks` then */
    weft_i_local *_Atomic next;
    weft_i_scan scan;
    size_t span, least; /* retirements in which the nodes that are ready will be looked at, and the fewest that were */
    size_t idle;        /* of them that nobody took in the last span: they go back */
};

struct weft_domain {
    weft_i_domain_head head; /* first: published */
    uint64_t id;
    weft_allocator allocator;
    weft_domain *next; /* under the lock of domains, as the next */
    size_t visitors;   /* threads that end and are at this domain: it must not go */
    bool closing;      /* it is being destroyed: no more of them come */
    weft_i_atomic_size users;
    weft_i_local *_Atomic locals;
    weft_i_aligned weft_i_mutex owners; /* who is attached to which local, and the barrier's round */
    weft_i_local shared;                /* of the threads that have no place, and of those that ended */
    weft_i_aligned weft_i_mutex linked_lock;
    weft_guard *_Atomic linked;
    size_t linked_next; /* the number of the next one to be linked; under its lock */
    weft_i_mutex blocker_lock;
    weft_i_blocker blocker;
    weft_i_aligned weft_i_hook *_Atomic orphans;
    weft_i_atomic_size orphan_count; /* there, and ready in `shared` */
    weft_i_atomic_int shared_right;  /* the thread that has it; 0: none */
    weft_i_atomic_int barrier_right;
    weft_i_atomic_size shared_callbacks[2]; /* running now: those since the last barrier looked, and those before */
    int side;                               /* which of them counts; with the right to `shared` */
    size_t round;
    weft_i_atomic_size pending_peak;
    weft_i_hook *_Atomic depot[WEFT_I_CLASSES][WEFT_DEPOT]; /* full magazines */
    weft_i_local barrier;
    uintptr_t alive; /* WEFT_I_ALIVE until it is destroyed */
};

weft_i_inline void weft_i_count(weft_i_atomic_size *counter, size_t n)
{
    /* relaxed: one writer; readers want a figure, not an order */
    weft_i_store(counter, weft_i_load(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

weft_i_inline void weft_i_count_reclaimed(weft_i_local *local, size_t count, size_t bytes)
{
    weft_i_count(&local->counters.reclaimed, count);
    weft_i_count(&local->counters.reclaimed_bytes, bytes);
}

#endif
