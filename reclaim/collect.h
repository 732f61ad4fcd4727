/*
 * private. Bringing what was retired to its end: a little with each retirement, or all at once.
 */
#ifndef WEFT_RECLAIM_COLLECT_H
#define WEFT_RECLAIM_COLLECT_H

#include <weft/reclaim/right.h>

/* A new place: so many may be retired in it before the first batch is sealed. */
WEFT_I_PRIVATE void weft_i_local_open(weft_i_local *local);

/* A step of a scan in the caller's place, and reclaims some of what is ready. False: a barrier has the lists. */
WEFT_I_PRIVATE bool weft_i_step(weft_i_local *local);

/* Scans and reclaims what can be reclaimed in the caller's place, unless a barrier has its lists. */
WEFT_I_PRIVATE void weft_i_collect(weft_i_local *local);

/* The same with the orphans, again and again while a batch or more of them comes meanwhile. Nothing if others are at it. */
WEFT_I_PRIVATE void weft_i_collect_shared(weft_domain *domain);

/* The same if there are a batch or more. */
WEFT_I_PRIVATE void weft_i_collect_orphans(weft_domain *domain);

/* Scans the place `barrier`, with the right to it: what nobody holds is ready. */
WEFT_I_PRIVATE void weft_i_scan_own(weft_i_local *local);

/* Reclaims what is ready there. Callbacks are counted by `running`, and may end the thread. */
WEFT_I_PRIVATE void weft_i_drain_own(weft_domain *domain, weft_i_local *local, weft_i_atomic_size *running);

/* All that is not ready goes to *waiting, the rest to *ready; the place is as new. With the right to its lists. */
WEFT_I_PRIVATE void weft_i_take_lists(weft_i_local *local, weft_i_bags *waiting, weft_i_bags *ready);

/* Its owner has ended, or is not in this process: it may have been anywhere, in a callback too. Under `owners`. */
WEFT_I_PRIVATE void weft_i_local_abandon(weft_i_local *local);

/* The same for the domain's own places, where the thread that has the right has ended: nobody has it now. */
WEFT_I_PRIVATE void weft_i_shared_abandon(weft_domain *domain);
WEFT_I_PRIVATE void weft_i_barrier_abandon(weft_domain *domain);

#endif
