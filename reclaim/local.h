/*
 * private. What structures use of reclamation: the caller's place in the domain, retiring there, nodes from its cache, and
 * attempts at operations. reclaim/state.h has the way of a retired object.
 */
#ifndef WEFT_RECLAIM_LOCAL_H
#define WEFT_RECLAIM_LOCAL_H

#include <weft/base/backoff.h>
#include <weft/reclaim/cache.h>
#include <weft/reclaim/collect.h>
#include <weft/reclaim/registry.h>
#include <weft/reclaim/right.h>

/* Kinds of nodes that own nothing; in the header, so that their fields are constants to the compiler. */
static const weft_i_kind weft_i_recycle[WEFT_I_CLASSES] = {
    {NULL, WEFT_I_SMALL_SIZE, WEFT_I_NODE, WEFT_I_SMALL, 0},
    {NULL, WEFT_I_LARGE_SIZE, WEFT_I_NODE, WEFT_I_LARGE, 0},
    {NULL, WEFT_I_LARGE_SIZE, WEFT_I_NODE, WEFT_I_BRIEF, 0},
    {NULL, WEFT_I_SEGMENT_SIZE, WEFT_I_NODE, WEFT_I_SEGMENT, 0},
};

/* Finds or makes the caller's place. NULL: it has none and cannot have one. Lock-free if it has been made before. */
WEFT_I_PRIVATE weft_i_local *weft_i_local_find(weft_domain *domain);

/* Does a step of maintenance, after a retirement that has asked for it. Always returns true. */
WEFT_I_PRIVATE bool weft_i_maintain(weft_domain *domain);

/* Retires an object that is wholly unlinked. The calling operation holds no guard. `local` may be NULL. Cannot fail. */
WEFT_I_PRIVATE void weft_i_retire(weft_domain *domain, weft_i_local *local, weft_i_hook *hook, const weft_i_kind *kind,
                                  size_t size);

/*
 * The same, but the calling operation holds guards. Runs no callback, since a callback may end the thread, and with it
 * the memory of linked guards. The caller must leave its guards and then call weft_i_catch_up or, if this returned
 * true, weft_i_maintain.
 */
WEFT_I_PRIVATE bool weft_i_retire_held(weft_domain *domain, weft_i_local *local, weft_i_hook *hook,
                                       const weft_i_kind *kind, size_t size);

/* The same for a list of nodes of one kind, which share the cost of taking the right to the lists. */
WEFT_I_PRIVATE void weft_i_retire_list_held(weft_domain *domain, weft_i_local *local, weft_i_list *list,
                                            const weft_i_kind *kind);

/* The caller's place in the domain. NULL: none has been made, or no hint leads to it. */
weft_i_inline weft_i_local *weft_i_local_peek(weft_domain *domain)
{
    weft_i_hint *hint = &weft_i_own_record()->hint[domain->id % WEFT_HINTS];
    return weft_i_likely(hint->id == domain->id) ? (weft_i_local *)hint->local : NULL;
}

/* The same, made if need be; NULL: it has none and cannot have one. */
weft_i_inline weft_i_local *weft_i_local_get(weft_domain *domain)
{
    weft_i_local *local = weft_i_local_peek(domain);
    return weft_i_likely(local != NULL) ? local : weft_i_local_find(domain);
}

/* The caller's pace. NULL: it has no record, and those that have none share one. */
weft_i_inline weft_i_pace *weft_i_own_pace(void)
{
    weft_i_record *record = weft_i_own_record();
    return record == &weft_i_no_record ? NULL : &record->pace;
}

/* A node from the caller's cache. NULL: it has none, or no place. */
weft_i_inline void *weft_i_node_cached(weft_domain *domain, int node_class)
{
    weft_i_local *local = weft_i_local_peek(domain);
    if (weft_i_unlikely(!local))
        return NULL;
    weft_i_own_record()->pace.operations++;
    return weft_i_cache_pop(local, node_class);
}

/* To be called after an operation that may have retired under its guards, once they are left. */
weft_i_inline void weft_i_catch_up(weft_domain *domain)
{
    weft_i_record *record = weft_i_own_record();
    weft_i_local *local = weft_i_local_peek(domain);
    /* relaxed: `room` is this thread's; a taker that is not seen yet has granted room, or will */
    if (weft_i_unlikely(!local || weft_i_load(&record->thread.attention, memory_order_relaxed) >= WEFT_I_TAKER ||
                        (ptrdiff_t)weft_i_load(&local->room, memory_order_relaxed) <= 0))
        (void)weft_i_maintain(domain);
}

/*
 * Counts objects that were put into the bags, with the right to them. True: call weft_i_maintain once no longer busy.
 */
