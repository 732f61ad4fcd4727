/*
 * private. The reclaim callbacks that this thread is in. They are user code: they may use the domain, but start no scan
 * of it, and may end the thread. They are recorded in thread-local memory, since the stack is gone when the exit hook
 * runs.
 */
#ifndef WEFT_RECLAIM_CALLBACK_H
#define WEFT_RECLAIM_CALLBACK_H

#include <weft/reclaim/state.h>

/*
 * Callbacks nest if one calls a barrier or a destruction, which runs further callbacks. Deeper than this, both are
 * refused.
 */
enum { WEFT_I_CALLBACKS = 8 };

/*
 * Reclaims the object by its kind's callback, for which the caller has counted `running` up. After it, also if it ends the
 * thread, `running` is counted down or, if it is that of the caller's own place, up to the next even number.
 */
WEFT_I_PRIVATE void weft_i_call_back(weft_i_hook *hook, weft_domain *domain, weft_i_atomic_size *running, bool own);

/* Whether this thread is in a callback of any domain. */
WEFT_I_PRIVATE bool weft_i_in_callback(void);

/* Whether it is in a callback of this domain, or too deep to run another one. */
WEFT_I_PRIVATE bool weft_i_in_callback_of(const weft_domain *domain);

/* How many callbacks of this thread `running` counts. */
WEFT_I_PRIVATE size_t weft_i_callbacks_counted_by(const weft_i_atomic_size *running);

/*
 * For the exit hook, where a callback has ended the thread: counts the thread's callbacks of this domain, which is
 * registered, as over; and, after all such domains, forgets those of domains that are gone.
 */
WEFT_I_PRIVATE void weft_i_callbacks_over(const weft_domain *domain);
WEFT_I_PRIVATE void weft_i_callbacks_forget(void);

/* Reads a count of running callbacks. The caller sees what the callbacks did that are no longer counted. */
WEFT_I_PRIVATE size_t weft_i_running(weft_i_atomic_size *count);

#endif
