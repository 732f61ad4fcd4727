/*
 * private. A domain's figures, added up over its places.
 */
#ifndef WEFT_RECLAIM_FIGURES_H
#define WEFT_RECLAIM_FIGURES_H

#include <weft/reclaim/state.h>

/* All places of the domain, its own first: weft_i_place_after(domain, NULL), and so on until NULL. */
WEFT_I_PRIVATE weft_i_local *weft_i_place_after(weft_domain *domain, weft_i_local *local);

/* Whether the place's lists are empty; whether all lists of the domain are. With the right to them. */
WEFT_I_PRIVATE bool weft_i_place_empty(const weft_i_local *local);
WEFT_I_PRIVATE bool weft_i_nothing_left(weft_domain *domain);

/* Objects retired in the place since its creation. */
WEFT_I_PRIVATE size_t weft_i_retired(const weft_i_local *local);

/* Objects retired and not reclaimed, in the whole domain; bytes may be NULL. Updates the peak. */
WEFT_I_PRIVATE size_t weft_i_pending(weft_domain *domain, size_t *bytes);

/* In a fork's child: objects that a vanished thread was moving are in no list, and no longer count as pending. */
WEFT_I_PRIVATE void weft_i_recount(weft_domain *domain);

/* Adds the figures of all places to *out. */
WEFT_I_PRIVATE void weft_i_sum_up(weft_domain *domain, weft_domain_statistics *out);

#endif