weft_i_inline bool weft_i_count_retired(weft_i_local *local, size_t count, size_t bytes)
{
    weft_i_count(&local->counters.retired_bytes, bytes);
    /* relaxed: this thread's; readers want a figure */
    size_t room = weft_i_load(&local->room, memory_order_relaxed) - count;
    weft_i_store(&local->room, room, memory_order_relaxed); /* relaxed: a figure */
    return (ptrdiff_t)room <= 0;
}

/* Retires an object, with the right to the lists. True: call weft_i_maintain once no longer busy. */
weft_i_inline bool weft_i_retire_busy(weft_i_local *local, weft_i_hook *hook, const weft_i_kind *kind, size_t size)
{
    hook->kind = kind;
    weft_i_list_push(&local->bags.of[kind->bag], hook);
    return weft_i_count_retired(local, 1, size);
}

/*
 * The fast path of an operation, which runs no user code: it has a slot of its own, holds the right to the lists, and
 * needs no fences. It is inlined into the public function, which makes only tail calls and so saves no registers (but
 * for weft_map_insert, whose cache may have to be supplied). If anything is not as usual, a separate function does the
 * operation with guards.
 */
typedef struct weft_i_attempt {
    weft_i_local *local;
    weft_i_hold hold;
} weft_i_attempt;

typedef enum weft_i_outcome {
    WEFT_I_DONE,
    WEFT_I_DUE, /* done, but weft_i_maintain is due */
    WEFT_I_EMPTY,
    WEFT_I_AGAIN, /* the structure has changed meanwhile: try again at once */
    WEFT_I_LOST,  /* lost a race to another thread: back off first */
    WEFT_I_WANTS_MEMORY,
    WEFT_I_CLOSED
} weft_i_outcome;

/*
 * Repeats a step until it is done or there is nothing to take, and waits after each lost race (base/backoff.h). `now`
 * is the outcome of the step before, if there was one, or else WEFT_I_AGAIN.
 */
#define WEFT_I_REPEAT(now, step)                                                                                       \
    for (weft_i_backoff weft_i_waits = {0}; (now) == WEFT_I_AGAIN || (now) == WEFT_I_LOST;                             \
         (now) = (step), weft_i_backoff_over(&weft_i_waits, weft_i_own_pace()))                                        \
        if ((now) == WEFT_I_LOST)                                                                                      \
    weft_i_backoff_wait(&weft_i_waits, weft_i_own_pace())

/* Calls a kernel's function with the domain's scheme, a constant to the compiler, as its last argument. */
#define WEFT_I_BY_SCHEME(domain, kernel, ...)                                                                          \
    (weft_i_scheme(domain) == WEFT_EPOCH ? kernel(__VA_ARGS__, WEFT_EPOCH) : kernel(__VA_ARGS__, WEFT_HAZARD))

/* Publishes a pointer in one of the guard's words; what relies on it must be read again after this. */
weft_i_inline void weft_i_publish(weft_i_hold hold, int word, void *pointer, weft_scheme scheme)
{
    if (scheme != WEFT_HAZARD)
        return;
    weft_i_store(&hold.slot->words.word[word], pointer, WEFT_GUARD_R3);
    weft_i_hold_fence(hold);
}

/* Clears one of the guard's words. */
weft_i_inline void weft_i_unpublish(weft_i_hold hold, int word, weft_scheme scheme)
{
    if (scheme == WEFT_HAZARD)
        weft_i_store(&hold.slot->words.word[word], NULL, WEFT_GUARD_R4);
}

/* False: the thread has no place yet, or its `attention` is set. */
weft_i_inline bool weft_i_attempt_begin(weft_i_attempt *attempt, weft_domain *domain, weft_scheme scheme)
{
    weft_i_record *record = weft_i_own_record();
    weft_i_local *local = weft_i_local_peek(domain);
    if (weft_i_unlikely(!local))
        return false;
    *attempt = (weft_i_attempt){local, {&record->operation, NULL}};
    weft_i_store(&record->operation.domain, (void *)domain, WEFT_GUARD_R1);
    /* before the load of `attention`. If that is 0, either no mode without membarrier has begun, or nothing is
       reclaimed before this thread has passed a fence in a later operation. */
    weft_i_compiler_fence();
    if (weft_i_unlikely(weft_i_load(&record->thread.attention, LOCAL_A1))) {
        weft_i_busy_end();
        return false;
    }
    if (scheme == WEFT_EPOCH)
        weft_i_publish_epoch(attempt->hold, domain);
    return true;
}

/*
 * The same for an operation that retires nothing, and so needs no lists. Threads without a record share weft_i_no_record:
 * its `attention` is always set, and no scan reads its slot.
 */
