/*
 * private. The reclaim callbacks that this thread is in, known without a record: user code, which may use the domain, but never
 * gets into a scan from there, and may end the thread.
 */
#ifndef WEFT_RECLAIM_CALLBACK_H
#define WEFT_RECLAIM_CALLBACK_H

#include <weft/reclaim/state.h>

/*
 * Reclaims the object by its kind's callback. `running`, if not NULL, was counted up for it, and is counted down after it,
 * also where it ends the thread.
 */
WEFT_I_PRIVATE void weft_i_call_back(weft_i_hook *hook, weft_domain *domain, weft_i_atomic_size *running);

/* Of any domain, or of this one. */
WEFT_I_PRIVATE bool weft_i_in_callback(void);
WEFT_I_PRIVATE bool weft_i_in_callback_of(const weft_domain *domain);

/* How many are counted by `running` in this thread. */
WEFT_I_PRIVATE size_t weft_i_callbacks_counted_by(const weft_i_atomic_size *running);

/* Ended with the thread, which runs its exit hook now. */
WEFT_I_PRIVATE void weft_i_callbacks_over(void);

/* A count of callbacks; what those did that it no longer counts is seen. */
WEFT_I_PRIVATE size_t weft_i_running(weft_i_atomic_size *count);

#endif
