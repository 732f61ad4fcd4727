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

#include <weft/base/thread.h>

WEFT_BEGIN_DECLS

typedef enum weft_scheme {
    WEFT_HAZARD = 1, /* hazard pointers: bounded garbage, a store and a re-read per pointer */
    WEFT_EPOCH = 2   /* epochs: a store per guard, garbage unbounded while one is held */
} weft_scheme;

typedef struct weft_domain weft_domain;

/*
 * Lives on the caller's stack, is filled by weft_enter, belongs to the thread that entered until weft_leave. Never
 * copied or moved. 64 bytes on 64-bit machines.
 */
typedef struct weft_guard {
    weft_i_words *words;   /* a slot of the thread's record, or `own` */
    weft_i_thread *thread; /* NULL: `own` is linked into the domain */
    weft_domain *domain;
    weft_i_words own;
    struct weft_guard *next;
    uintptr_t own_thread;
} weft_guard;

/* The published head of a domain. */
typedef struct weft_i_domain_head {
    weft_scheme scheme;
    weft_i_atomic_size epoch; /* odd, so never 0; counts up by 2 */
} weft_i_domain_head;

/* The twins of the inline functions below, for other languages; the slow halves are called by the inline ones. */
WEFT_API void weft_enter_outline(weft_guard *guard, weft_domain *domain);
WEFT_API void weft_leave_outline(weft_guard *guard);
WEFT_API void *weft_protect_outline(weft_guard *guard, weft_atomic_ptr *source);
WEFT_API void weft_guard_set_outline(weft_guard *guard, const void *pointer);
WEFT_API void weft_guard_refresh_outline(weft_guard *guard);
WEFT_API void weft_i_enter_slow(weft_guard *guard, weft_domain *domain);
WEFT_API void weft_i_leave_slow(weft_guard *guard);
#ifdef WEFT_DEBUG
WEFT_API void weft_i_check_guard(const weft_guard *guard);
#else
#define weft_i_check_guard(guard) ((void)0)
#endif

/* clang-format off */
#ifndef GUARD_R1
#define GUARD_R1 memory_order_release /* slot's domain -> DOMAIN_A1: what the slot held for its last domain was let go before */
#endif
#ifndef GUARD_R2
#define GUARD_R2 memory_order_release /* publish epoch -> DOMAIN_A2: the slot's domain comes before */
#endif
#ifndef GUARD_A1
#define GUARD_A1 memory_order_acquire /* read epoch -> DOMAIN_X1: what was unlinked before a batch of that epoch was sealed is seen as unlinked */
#endif
#ifndef GUARD_R3
#define GUARD_R3 memory_order_release /* publish hazard -> DOMAIN_A2: uses under what the word protected before come before (a relaxed store was a use after free) */
#endif
#ifndef GUARD_A2
#define GUARD_A2 memory_order_acquire /* validate hazard -> PTR_R1, PTR_X1, MSQ_R2, MSQ_R3, TREIBER_R1, TREIBER_R2: sees the object that the pointer publishes */
#endif
#ifndef GUARD_R4
#define GUARD_R4 memory_order_release /* leave -> DOMAIN_A2: all uses under the guard come before */
#endif
/* clang-format on */

static inline weft_scheme weft_i_scheme(const weft_domain *domain)
{
    return ((const weft_i_domain_head *)(const void *)domain)->scheme;
}

/* A hazard as it is stored: without the low bits that users tag with, and never NULL. */
static inline void *weft_i_hazard(const void *pointer)
{
    return (void *)(((uintptr_t)pointer & ~(uintptr_t)7) | 1);
}

static inline void weft_i_publish_epoch(weft_i_words *words, weft_i_thread *thread, weft_domain *domain)
{
    WEFT_I_ORDERS
    weft_i_domain_head *head = (weft_i_domain_head *)(void *)domain;
    weft_i_store(&words->word[0], (void *)(uintptr_t)weft_i_load(&head->epoch, GUARD_A1), GUARD_R2);
    weft_i_light_fence(thread);
}

