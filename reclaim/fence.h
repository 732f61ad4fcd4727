/*
 * private. The heavy side of the asymmetric fence whose light side is weft_i_light_fence (thread.h).
 */
#ifndef WEFT_RECLAIM_FENCE_H
#define WEFT_RECLAIM_FENCE_H

#include <weft/reclaim/record.h>

/*
 * After it, each light fence either comes wholly before it (what was published is seen) or wholly after (what was written
 * before the heavy fence is seen). False: no such promise can be made yet, because membarrier has just failed, some thread has
 * not passed a full fence since, and there is no other way to make it.
 */
WEFT_I_PRIVATE bool weft_i_heavy_fence(void);

/* Whether the heavy fence is membarrier, which interrupts all threads that run. */
WEFT_I_PRIVATE bool weft_i_fence_interrupts(void);

/* In a fork's child, with the lock: membarrier is registered with the parent's memory map. */
WEFT_I_PRIVATE void weft_i_fence_after_fork(void);

/* The record's owner publishes as all others do from here on. */
WEFT_I_PRIVATE void weft_i_fence_join(weft_i_record *record);

/* For forks. */
WEFT_I_PRIVATE void weft_i_fence_lock(void);
WEFT_I_PRIVATE void weft_i_fence_unlock(void);

#endif
