/*
 * private. A thread's part of a domain: what it has retired, what is ready to be reclaimed, its caches of nodes, its
 * counters. Only the owner touches the lists, with plain loads and stores; a barrier may take them away.
 *
 * The owner's right. It is busy: takes its record's `operation` slot, light fence, looks at `attention`; a thief adds to
 * that, heavy fence, waits for the slot to be free: Dekker's argument with the fence on the thief's side only. Nobody is
 * busy over a callback. An owner that finds itself called does not wait: it retires to the domain's orphans instead.
 *
 * The way of an object: retired -> bag -> (a scan: nobody holds it) -> ready -> reclaimed, two per later call. Nodes
 * of queues, stacks and maps that own nothing go from the bag to the cache, all at once, and are allocated from there.
 */
#ifndef WEFT_RECLAIM_LOCAL_H
#define WEFT_RECLAIM_LOCAL_H

#include <weft/base/record.h>
#include <weft/reclaim/domain.h>

#ifndef WEFT_BATCH
#define WEFT_BATCH 1024
#endif
#ifndef WEFT_BATCH_BYTES
#define WEFT_BATCH_BYTES (4u << 20)
#endif
/* Lists of about a batch of nodes that wait in the domain for a thread that needs them. */
#ifndef WEFT_DEPOT
#define WEFT_DEPOT 4
#endif
#ifndef WEFT_MAP_FROM
#define WEFT_MAP_FROM (2u << 20)
#endif
/* How often a barrier yields to a thread inside an operation before it tries the others. */
#ifndef WEFT_THIEF_TURNS
#define WEFT_THIEF_TURNS 100
#endif
/* Batches under epochs that wait for readers of different ages. */
#ifndef WEFT_SEALED
#define WEFT_SEALED 8
#endif

typedef struct weft_i_local weft_i_local;

/* Sizes of nodes, and what is not recycled. */
enum { WEFT_I_SMALL, WEFT_I_LARGE, WEFT_I_CLASSES, WEFT_I_OTHER = WEFT_I_CLASSES, WEFT_I_BAGS };
#define WEFT_I_SMALL_SIZE (4 * sizeof(void *))
#define WEFT_I_LARGE_SIZE (4 * sizeof(void *) + 32)

/* What a scan compares with the hazards. */
typedef enum weft_i_shape {
    WEFT_I_NODE,  /* the hook's own address */
    WEFT_I_ENTRY, /* that, and the pointer at `also` in the node */
    WEFT_I_RANGE  /* a weft_hook's object and size */
} weft_i_shape;

typedef struct weft_i_kind {
    void (*reclaim)(weft_i_hook *hook, weft_domain *domain); /* NULL: recycle into the class's cache */
    size_t size;                                             /* of a node, for the statistics */
    weft_i_shape shape;
    int bag; /* WEFT_I_OTHER when there is a callback */
    size_t also;
} weft_i_kind;

typedef struct weft_i_list {
    weft_i_hook *head, *tail;
    size_t count;
} weft_i_list;

typedef struct weft_i_bags {
    weft_i_list of[WEFT_I_BAGS];
} weft_i_bags;

typedef struct weft_i_batch {
    weft_i_bags bags;
    size_t epoch; /* a guard of this epoch or an earlier one may hold what is inside */
} weft_i_batch;

/* Written by one thread, read by all; modulo 2^n, since what one thread retires another reclaims. */
typedef struct weft_i_counters {
    weft_i_atomic_size granted, reclaimed, retired_bytes, reclaimed_bytes, allocated;
} weft_i_counters;

struct weft_i_local {
    weft_domain *domain;
    weft_i_atomic_size room; /* may be retired before maintenance; counters.granted - room have been */
    size_t left;             /* and these after that, before the next scan */
    size_t range_bytes; /* of retired objects that told their size, after the last scan */
    weft_i_bags bags;
    weft_i_list ready;
    weft_i_list cache[WEFT_I_CLASSES];
    weft_i_counters counters;
    weft_i_atomic_size callbacks; /* odd: a callback runs */
    weft_i_batch sealed[WEFT_SEALED];
    int sealed_count;
    size_t round; /* the last barrier that took its lists; under the domain's `owners`, as the next */
    weft_i_record *owner;
    weft_i_local *_Atomic next;
};

typedef struct weft_i_blocker {
    const weft_i_words *words; /* NULL: none */
    uintptr_t value;
    int thread;
    uint64_t since_ns;
} weft_i_blocker;

