/*
 * private. Guards that have no slot: their own memory is linked into the domain. Linking never fails. It takes a lock
 * for a few instructions, and blocks the thread's signals meanwhile, since handlers may link guards, too.
 */
#ifndef WEFT_RECLAIM_LINKED_H
#define WEFT_RECLAIM_LINKED_H

#include <weft/reclaim/state.h>

/* Makes guard->own the guard's slot, with nothing in it. */
WEFT_I_PRIVATE void weft_i_link_guard(weft_guard *guard, weft_domain *domain);
WEFT_I_PRIVATE void weft_i_unlink_guard(weft_guard *guard, weft_domain *domain);

/* Unlinks all guards of the thread. */
WEFT_I_PRIVATE void weft_i_unlink_thread(weft_domain *domain, int thread);

/*
 * In a fork's child: unlinks the guards of all other threads. The forking thread has another id now. A fork does not take
 * the lock, so one of those threads may have held it.
 */
WEFT_I_PRIVATE void weft_i_keep_linked(weft_domain *domain, int thread_before, int thread_now);

/* Whether any guard may be linked. A guard that this does not see publishes after the caller's heavy fence. */
WEFT_I_PRIVATE bool weft_i_any_linked(weft_domain *domain);

/*
 * Locks the list of linked guards and returns its first, or NULL. Signals are blocked: unlock after a few instructions.
 */
WEFT_I_PRIVATE weft_guard *weft_i_lock_linked(weft_domain *domain, weft_i_signals *signals);
WEFT_I_PRIVATE void weft_i_unlock_linked(weft_domain *domain, weft_i_signals *signals);

#endif
