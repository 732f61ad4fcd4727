/*
 * private. Orphans: retired by threads that have no place in the domain, that ended, or whose lists a barrier has.
 */
#ifndef WEFT_RECLAIM_ORPHANS_H
#define WEFT_RECLAIM_ORPHANS_H

#include <weft/reclaim/state.h>

/* Makes orphans of what is in the bags. Lock-free. */
WEFT_I_PRIVATE void weft_i_push_orphans(weft_domain *domain, weft_i_bags *bags);

/* Retires one object as an orphan. */
WEFT_I_PRIVATE void weft_i_retire_orphan(weft_domain *domain, weft_i_hook *hook);

/* Adds to the number of orphans, which includes adopted ones that are ready. */
WEFT_I_PRIVATE void weft_i_count_orphans(weft_domain *domain, size_t change);

/* Whether there are at least so many batches of orphans. */
WEFT_I_PRIVATE bool weft_i_many_orphans(weft_domain *domain, int batches);

/*
 * Moves all orphans into the bags, with the right to the domain's place `shared`. A fork's child finishes what a
 * vanished thread had begun: weft_i_sort_adopted moves what is left of the orphans taken, and returns how many.
 */
WEFT_I_PRIVATE size_t weft_i_sort_adopted(weft_domain *domain, weft_i_bags *bags);
WEFT_I_PRIVATE void weft_i_adopt(weft_domain *domain, weft_i_bags *bags);

#endif