static inline void weft_i_enter_as(weft_guard *guard, weft_domain *domain, weft_scheme scheme)
{
    WEFT_I_ORDERS
    weft_i_thread *thread = weft_i_self();
    weft_i_slot *slot = thread->free;
    if (weft_i_unlikely(!slot)) {
        weft_i_enter_slow(guard, domain);
        return;
    }
    thread->free = slot->next;
    guard->words = &slot->words;
    weft_i_compiler_fence(); /* keeps gcc 12 from joining two stores whose halves are soon read again: 7 ns */
    guard->thread = thread;
    weft_i_compiler_fence();
    guard->domain = domain;
    weft_i_store(&slot->domain, (void *)domain, GUARD_R1);
    if (scheme == WEFT_EPOCH)
        weft_i_publish_epoch(&slot->words, thread, domain);
    else
        /* relaxed: says "held" to the statistics and protects nothing yet */
        weft_i_store(&slot->words.word[0], weft_i_hazard(NULL), memory_order_relaxed);
}

/* Enters the domain (NULL: the default one). Cannot fail. */
static inline void weft_enter(weft_guard *guard, weft_domain *domain)
{
    if (!domain && !(domain = (weft_domain *)weft_i_self()->default_domain))
        weft_i_enter_slow(guard, NULL);
    else
        weft_i_enter_as(guard, domain, weft_i_scheme(domain));
}

/* Lets go of what the guard held. Guards of one thread may be left in any order. */
static inline void weft_leave(weft_guard *guard)
{
    WEFT_I_ORDERS
    weft_i_thread *thread = guard->thread;
    weft_i_check_guard(guard);
    if (weft_i_unlikely(!thread)) {
        weft_i_leave_slow(guard);
        return;
    }
    weft_i_slot *slot = (weft_i_slot *)(void *)guard->words;
    weft_i_store(&slot->words.word[0], NULL, GUARD_R4);
    if (weft_i_unlikely(slot->next != thread->free)) /* not the last one entered; a store less when it is */
        slot->next = thread->free;
    thread->free = slot;
#ifdef WEFT_DEBUG
    guard->words = NULL;
#endif
}

/* The fence between publishing a word of this guard and relying on it. */
static inline void weft_i_guard_fence(weft_guard *guard)
{
    if (weft_i_likely(guard->thread != NULL))
        weft_i_light_fence(guard->thread);
    else
        weft_i_publish_slow(weft_i_self());
}

/* Protects with one of the guard's words what `source` points to now; returns it as read. */
static inline void *weft_i_protect_word(weft_guard *guard, int index, weft_atomic_ptr *source, weft_scheme scheme)
{
    WEFT_I_ORDERS
    if (scheme == WEFT_EPOCH)
        return weft_i_load(source, GUARD_A2);
    /* relaxed: nothing is read through it before the load below has confirmed it */
    void *pointer = weft_i_load(source, memory_order_relaxed);
    for (;;) {
        weft_i_store(&guard->words->word[index], weft_i_hazard(pointer), GUARD_R3);
        weft_i_guard_fence(guard);
        void *again = weft_i_load(source, GUARD_A2);
        if (weft_i_likely(again == pointer))
            return pointer;
        pointer = again;
    }
}

/*
 * Reads a pointer and protects what it points to, until the guard is used again or left. `source` itself must stay
 * valid meanwhile. The low 3 bits are returned as read and ignored otherwise. Lock-free; wait-free under epochs.
 */
WEFT_NODISCARD static inline void *weft_protect(weft_guard *guard, weft_atomic_ptr *source)
{
    weft_i_check_guard(guard);
    return weft_i_protect_word(guard, 0, source, weft_i_scheme(guard->domain));
}

/*
 * Publishes `pointer` for callers who validate themselves: after this call, check that the object has not been
 * retired (it is still reachable), and only then use it. Also when another guard protects it already.
 */
static inline void weft_guard_set(weft_guard *guard, const void *pointer)
{
    WEFT_I_ORDERS
    weft_i_check_guard(guard);
    if (weft_i_scheme(guard->domain) == WEFT_EPOCH)
        return;
    weft_i_store(&guard->words->word[0], weft_i_hazard(pointer), GUARD_R3);
    weft_i_guard_fence(guard);
}

/* Lets go of what the guard holds and enters again: for long readers under epochs. */
static inline void weft_guard_refresh(weft_guard *guard)
{
    WEFT_I_ORDERS
    weft_i_check_guard(guard);
    if (weft_i_scheme(guard->domain) == WEFT_EPOCH) {
        weft_i_domain_head *head = (weft_i_domain_head *)(void *)guard->domain;
        weft_i_store(&guard->words->word[0], (void *)(uintptr_t)weft_i_load(&head->epoch, GUARD_A1), GUARD_R4);
        weft_i_guard_fence(guard);
    } else {
        weft_i_store(&guard->words->word[0], weft_i_hazard(NULL), GUARD_R4);
    }
}

WEFT_END_DECLS

#endif
