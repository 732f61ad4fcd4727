/*
 * private. A thread's part of a domain: what it has retired, what is ready to be reclaimed, its caches of nodes, its
 * counters. Only the owner touches the lists, with plain loads and stores; a barrier may take them away.
 *
 * The owner's right. It sets `busy`, light fence, looks at `stolen`; a thief sets `stolen`, heavy fence, waits for
 * `busy` to be 0: Dekker's argument with the fence on the thief's side only. `busy` is never held over a callback. An
 * owner that finds itself stolen does not wait: it retires to the domain's orphan list instead.
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
    weft_i_atomic_size retired, reclaimed, retired_bytes, reclaimed_bytes, allocated;
} weft_i_counters;

struct weft_i_local {
    weft_domain *domain;
    weft_i_atomic_int busy, stolen;
    size_t room; /* may be retired before the next scan */
    size_t range_bytes; /* of retired objects that told their size, after the last scan */
    weft_i_bags bags;
    weft_i_list ready;
    weft_i_list cache[WEFT_I_CLASSES];
    weft_i_counters counters;
    weft_i_atomic_size callbacks; /* odd: a callback runs */
    weft_i_batch sealed[WEFT_SEALED];
    int sealed_count;
    weft_i_record *owner; /* under the domain's `owners` */
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
    weft_i_atomic_int barrier;
    weft_i_atomic_int shared_callbacks; /* running now */
    weft_i_atomic_size pending_peak;
    weft_i_hook *_Atomic depot[WEFT_I_CLASSES][WEFT_DEPOT]; /* full magazines */
};

/* clang-format off */
#ifndef LOCAL_A1
#define LOCAL_A1 memory_order_acquire /* stolen? -> LOCAL_R2: sees the lists as the thief left them */
#endif
#ifndef LOCAL_R1
#define LOCAL_R1 memory_order_release /* no longer busy -> LOCAL_A2: what the owner did to its lists comes before */
#endif
#ifndef LOCAL_A2
#define LOCAL_A2 memory_order_acquire /* thief: busy? -> LOCAL_R1: sees the lists as the owner left them */
#endif
#ifndef LOCAL_R2
#define LOCAL_R2 memory_order_release /* no longer stolen -> LOCAL_A1: what the thief did to the lists comes before */
#endif
/* clang-format on */

extern const weft_i_kind weft_i_recycle[WEFT_I_CLASSES];

weft_i_local *weft_i_local_find(weft_domain *domain);
void weft_i_retire_orphan(weft_domain *domain, weft_i_hook *hook);
void weft_i_collect(weft_i_local *local);
void weft_i_drain(weft_i_local *local, size_t most);
/* Gives back a node that nobody else has seen. */
void weft_i_node_free(weft_domain *domain, weft_i_local *local, int node_class, void *node);
void *weft_i_node_alloc_slow(weft_i_local *local, weft_domain *domain, int node_class);
void *weft_i_alloc(weft_domain *domain, size_t size, size_t alignment);
void weft_i_free(weft_domain *domain, void *memory, size_t size);
/* Zeroed; mapped, and with huge pages where there are, from WEFT_MAP_FROM bytes on. */
void *weft_i_alloc_zeroed(weft_domain *domain, size_t size);
void weft_i_free_zeroed(weft_domain *domain, void *memory, size_t size);

/* The caller's local in the domain; NULL: it has none and cannot have one. */
weft_i_inline weft_i_local *weft_i_local_get(weft_domain *domain)
{
    weft_i_record *record = (weft_i_record *)(void *)weft_i_self();
    weft_i_hint *hint = &record->hint[domain->id % WEFT_HINTS];
    return weft_i_likely(hint->id == domain->id) ? (weft_i_local *)hint->local : weft_i_local_find(domain);
}

weft_i_inline void weft_i_count(weft_i_atomic_size *counter, size_t n)
{
    /* relaxed: one writer; readers want a figure, not an order */
    weft_i_store(counter, weft_i_load(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* False: a thief has the lists. */
weft_i_inline bool weft_i_local_enter(weft_i_local *local)
{
    /* relaxed: the fence orders it before the look at `stolen` */
    weft_i_store(&local->busy, 1, memory_order_relaxed);
    weft_i_light_fence(weft_i_self());
    if (weft_i_likely(!weft_i_load(&local->stolen, LOCAL_A1)))
        return true;
    weft_i_store(&local->busy, 0, LOCAL_R1);
    return false;
}

weft_i_inline void weft_i_local_leave(weft_i_local *local)
{
    weft_i_store(&local->busy, 0, LOCAL_R1);
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

weft_i_inline void weft_i_retire_sized(weft_domain *domain, weft_i_local *local, weft_i_hook *hook,
                                       const weft_i_kind *kind, size_t size, bool range)
{
    hook->kind = kind;
    if (weft_i_unlikely(!local) || weft_i_unlikely(!weft_i_local_enter(local))) {
        weft_i_retire_orphan(domain, hook);
        return;
    }
    weft_i_list_push(&local->bags.of[kind->bag], hook);
    weft_i_count(&local->counters.retired, 1);
    weft_i_count(&local->counters.retired_bytes, size);
    if (range && (local->range_bytes += size) >= WEFT_BATCH_BYTES)
        local->room = 1;
    bool full = local->room <= 1, ready = local->ready.head != NULL;
    local->room--;
    weft_i_local_leave(local);
    if (weft_i_unlikely(full))
        weft_i_collect(local);
    else if (ready)
        weft_i_drain(local, 2);
}

/* Retires a node that is wholly unlinked. Cannot fail. */
weft_i_inline void weft_i_retire(weft_domain *domain, weft_i_local *local, weft_i_hook *hook, const weft_i_kind *kind)
{
    weft_i_retire_sized(domain, local, hook, kind, kind->size, false);
}

/* A node's memory, from the thread's cache when it has one. NULL: out of memory. */
weft_i_inline void *weft_i_node_alloc(weft_domain *domain, weft_i_local *local, int node_class)
{
    if (weft_i_likely(local != NULL)) {
        weft_i_list *cache = &local->cache[node_class];
        weft_i_hook *hook = cache->head;
        if (weft_i_likely(hook != NULL)) {
            cache->head = hook->next;
            cache->count--;
            weft_i_compiler_fence(); /* a fork finds no node in a cache that is written to */
            return hook;
        }
    }
    return weft_i_node_alloc_slow(local, domain, node_class);
}

#endif
