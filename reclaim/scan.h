/*
 * private. Which of the retired objects nobody can hold any more: the one question of reclamation, answered for both
 * schemes on lists that the caller owns.
 */
#ifndef WEFT_RECLAIM_SCAN_H
#define WEFT_RECLAIM_SCAN_H

#include <weft/reclaim/local.h>

/*
 * Moves what nobody can hold from local's bags (and sealed batches) to *freed; what must wait stays. The caller owns
 * local's lists. Waits for the domain's lock only where guards are linked.
 */
WEFT_I_PRIVATE void weft_i_scan(weft_domain *domain, weft_i_local *local, weft_i_bags *freed);

/* Guards held in the domain: by one thread, or by all (0). */
WEFT_I_PRIVATE size_t weft_i_guards_held(weft_domain *domain, int thread);

WEFT_I_PRIVATE void weft_i_list_splice(weft_i_list *to, weft_i_list *from);
WEFT_I_PRIVATE bool weft_i_bags_empty(const weft_i_bags *bags);
WEFT_I_PRIVATE void weft_i_bags_splice(weft_i_bags *to, weft_i_bags *from);

/* The linked guards, with signals blocked. */
WEFT_I_PRIVATE weft_i_signals weft_i_lock_linked(weft_domain *domain);
WEFT_I_PRIVATE void weft_i_unlock_linked(weft_domain *domain, weft_i_signals signals);

#endif
