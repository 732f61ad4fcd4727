/*
 * The public part of a thread's record, which weft_enter, weft_protect and weft_leave use inline. It is ABI: its
 * layout is tied to the name of the thread-local pointer below, so that objects built against another layout do not
 * link. Nothing here is for users to touch.
 *
 * A slot is what one guard holds: up to three protected pointers, or an epoch, and the guard's domain. The first slot
 * is taken by writing its domain. The others, for nested guards, are taken by a bit of `free`. Only the owner and its
 * signal handlers write slots. A handler that enters and leaves in balance, in any order, restores what it interrupted.
 */
#ifndef WEFT_RECLAIM_THREAD_H
#define WEFT_RECLAIM_THREAD_H

#include <weft/base/atomic.h>

WEFT_BEGIN_DECLS

enum { WEFT_I_WORDS = 3 };

/* Pointers without their low 3 bits, or in word[0] an (odd) epoch. */
typedef struct weft_i_words {
    weft_atomic_ptr word[WEFT_I_WORDS];
} weft_i_words;

typedef struct weft_i_slot {
    weft_i_words words;     /* first: a guard points here */
    weft_atomic_ptr domain; /* NULL: not in use */
} weft_i_slot;

enum { WEFT_I_SLOTS = 32 };

typedef struct weft_i_thread {
    weft_i_atomic_size free; /* bit i: slot i may be taken, from 1 on */
    void *default_domain;
    weft_i_atomic_int attention; /* not 0: call weft_i_publish_slow after publishing */
    weft_i_atomic_int thread_id;
    void *reserved[5];
    weft_i_slot slot[WEFT_I_SLOTS];
} weft_i_thread;

/* Never NULL: before a thread has a record it points to one without slots. */
WEFT_API_OBJECT WEFT_I_THREAD_LOCAL weft_i_thread *weft_i_self_1;

/* Answers a handshake. If there is no membarrier: passes a full fence and marks that in the record. */
WEFT_API void weft_i_publish_slow(weft_i_thread *thread);

#ifndef WEFT_I_THREAD_LOOKUP
#define weft_i_self() weft_i_self_1
#else
#define weft_i_self() WEFT_I_THREAD_LOOKUP()
#endif

/* The light side of the asymmetric fence: between publishing a word and the reads that rely on it. */
static inline void weft_i_light_fence(weft_i_thread *thread)
{
    WEFT_I_ORDERS
    /* if a signal handler passes a fence after the load of `attention`, what was published comes before that fence,
       too */
    weft_i_compiler_fence();
    /* relaxed: a stale 0 does no harm: nothing is reclaimed until this record has passed a fence (reclaim/fence.c) */
    if (weft_i_unlikely(weft_i_load(&thread->attention, memory_order_relaxed) != 0))
        weft_i_publish_slow(thread);
    else
        weft_i_compiler_fence();
}

WEFT_END_DECLS

#endif
