/*
 * private. The reclaim callbacks that this thread is in: user code, which may use the domain, but never gets into a scan from there,
 * and may end the thread. They are noted in memory of the thread's own, not on its stack, which is gone when its exit hook runs.
 */
#ifndef WEFT_RECLAIM_CALLBACK_H
#define WEFT_RECLAIM_CALLBACK_H

#include <weft/reclaim/state.h>

/* One inside another: each is in a barrier or a destruction that the one before has called. Deeper, these are refused. */
enum { WEFT_I_CALLBACKS = 8 };

/* Reclaims the object by its kind's callback. `running`, if not NULL, was counted up for it, and is counted down after it. */
WEFT_I_PRIVATE void weft_i_call_back(weft_i_hook *hook, weft_domain *domain, weft_i_atomic_size *running);

/* Of any domain. */
WEFT_I_PRIVATE bool weft_i_in_callback(void);

/* Of this one; or too deep to run any more. */
WEFT_I_PRIVATE bool weft_i_in_callback_of(const weft_domain *domain);

/* How many are counted by `running` in this thread. */
WEFT_I_PRIVATE size_t weft_i_callbacks_counted_by(const weft_i_atomic_size *running);

/* All have ended with the thread, which runs its exit hook now. */
WEFT_I_PRIVATE void weft_i_callbacks_over(void);

/* A count of callbacks; what those did that it no longer counts is seen. */
WEFT_I_PRIVATE size_t weft_i_running(weft_i_atomic_size *count);

#endif
