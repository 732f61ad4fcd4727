/*
 * Guards keep an object alive while a thread reads it. Include <weft/reclaim/domain.h>, which has the contract; this
 * file is its inline half.
 *
 * Sources: hazard pointers, M. Michael, "Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects", IEEE TPDS
 * 15(6), 2004; the fence moved to the reclaiming side as in M. Desnoyers et al., "User-Level Implementations of
 * Read-Copy Update", IEEE TPDS 23(2), 2012, section 4 (there by signals, here by membarrier(2)).
 */
#ifndef WEFT_RECLAIM_GUARD_H
#define WEFT_RECLAIM_GUARD_H

#include <weft/reclaim/thread.h>

WEFT_BEGIN_DECLS

/* How a domain finds the objects that no thread can reach any more; domain.h says which scheme to use. */
typedef enum weft_scheme {
    WEFT_HAZARD = 1, /* hazard pointers: bounded garbage; a store and a second read per pointer */
    WEFT_EPOCH = 2   /* epochs: a store per guard; garbage is unbounded while a guard is held */
} weft_scheme;

/* Opaque. */
typedef struct weft_domain weft_domain;

/*
 * A guard lives on the caller's stack. weft_enter fills it; until weft_leave it belongs to the thread that entered. It
 * must not be copied or moved. 64 bytes on 64-bit machines.
 */
typedef struct weft_guard {
    weft_i_slot *slot; /* in the thread's record, or `own` if the guard is linked into the domain; odd under epochs */
    weft_i_slot own;
    struct weft_guard *next;
    uintptr_t own_thread;
    size_t number; /* ascending in the order of linking */
} weft_guard;

/* The published head of a domain. */
typedef struct weft_i_domain_head {
    weft_scheme scheme;
    weft_i_atomic_size epoch; /* odd, so never 0; counts up by 2 */
} weft_i_domain_head;

/* weft_enter for languages that cannot inline it; the next four are for these, too. */
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
/* Prints why and aborts if the guard has been left, or belongs to another thread. */
WEFT_API void weft_i_check_guard(const weft_guard *guard);
/* Prints why and aborts if the domain has been destroyed. */
WEFT_API void weft_i_check_domain(const weft_domain *domain);
#ifndef WEFT_DEBUG
#define weft_i_check_guard(guard) ((void)0)
#define weft_i_check_domain(domain) ((void)0)
#endif

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_GUARD_R1 memory_order_release /* slot's domain -> SLOTS_A1: the guard that used the slot before, in its last domain, has been left */
#define WEFT_GUARD_R2 memory_order_release /* publish epoch -> SLOTS_A2: a scan that sees the epoch sees the slot's domain */
#define WEFT_GUARD_A1 memory_order_acquire /* read epoch -> EPOCHS_X1: sees the unlinking of all objects sealed under an earlier epoch */
#define WEFT_GUARD_R3 memory_order_release /* publish hazard -> SLOTS_A2: uses of what the word protected before are over (a relaxed store was a use after free) */
#define WEFT_GUARD_A2 memory_order_acquire /* validate hazard -> WEFT_PTR_R1, WEFT_PTR_X1: sees the contents of the object that the pointer publishes */
#define WEFT_GUARD_R4 memory_order_release /* leave -> SLOTS_A2: all uses under the guard are over */
#define WEFT_GUARD_R5 memory_order_release /* give slot back -> SLOTS_A1: the same, for a thread that counts the guards held */
#endif
/* clang-format on */

static inline weft_scheme weft_i_scheme(const weft_domain *domain)
{
    return ((const weft_i_domain_head *)(const void *)domain)->scheme;
}

/* A hazard as it is stored: without the low bits, which users may use as tags. */
static inline void *weft_i_hazard(const void *pointer)
{
    return (void *)((uintptr_t)pointer & ~(uintptr_t)7);
}

/* A guard that is held. Passed by value, so that operations of structures keep it in registers. */
typedef struct weft_i_hold {
    weft_i_slot *slot;
    weft_i_thread *thread; /* NULL, which is then a constant: no fence is needed */
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

/* Takes the first slot. Writes to `guard` only if that slot is taken already. */
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
    weft_i_compiler_fence(); /* a signal handler that runs from here on takes another slot */
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

/* Ends the protection by the guard. Guards of one thread may be left in any order. */
static inline void weft_leave(weft_guard *guard)
{
    weft_i_end(weft_i_hold_of(guard), guard);
#ifdef WEFT_DEBUG
    guard->slot = NULL;
#endif
}

/* Protects what `source` points to now with one of the words; returns the pointer as read. */
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
 * valid during the call. The low 3 bits are returned as read and otherwise ignored, so the object must begin at a
 * multiple of 8, as memory from malloc does. Lock-free; wait-free under epochs.
 */
WEFT_NODISCARD static inline void *weft_protect(weft_guard *guard, weft_atomic_ptr *source)
{
    return weft_i_under_epochs(guard) ? weft_i_protect(weft_i_hold_of(guard), 0, source, WEFT_EPOCH)
                                      : weft_i_protect(weft_i_hold_of(guard), 0, source, WEFT_HAZARD);
}

/*
 * Publishes `pointer` for callers who validate it themselves. After this call, check that the object has not been
 * retired (it is still reachable), and only then use it. The check is needed even if another guard already protects the
 * object. Alignment as for weft_protect.
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

/* Ends the protection by the guard and enters again: for long readers under epochs. */
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
