/*
 * private. The rights to lists (reclaim/state.h): of a thread to its own, and of one thread at a time to a domain's.
 */
#ifndef WEFT_RECLAIM_RIGHT_H
#define WEFT_RECLAIM_RIGHT_H

#include <weft/reclaim/state.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define LOCAL_A1 memory_order_acquire /* owner: is there a taker? -> LOCAL_R2: sees the lists as the taker left them */
#define LOCAL_R1 memory_order_release /* owner is no longer busy -> LOCAL_A2: what it did to its lists comes before */
#define LOCAL_A2 memory_order_acquire /* taker: is the owner busy? -> LOCAL_R1: sees the lists as the owner left them */
#define LOCAL_R2 memory_order_release /* taker is done -> LOCAL_A1: what it did to the lists comes before */
#define RIGHT_A1 memory_order_acquire /* take a right -> RIGHT_R1: sees the lists as the last thread left them */
#define RIGHT_R1 memory_order_release /* give a right back -> RIGHT_A1: what was done to the lists comes before */
#endif
/* clang-format on */

weft_i_inline weft_i_record *weft_i_own_record(void)
{
    return (weft_i_record *)(void *)weft_i_self();
}

/* Takes the right to one of a domain's own places for the thread with this id. False: another has it. Does not wait. */
weft_i_inline bool weft_i_take_right(weft_i_atomic_int *right, int thread)
{
    int none = 0;
    /* relaxed: nothing is read on failure */
    return weft_i_cas(right, &none, thread, RIGHT_A1, memory_order_relaxed);
}

weft_i_inline void weft_i_give_right(weft_i_atomic_int *right)
{
    weft_i_store(right, 0, RIGHT_R1);
}

weft_i_inline bool weft_i_has_right(weft_i_atomic_int *right, int thread)
{
    /* relaxed: only this thread can have written its own id */
    return weft_i_load(right, memory_order_relaxed) == thread;
}

/* In a fork's child: the forking thread has another id now. */
weft_i_inline void weft_i_inherit_right(weft_i_atomic_int *right, int before, int now)
{
    if (weft_i_has_right(right, before))
        weft_i_store(right, now, RIGHT_R1);
}

/* For an owner that has found `attention` set. True: there is no taker, so it may use its lists. */
WEFT_I_PRIVATE bool weft_i_attend(weft_i_record *record);

/* Waits longer than an operation takes, but not for ever. False: the owner is still busy. */
WEFT_I_PRIVATE bool weft_i_wait_until_idle(weft_i_record *owner);

weft_i_inline void weft_i_busy_end(void)
{
    weft_i_store(&weft_i_own_record()->operation.domain, NULL, LOCAL_R1);
}

/* Takes the right to the caller's lists, outside operations. False: a taker has it. */
weft_i_inline bool weft_i_busy_begin(weft_domain *domain)
{
    weft_i_record *record = weft_i_own_record();
    /* relaxed: as in weft_i_light_fence; here, outside operations, weft_i_publish_slow can set `passed_fence` */
    if (weft_i_unlikely(weft_i_load(&record->thread.attention, memory_order_relaxed) != 0))
        weft_i_publish_slow(&record->thread);
    weft_i_store(&record->operation.domain, (void *)domain, WEFT_GUARD_R1);
    weft_i_light_fence(&record->thread); /* before the load of `attention` */
    if (weft_i_likely(!weft_i_load(&record->thread.attention, LOCAL_A1)) || weft_i_attend(record))
        return true;
    weft_i_busy_end();
    return false;
}

#endif
