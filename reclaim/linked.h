/*
 * private. Guards that have no slot: their own memory is linked into the domain. Linking never fails and blocks for a few
 * instructions, with the thread's signals held, since handlers may link guards, too; such a guard publishes with full fences.
 */
#ifndef WEFT_RECLAIM_LINKED_H
#define WEFT_RECLAIM_LINKED_H

#include <weft/reclaim/state.h>

/* Makes guard->own the guard's slot, with nothing in it. */
WEFT_I_PRIVATE void weft_i_link_guard(weft_guard *guard, weft_domain *domain);
WEFT_I_PRIVATE void weft_i_unlink_guard(weft_guard *guard, weft_domain *domain);

/* All of the thread's guards count as left. */
WEFT_I_PRIVATE void weft_i_unlink_thread(weft_domain *domain, int thread);

/* In a fork's child: only those of this thread are left, and it has another id now. */
WEFT_I_PRIVATE void weft_i_keep_linked(weft_domain *domain, int thread_before, int thread_now);

/* Whether there may be any. A guard that is linked unseen publishes after the caller's heavy fence. */
WEFT_I_PRIVATE bool weft_i_any_linked(weft_domain *domain);

/* The guards from here on may be looked at until unlocked; for a few instructions. */
WEFT_I_PRIVATE weft_guard *weft_i_lock_linked(weft_domain *domain, weft_i_signals *signals);
WEFT_I_PRIVATE void weft_i_unlock_linked(weft_domain *domain, weft_i_signals *signals);

#endif