struct weft_domain {
    weft_i_domain_head head; /* first: published */
    uint64_t id;
    weft_allocator allocator;
    weft_domain *next; /* under the registry's lock */
    weft_i_atomic_size users;
    weft_i_local *_Atomic locals;
    weft_i_aligned weft_i_mutex owners; /* who owns which local, and `shared`; never held over a callback */
    weft_i_local shared;                /* of the threads that have no local, and of those that ended */
    weft_i_aligned weft_i_mutex linked_lock; /* by weft_i_lock_linked; taken after `owners` */
    weft_guard *_Atomic linked;
    weft_i_mutex blocker_lock; /* taken after `owners` */
    weft_i_blocker blocker;
    weft_i_aligned weft_i_hook *_Atomic orphans; /* retired by them, not yet in `shared` or adopted by a scan */
    weft_i_atomic_size orphan_count;
    weft_i_atomic_int barrier; /* the thread that runs one: orphans are its; 0: none */
    size_t round;              /* its number; under `owners` */
    weft_i_atomic_int shared_callbacks; /* running now */
    weft_i_atomic_size pending_peak;
    weft_i_hook *_Atomic depot[WEFT_I_CLASSES][WEFT_DEPOT]; /* full magazines */
};

/* clang-format off */
#ifndef LOCAL_A1
#define LOCAL_A1 memory_order_acquire /* called? -> LOCAL_R2: sees the lists as the thief left them */
#endif
#ifndef LOCAL_R1
#define LOCAL_R1 memory_order_release /* no longer busy -> LOCAL_A2: what the owner did to its lists comes before */
#endif
#ifndef LOCAL_A2
#define LOCAL_A2 memory_order_acquire /* thief: busy? -> LOCAL_R1: sees the lists as the owner left them */
#endif
#ifndef LOCAL_R2
#define LOCAL_R2 memory_order_release /* thief has done -> LOCAL_A1: what it did to the lists comes before */
#endif
#ifndef COUNT_R1
#define COUNT_R1 memory_order_release /* grant -> COUNT_A1: the room made comes before, so that no more seems retired than was */
#endif
/* clang-format on */

/* Kinds of nodes that own nothing; in the header, so that their fields are constants to the compiler. */
static const weft_i_kind weft_i_recycle[WEFT_I_CLASSES] = {
    {NULL, WEFT_I_SMALL_SIZE, WEFT_I_NODE, WEFT_I_SMALL, 0},
    {NULL, WEFT_I_LARGE_SIZE, WEFT_I_NODE, WEFT_I_LARGE, 0},
};

WEFT_I_PRIVATE weft_i_local *weft_i_local_find(weft_domain *domain);
WEFT_I_PRIVATE void weft_i_retire_orphan(weft_domain *domain, weft_i_hook *hook);
/* After a retirement that said so: scans, or reclaims what is ready. `local` may be NULL. True. */
WEFT_I_PRIVATE bool weft_i_maintain(weft_domain *domain, weft_i_local *local);
/* The lists may be used although the thread is called to attention. */
WEFT_I_PRIVATE bool weft_i_attend(weft_i_record *record);
/* Gives back a node that nobody else has seen. */
WEFT_I_PRIVATE void weft_i_node_free(weft_domain *domain, weft_i_local *local, int node_class, void *node);
WEFT_I_PRIVATE void *weft_i_node_alloc_slow(weft_i_local *local, weft_domain *domain, int node_class);
WEFT_I_PRIVATE void *weft_i_alloc(weft_domain *domain, size_t size, size_t alignment);
WEFT_I_PRIVATE void weft_i_free(weft_domain *domain, void *memory, size_t size);
/* Zeroed; mapped, and with huge pages where there are, from WEFT_MAP_FROM bytes on. */
WEFT_I_PRIVATE void *weft_i_alloc_zeroed(weft_domain *domain, size_t size);
WEFT_I_PRIVATE void weft_i_free_zeroed(weft_domain *domain, void *memory, size_t size);

weft_i_inline weft_i_record *weft_i_own_record(void)
{
    return (weft_i_record *)(void *)weft_i_self();
}

/* The caller's local in the domain; NULL: none has been made, or it is not at hand. */
weft_i_inline weft_i_local *weft_i_local_peek(weft_domain *domain)
{
    weft_i_hint *hint = &weft_i_own_record()->hint[domain->id % WEFT_HINTS];
    return weft_i_likely(hint->id == domain->id) ? (weft_i_local *)hint->local : NULL;
}

/* The caller's local in the domain; NULL: it has none and cannot have one. */
weft_i_inline weft_i_local *weft_i_local_get(weft_domain *domain)
{
    weft_i_local *local = weft_i_local_peek(domain);
    return weft_i_likely(local != NULL) ? local : weft_i_local_find(domain);
}