weft_i_inline bool weft_i_reading_begin(weft_i_hold *hold, weft_domain *domain, weft_scheme scheme)
{
    weft_i_record *record = weft_i_own_record();
    *hold = (weft_i_hold){&record->operation, NULL};
    weft_i_store(&record->operation.domain, (void *)domain, WEFT_GUARD_R1);
    weft_i_compiler_fence(); /* as in weft_i_attempt_begin */
    /* relaxed: as in weft_i_light_fence */
    if (weft_i_unlikely(weft_i_load(&record->thread.attention, memory_order_relaxed))) {
        weft_i_busy_end();
        return false;
    }
    if (scheme == WEFT_EPOCH)
        weft_i_publish_epoch(*hold, domain);
    return true;
}

weft_i_inline void weft_i_attempt_end(weft_i_hold hold)
{
    weft_i_store(&hold.slot->words.word[0], NULL, WEFT_GUARD_R4);
    weft_i_store(&hold.slot->domain, NULL, LOCAL_R1);
}

/* Begins an attempt that has a node in the thread's cache, where it allocates one if need be. False: also, no memory. */
weft_i_inline bool weft_i_attempt_begin_with(weft_i_attempt *attempt, weft_domain *domain, int node_class,
                                             weft_scheme scheme)
{
    while (weft_i_attempt_begin(attempt, domain, scheme)) {
        if (weft_i_likely(attempt->local->cache[node_class].head))
            return true;
        weft_i_attempt_end(attempt->hold); /* an allocator may use this domain */
        if (!weft_i_cache_supply(attempt->local, node_class))
            return false;
    }
    return false;
}

/* How one try of an operation protects what it reads. */
typedef enum weft_i_way {
    WEFT_I_FAST,   /* as an attempt, which begins only if everything is as usual */
    WEFT_I_GUARDED /* under a guard */
} weft_i_way;

/*
 * One try of an operation: the paper's lines, with what they retire. The public function tries the fast way; its cold
 * path repeats the same kernel under guards. Each try has a guard of its own, so that a thread that backs off before
 * the next one holds no memory back. `way` and `scheme` are constants to the compiler.
 */
typedef struct weft_i_trial {
    weft_domain *domain;
    weft_i_attempt attempt;
    weft_guard own;
    weft_i_hook *retired; /* under a guard: what to retire when it is left */
    bool due;             /* the fast way: maintenance is due when it is left */
} weft_i_trial;

/* Begins a try that may retire. False, only for the fast way: not everything is as usual. */
weft_i_inline bool weft_i_trial_begin(weft_i_trial *trial, weft_domain *domain, weft_i_way way, weft_scheme scheme)
{
    trial->domain = domain;
    trial->retired = NULL;
    trial->due = false;
    if (way == WEFT_I_FAST) {
        if (weft_i_unlikely(!weft_i_attempt_begin(&trial->attempt, domain, scheme)))
            return false;
        weft_i_own_record()->pace.operations++;
        return true;
    }
    trial->attempt.hold = weft_i_begin(&trial->own, domain, scheme);
    return true;
}

/* The same for one that retires nothing. */
weft_i_inline bool weft_i_trial_begin_only(weft_i_trial *trial, weft_domain *domain, weft_i_way way, weft_scheme scheme)
{
    if (way != WEFT_I_FAST)
        return weft_i_trial_begin(trial, domain, way, scheme);
    *trial = (weft_i_trial){.domain = domain};
    return weft_i_reading_begin(&trial->attempt.hold, domain, scheme);
}

/* Retires a node that is wholly unlinked. Once per try. */
weft_i_inline void weft_i_trial_retire(weft_i_trial *trial, weft_i_hook *hook, int node_class, weft_i_way way)
{
    if (way == WEFT_I_FAST)
        trial->due = weft_i_retire_busy(trial->attempt.local, hook, &weft_i_recycle[node_class],
                                        weft_i_recycle[node_class].size);
    else
        trial->retired = hook;
}

/* Ends a try. Returns its outcome. */
weft_i_inline weft_i_outcome weft_i_trial_end(weft_i_trial *trial, int node_class, weft_i_outcome outcome,
                                              weft_i_way way)
{
    if (way == WEFT_I_FAST) {
        weft_i_attempt_end(trial->attempt.hold);
        return weft_i_unlikely(trial->due) ? WEFT_I_DUE : outcome;
    }
    weft_i_end(trial->attempt.hold, &trial->own);
    if (trial->retired)
        weft_i_retire(trial->domain, weft_i_local_get(trial->domain), trial->retired, &weft_i_recycle[node_class],
                      weft_i_recycle[node_class].size);
    return outcome;
}

#endif
