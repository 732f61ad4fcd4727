/*
 * private. The heavy side of the asymmetric fence whose light side is weft_i_light_fence (thread.h).
 */
#ifndef WEFT_RECLAIM_FENCE_H
#define WEFT_RECLAIM_FENCE_H

#include <weft/reclaim/record.h>

/*
 * The heavy fence. Each light fence comes either wholly before it (then the caller sees what was published) or wholly
 * after it (then that thread sees what was written before the heavy fence). False: this cannot be promised yet, since
 * membarrier has failed, some thread has not passed a full fence since, and the system has no other way to interrupt
 * it.
 */
WEFT_I_PRIVATE bool weft_i_heavy_fence(void);

/* Whether the heavy fence is membarrier, which interrupts all threads that run. */
WEFT_I_PRIVATE bool weft_i_fence_interrupts(void);

/*
 * In a fork's child, with the lock: registers for membarrier again, since the registration belongs to the parent's
 * memory.
 */
WEFT_I_PRIVATE void weft_i_fence_after_fork(void);

/* From here on the record's owner publishes as all other threads do. */
WEFT_I_PRIVATE void weft_i_fence_join(weft_i_record *record);

/* For forks. */
WEFT_I_PRIVATE void weft_i_fence_lock(void);
WEFT_I_PRIVATE void weft_i_fence_unlock(void);

#endif