weft_i_inline void weft_i_count(weft_i_atomic_size *counter, size_t n)
{
    /* relaxed: one writer; readers want a figure, not an order */
    weft_i_store(counter, weft_i_load(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* Busy, and after a light fence: are the lists this thread's? */
weft_i_inline bool weft_i_may_use_lists(weft_i_record *record)
{
    return weft_i_likely(!weft_i_load(&record->thread.attention, LOCAL_A1)) || weft_i_attend(record);
}

weft_i_inline void weft_i_busy_end(void)
{
    weft_i_store(&weft_i_own_record()->operation.domain, NULL, LOCAL_R1);
}

/* Outside operations. False: a thief has the lists. */
weft_i_inline bool weft_i_busy_begin(weft_domain *domain)
{
    weft_i_record *record = weft_i_own_record();
    weft_i_store(&record->operation.domain, (void *)domain, GUARD_R1);
    weft_i_light_fence(&record->thread); /* before the look at `attention` */
    if (weft_i_likely(weft_i_may_use_lists(record)))
        return true;
    weft_i_busy_end();
    return false;
}

weft_i_inline void weft_i_list_push(weft_i_list *list, weft_i_hook *hook)
{
    hook->next = list->head;
    if (!list->head)
        list->tail = hook;
    weft_i_compiler_fence(); /* a fork finds the list whole at any moment */
    list->head = hook;
    list->count++;
}

/* With the right to the lists. True: call weft_i_maintain once no longer busy. */
weft_i_inline bool weft_i_retire_busy(weft_i_local *local, weft_i_hook *hook, const weft_i_kind *kind, size_t size)
{
    hook->kind = kind;
    weft_i_list_push(&local->bags.of[kind->bag], hook);
    weft_i_count(&local->counters.retired_bytes, size);
    /* relaxed: this thread's; readers want a figure */
    size_t room = weft_i_load(&local->room, memory_order_relaxed) - 1;
    weft_i_store(&local->room, room, memory_order_relaxed); /* relaxed: likewise */
    return (ptrdiff_t)room <= 0;
}

/* Retires what is wholly unlinked, outside operations. Cannot fail. */
WEFT_I_PRIVATE void weft_i_retire(weft_domain *domain, weft_i_local *local, weft_i_hook *hook, const weft_i_kind *kind, size_t size);

/*
 * One attempt at an operation that runs no code of the user's: a slot of its own, the right to the lists, no fences. The
 * public function makes it, and calls nothing that returns to it, so that it saves no registers; what goes another way
 * than usual goes to a function of its own, which does the operation with guards.
 */
typedef struct weft_i_attempt {
    weft_i_local *local;
    weft_i_hold hold;
} weft_i_attempt;

typedef enum weft_i_outcome {
    WEFT_I_DONE,
    WEFT_I_EMPTY,
    WEFT_I_AGAIN, /* something has moved on */
    WEFT_I_LOST   /* to another thread: back off */
} weft_i_outcome;

/* False: no local yet, or the thread is called to attention. */
weft_i_inline bool weft_i_attempt_begin(weft_i_attempt *attempt, weft_domain *domain, weft_scheme scheme)
{
    weft_i_record *record = weft_i_own_record();
    weft_i_local *local = weft_i_local_peek(domain);
    if (weft_i_unlikely(!local))
        return false;
    *attempt = (weft_i_attempt){local, {&record->operation, NULL}};
    weft_i_store(&record->operation.domain, (void *)domain, GUARD_R1);
    /* before the look at `attention`: if that is 0, a mode without membarrier has not begun, or reclaims nothing before
       this thread has passed a fence in a later operation */
    weft_i_compiler_fence();
    if (weft_i_unlikely(weft_i_load(&record->thread.attention, LOCAL_A1))) {
        weft_i_busy_end();
        return false;
    }
    if (scheme == WEFT_EPOCH)
        weft_i_publish_epoch(attempt->hold, domain);
    return true;
}

/* The same for an operation that only reads, and so needs no lists; first ask whether the thread is at its ease. */
weft_i_inline weft_i_hold weft_i_reading_begin(weft_domain *domain, weft_scheme scheme)
{
    weft_i_hold hold = {&weft_i_own_record()->operation, NULL};
    weft_i_store(&hold.slot->domain, (void *)domain, GUARD_R1);
    if (scheme == WEFT_EPOCH)
        weft_i_publish_epoch(hold, domain);
    return hold;
}

/* It has a record, and publishes without fences for as long as one operation takes. */
weft_i_inline bool weft_i_at_ease(void)
{
    /* relaxed: as in weft_i_light_fence */
    return !weft_i_load(&weft_i_self()->attention, memory_order_relaxed);
}

weft_i_inline void weft_i_attempt_end(weft_i_hold hold)
{
    weft_i_store(&hold.slot->words.word[0], NULL, GUARD_R4);
    weft_i_store(&hold.slot->domain, NULL, LOCAL_R1);
}

/* A node from the thread's cache; NULL: it is empty. */
weft_i_inline void *weft_i_cache_pop(weft_i_local *local, int node_class)
{
    weft_i_list *cache = &local->cache[node_class];
    weft_i_hook *hook = cache->head;
    if (weft_i_likely(hook != NULL)) {
        cache->head = hook->next;
        cache->count--;
        weft_i_compiler_fence(); /* a fork finds no node in a cache that is written to */
    }
    return hook;
}

/* A node's memory, from the thread's cache when it has one. NULL: out of memory. */
weft_i_inline void *weft_i_node_alloc(weft_domain *domain, weft_i_local *local, int node_class)
{
    void *node = weft_i_likely(local != NULL) ? weft_i_cache_pop(local, node_class) : NULL;
    return weft_i_likely(node != NULL) ? node : weft_i_node_alloc_slow(local, domain, node_class);
}

#endif
