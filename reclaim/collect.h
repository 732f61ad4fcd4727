/*
 * private. Scans and reclaims what was retired: a little with each retirement, or all at once.
 */
#ifndef WEFT_RECLAIM_COLLECT_H
#define WEFT_RECLAIM_COLLECT_H

#include <weft/reclaim/right.h>

/* For a new or emptied place: grants the retirements before its first scan. */
WEFT_I_PRIVATE void weft_i_local_open(weft_i_local *local);

/* Does a step of a scan in the caller's place, and reclaims some of what is ready. False: a barrier has the lists. */
WEFT_I_PRIVATE bool weft_i_step(weft_i_local *local);

/* Scans and reclaims what can be reclaimed in the caller's place, unless a barrier has its lists. */
WEFT_I_PRIVATE void weft_i_collect(weft_i_local *local);

/*
 * The same with the orphans, and once more if a batch of them has come meanwhile. If another thread is at it, leaves
 * them to that thread, or helps where they are too many (collect.c).
 */
WEFT_I_PRIVATE void weft_i_collect_shared(weft_domain *domain);

/* The same, but only if there is a batch of orphans or more. */
WEFT_I_PRIVATE void weft_i_collect_orphans(weft_domain *domain);

/* Scans the place `barrier`, with the right to it: what no guard holds becomes ready. */
WEFT_I_PRIVATE void weft_i_scan_own(weft_i_local *local);

/* Reclaims what is ready there. Callbacks are counted by `running`, and may end the thread. */
WEFT_I_PRIVATE void weft_i_drain_own(weft_domain *domain, weft_i_local *local, weft_i_atomic_size *running);

/* Moves what is ready to *ready and the rest to *waiting; the place is as new. With the right to its lists. */
WEFT_I_PRIVATE void weft_i_take_lists(weft_i_local *local, weft_i_bags *waiting, weft_i_bags *ready);

/*
 * Makes orphans of the objects in a place whose owner has ended or is not in this process. The owner may have stopped
 * anywhere, even in a callback. Under `owners`.
 */
WEFT_I_PRIVATE void weft_i_local_abandon(weft_i_local *local);

/* Repairs one of the domain's own places after the thread that had the right has ended, and gives the right back. */
WEFT_I_PRIVATE void weft_i_shared_abandon(weft_domain *domain);
WEFT_I_PRIVATE void weft_i_barrier_abandon(weft_domain *domain);

#endif
