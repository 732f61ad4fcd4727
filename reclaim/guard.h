/*
 * Guards: what keeps an object alive while a thread looks at it. Include <weft/reclaim/domain.h>, which has the
 * contract; this file is its inline half.
 *
 * Sources: hazard pointers, M. Michael, "Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects", IEEE TPDS
 * 15(6), 2004; the fence moved to the reclaiming side as in M. Desnoyers et al., "User-Level Implementations of
 * Read-Copy Update", IEEE TPDS 23(2), 2012, section 4 (there by signals, here by membarrier(2)).
 */
#ifndef WEFT_RECLAIM_GUARD_H
#define WEFT_RECLAIM_GUARD_H

#include <weft/reclaim/thread.h>

WEFT_BEGIN_DECLS

/* How a domain finds out what nobody can reach any more; domain.h says which to take. */
typedef enum weft_scheme {
    WEFT_HAZARD = 1, /* hazard pointers: bounded garbage, a store and a re-read per pointer */
    WEFT_EPOCH = 2   /* epochs: a store per guard, garbage unbounded while one is held */
} weft_scheme;

/* Opaque. */
typedef struct weft_domain weft_domain;

/*
 * Lives on the caller's stack, is filled by weft_enter, belongs to the thread that entered until weft_leave. Never
 * copied or moved. 64 bytes on 64-bit machines.
 */
typedef struct weft_guard {
    weft_i_slot *slot; /* of the thread's record, or `own`, which then is linked into the domain; odd: under epochs */
    weft_i_slot own;
    struct weft_guard *next;
    uintptr_t own_thread;
    size_t number; /* of those linked: ascending */
} weft_guard;

/* The published head of a domain. */
typedef struct weft_i_domain_head {
    weft_scheme scheme;
    weft_i_atomic_size epoch; /* odd, so never 0; counts up by 2 */
} weft_i_domain_head;

/* weft_enter for languages that cannot inline it, as are the next four. */
WEFT_API void weft_enter_outline(weft_guard *guard, weft_domain *domain);
/* weft_leave. */
WEFT_API void weft_leave_outline(weft_guard *guard);
/* weft_protect. */
WEFT_API void *weft_protect_outline(weft_guard *guard, weft_atomic_ptr *source);
/* weft_guard_set. */
WEFT_API void weft_guard_set_outline(weft_guard *guard, const void *pointer);
/* weft_guard_refresh. */
WEFT_API void weft_guard_refresh_outline(weft_guard *guard);

/* The slow halves of the inline functions. */
WEFT_API void weft_i_enter_slow(weft_guard *guard, weft_domain *domain);
WEFT_API void weft_i_leave_slow(weft_guard *guard);
/* Ends the program, having said why, if the guard has been left, or belongs to another thread. */
WEFT_API void weft_i_check_guard(const weft_guard *guard);
/* The same if the domain has been destroyed. */
WEFT_API void weft_i_check_domain(const weft_domain *domain);
#ifndef WEFT_DEBUG
#define weft_i_check_guard(guard) ((void)0)
#define weft_i_check_domain(domain) ((void)0)
#endif

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_GUARD_R1 memory_order_release /* slot's domain -> SLOTS_A1: what the slot held for its last domain was let go before */
#define WEFT_GUARD_R2 memory_order_release /* publish epoch -> SLOTS_A2: the slot's domain comes before */
#define WEFT_GUARD_A1 memory_order_acquire /* read epoch -> EPOCHS_X1: what was unlinked before a batch of that epoch was sealed is seen as unlinked */
#define WEFT_GUARD_R3 memory_order_release /* publish hazard -> SLOTS_A2: uses under what the word protected before come before (a relaxed store was a use after free) */
#define WEFT_GUARD_A2 memory_order_acquire /* validate hazard -> WEFT_PTR_R1, WEFT_PTR_X1: sees the object that the pointer publishes */
#define WEFT_GUARD_R4 memory_order_release /* leave -> SLOTS_A2: all uses under the guard come before */
#define WEFT_GUARD_R5 memory_order_release /* give slot back -> SLOTS_A1: likewise, for who asks whether any guard is held */
#endif
/* clang-format on */

static inline weft_scheme weft_i_scheme(const weft_domain *domain)
{
    return ((const weft_i_domain_head *)(const void *)domain)->scheme;
}

/* A hazard as it is stored: without the low bits that users tag with. */
static inline void *weft_i_hazard(const void *pointer)
{
    return (void *)((uintptr_t)pointer & ~(uintptr_t)7);
}

/* What a guard is while it is held; by value, so that operations of structures keep it in registers. */
typedef struct weft_i_hold {
    weft_i_slot *slot;
    weft_i_thread *thread; /* NULL, a constant: it is known that no fence is needed */
} weft_i_hold;

static inline void weft_i_hold_fence(weft_i_hold hold)
{
    if (hold.thread)
        weft_i_light_fence(hold.thread);
    else
        weft_i_compiler_fence();
}

static inline void weft_i_publish_epoch(weft_i_hold hold, weft_domain *domain)
{
    WEFT_I_ORDERS
    weft_i_domain_head *head = (weft_i_domain_head *)(void *)domain;
    weft_i_store(&hold.slot->words.word[0], (void *)(uintptr_t)weft_i_load(&head->epoch, WEFT_GUARD_A1), WEFT_GUARD_R2);
    weft_i_hold_fence(hold);
}

