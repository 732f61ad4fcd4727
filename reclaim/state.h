/*
 * private. What a domain is made of: one place per thread and two of its own. A place holds objects that are retired
 * and not yet reclaimed.
 *
 * The way of an object: retired -> bag -> (sealed; compared with what guards hold) -> ready -> reclaimed. A thread's
 * place holds what the thread has retired; each retirement does a little of the work. Orphans are the objects of
 * threads that ended, that have no place, or whose lists a barrier has. They go to the domain's place `shared`; the
 * thread that brings the last orphan of a batch works on them. What a barrier waits for goes to the place `barrier`. So
 * objects move one way only, place -> orphans -> shared -> barrier, and a barrier that visits all of them in this order
 * misses none. (A barrier that gives up makes orphans of what it has, before it ends.)
 *
 * Rights. Only the thread that has the right to a place's lists touches them, with plain loads and stores. The right to
 * a thread's place: the owner is busy, which means that it takes its record's `operation` slot, passes a light fence,
 * and loads `attention`. A taker (a barrier, which takes the lists of all threads) adds to `attention`, passes a heavy
 * fence, and waits until the slot is free. This is Dekker's argument with the fence on the taker's side only. No thread
 * is busy while it runs a callback. The right to one of the domain's own places: a word that holds the thread's id.
 * (record.h has the order of locks.)
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
/* So many segments count as a batch, since they are large; a thread's cache keeps twice as many. */
#ifndef WEFT_SEGMENTS
#define WEFT_SEGMENTS 8
#endif
/* Lists of nodes, of about a batch each, that a domain keeps per class for threads that need them. */
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
/* Retirements for which a scan waits for the answers of threads before it interrupts them. 0: it does not wait. */
#ifndef WEFT_PATIENCE
#define WEFT_PATIENCE (1 + WEFT_BATCH / 2)
#endif
/* Sealed batches that a place holds at most, under epochs. */
#ifndef WEFT_SEALED
#define WEFT_SEALED 8
#endif
/* Hazards that a scan compares with at once, and the size of its Bloom filter in words of 64 bits. */
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
    const weft_i_words *words; /* never followed: the memory of a linked guard may be gone */
    uintptr_t value;
    int thread;
} weft_i_held;

typedef enum weft_i_stage {
    WEFT_I_IDLE,    /* no scan is under way */
    WEFT_I_WAITS,   /* waits until all threads have passed a fence */
    WEFT_I_COMPARES /* compares with the hazards read last */
} weft_i_stage;

/* The state of a scan between two steps. */
typedef struct weft_i_scan {
    weft_i_stage stage;
    weft_i_ticket ticket; /* WAITS, as the next */
    size_t patience;
    weft_i_bags maybe;          /* hazard pointers: to be compared with the hazards read last */
    weft_i_bags passed;         /* not held by any read so far */
    bool last;                  /* all hazards have been read */
    bool met_linked;            /* linked guards are being read */
    size_t linked_below;        /* then: those with a lower number are still to be read */
    weft_i_record *next_record; /* NULL: all have been read */
    int next_slot;
    weft_i_held hazard[WEFT_SCAN_WORDS];
    uint64_t bloom[WEFT_SCAN_BLOOM];
    size_t hazards, total, before;    /* hazards read last; by this scan so far; by the scan before it */
    weft_i_blocker known;             /* the domain's blocker as the scan began */
    weft_i_blocker blocker;           /* `known` if it still holds objects back, or else the first guard that does */
    weft_i_batch sealed[WEFT_SEALED]; /* epochs */
    int sealed_count;
} weft_i_scan;

/*
 * Modulo 2^n, since one thread may reclaim what another has retired. All threads read them. Those of a thread's place
 * are written by that thread alone, those of `shared` by all.
 */
typedef struct weft_i_counters {
    weft_i_atomic_size granted, reclaimed, retired_bytes, reclaimed_bytes, allocated;
} weft_i_counters;

/* A thread's place in a domain, or one of the domain's own; lives as long as the domain. */
typedef struct weft_i_local weft_i_local;
struct weft_i_local {
    weft_domain *domain;
    weft_i_record *record; /* stays the same when the record's owner changes; NULL: one of the domain's own places */
    weft_i_atomic_size
        room;           /* retirements before the next maintenance; counters.granted - room is their number so far */
    size_t left;        /* further retirements, after `room`, before the next scan begins */
    size_t range_bytes; /* of the objects in `bags` that were retired with their size, or as if of segments */
    weft_i_bags bags;
    weft_i_bags ready;
    unsigned surplus; /* bit c: `ready` may have nodes of class c; a hint of the owner's */
    size_t kept;      /* nodes in the caches after the last step; SIZE_MAX: one of these was empty since */
    weft_i_list cache[WEFT_I_CLASSES];
    weft_i_counters counters;
    weft_i_atomic_size callbacks; /* odd: a callback runs */
    bool attached;                /* the record's owner uses the place; under the domain's `owners`, as the next two */
    size_t round, saw;            /* the last barrier that took its lists, and `callbacks` then */
    weft_i_local *_Atomic next;
    weft_i_scan scan;
    size_t span, least; /* retirements until this span ends; the fewest ready nodes that there were in it */
    size_t idle;        /* ready nodes that were not taken in the last span: they go back to the allocator */
};

struct weft_domain {
    weft_i_domain_head head; /* first: published */
    uint64_t id;
    weft_allocator allocator;
    weft_domain *next; /* under the lock of domains, as the next */
    size_t visitors;   /* ending threads that are at work in the domain, which must not be destroyed meanwhile */
    bool closing;      /* it is being destroyed: no further ending thread visits it */
    weft_i_atomic_size users;
    weft_i_local *_Atomic locals;
    weft_i_aligned weft_i_mutex owners; /* of `attached` in all places, and the barrier's round */
    weft_i_local shared;                /* the place for orphans */
    weft_i_aligned weft_i_mutex linked_lock;
    weft_guard *_Atomic linked;
    size_t linked_next; /* the number of the guard that was linked last; under linked_lock */
    weft_i_mutex blocker_lock;
    weft_i_blocker blocker;
    weft_i_aligned weft_i_hook *_Atomic orphans;
    weft_i_hook *adopted;            /* orphans on their way into lists; with the right to `shared` */
    weft_i_atomic_size orphan_count; /* in `orphans`, and ready in `shared` */
    weft_i_atomic_int shared_right;  /* the id of the thread that has the right; 0: none */
    weft_i_atomic_int barrier_right;
    weft_i_atomic_size shared_callbacks[2]; /* that run now: begun since the last barrier took `shared`, or before */
    int side;                               /* counts those begun since; with the right to `shared` */
    size_t round;
    weft_i_atomic_size pending_peak;
    weft_i_hook *_Atomic depot[WEFT_I_CLASSES][WEFT_DEPOT]; /* the first node of each magazine */
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