/* Takes the first slot; `guard` is written to only where that is taken already. */
static inline weft_i_hold weft_i_begin(weft_guard *guard, weft_domain *domain, weft_scheme scheme)
{
    WEFT_I_ORDERS
    weft_i_hold hold = {NULL, weft_i_self()};
    hold.slot = &hold.thread->slot[0];
    /* relaxed: only this thread and its signal handlers write it */
    if (weft_i_unlikely(weft_i_load(&hold.slot->domain, memory_order_relaxed) != NULL)) {
        weft_i_enter_slow(guard, domain);
        hold.slot = (weft_i_slot *)(void *)((uintptr_t)guard->slot & ~(uintptr_t)1);
        hold.thread = weft_i_self();
        return hold;
    }
    weft_i_store(&hold.slot->domain, (void *)domain, WEFT_GUARD_R1);
    weft_i_compiler_fence(); /* a handler that comes now takes another slot */
    if (scheme == WEFT_EPOCH)
        weft_i_publish_epoch(hold, domain);
    return hold;
}

static inline void weft_i_end(weft_i_hold hold, weft_guard *guard)
{
    WEFT_I_ORDERS
    if (weft_i_unlikely(hold.slot != &hold.thread->slot[0])) {
        weft_i_leave_slow(guard);
        return;
    }
    weft_i_store(&hold.slot->words.word[0], NULL, WEFT_GUARD_R4);
    weft_i_store(&hold.slot->domain, NULL, WEFT_GUARD_R5);
}

static inline weft_i_hold weft_i_hold_of(const weft_guard *guard)
{
    weft_i_hold hold = {(weft_i_slot *)(void *)((uintptr_t)guard->slot & ~(uintptr_t)1), weft_i_self()};
    weft_i_check_guard(guard);
    return hold;
}

static inline bool weft_i_under_epochs(const weft_guard *guard)
{
    return (uintptr_t)guard->slot & 1;
}

static inline weft_domain *weft_i_domain_of(weft_i_hold hold)
{
    WEFT_I_ORDERS
    /* relaxed: only the guard's thread writes it */
    return (weft_domain *)weft_i_load(&hold.slot->domain, memory_order_relaxed);
}

/* Enters the domain (NULL: the default one). Cannot fail. */
static inline void weft_enter(weft_guard *guard, weft_domain *domain)
{
    if (!domain && !(domain = (weft_domain *)weft_i_self()->default_domain)) {
        weft_i_enter_slow(guard, NULL);
        return;
    }
    weft_i_check_domain(domain);
    if (weft_i_scheme(domain) == WEFT_EPOCH)
        guard->slot = (weft_i_slot *)(void *)((uintptr_t)weft_i_begin(guard, domain, WEFT_EPOCH).slot | 1);
    else
        guard->slot = weft_i_begin(guard, domain, WEFT_HAZARD).slot;
}

/* Lets go of what the guard held. Guards of one thread may be left in any order. */
static inline void weft_leave(weft_guard *guard)
{
    weft_i_end(weft_i_hold_of(guard), guard);
#ifdef WEFT_DEBUG
    guard->slot = NULL;
#endif
}

/* Protects with one of the words what `source` points to now; returns it as read. */
static inline void *weft_i_protect(weft_i_hold hold, int word, weft_atomic_ptr *source, weft_scheme scheme)
{
    WEFT_I_ORDERS
    if (scheme == WEFT_EPOCH)
        return weft_i_load(source, WEFT_GUARD_A2);
    /* relaxed: nothing is read through it before the load below has confirmed it */
    void *pointer = weft_i_load(source, memory_order_relaxed);
    for (;;) {
        weft_i_store(&hold.slot->words.word[word], weft_i_hazard(pointer), WEFT_GUARD_R3);
        weft_i_hold_fence(hold);
        void *again = weft_i_load(source, WEFT_GUARD_A2);
        if (weft_i_likely(again == pointer))
            return pointer;
        pointer = again;
    }
}

/*
 * Reads a pointer and protects what it points to, until the guard is used again or left. `source` itself must stay
 * valid meanwhile. The low 3 bits are returned as read and ignored otherwise, so that what is protected must begin at a
 * multiple of 8: all from malloc does. Lock-free; wait-free under epochs.
 */
WEFT_NODISCARD static inline void *weft_protect(weft_guard *guard, weft_atomic_ptr *source)
{
    return weft_i_under_epochs(guard) ? weft_i_protect(weft_i_hold_of(guard), 0, source, WEFT_EPOCH)
                                      : weft_i_protect(weft_i_hold_of(guard), 0, source, WEFT_HAZARD);
}

/*
 * Publishes `pointer` for callers who validate themselves: after this call, check that the object has not been
 * retired (it is still reachable), and only then use it. Also when another guard protects it already. Alignment as above.
 */
static inline void weft_guard_set(weft_guard *guard, const void *pointer)
{
    WEFT_I_ORDERS
    weft_i_hold hold = weft_i_hold_of(guard);
    if (weft_i_under_epochs(guard))
        return;
    weft_i_store(&hold.slot->words.word[0], weft_i_hazard(pointer), WEFT_GUARD_R3);
    weft_i_hold_fence(hold);
}

/* Lets go of what the guard holds and enters again: for long readers under epochs. */
static inline void weft_guard_refresh(weft_guard *guard)
{
    WEFT_I_ORDERS
    weft_i_hold hold = weft_i_hold_of(guard);
    if (weft_i_under_epochs(guard))
        weft_i_publish_epoch(hold, weft_i_domain_of(hold));
    else
        weft_i_store(&hold.slot->words.word[0], weft_i_hazard(NULL), WEFT_GUARD_R4);
}

WEFT_END_DECLS

#endif
