/*
 * private. What reclaim/'s files know of each other beyond local.h: the list of all domains and their threads' ends.
 */
#ifndef WEFT_RECLAIM_REGISTRY_H
#define WEFT_RECLAIM_REGISTRY_H

#include <weft/reclaim/local.h>

WEFT_I_PRIVATE_OBJECT const weft_i_record_events weft_i_record_events_of_domains;

WEFT_I_PRIVATE void weft_i_collect(weft_i_local *local);
WEFT_I_PRIVATE void weft_i_drain(weft_i_local *local, size_t most);
WEFT_I_PRIVATE weft_i_local *weft_i_locals(weft_domain *domain);
WEFT_I_PRIVATE weft_i_local *weft_i_next_local(weft_i_local *local);
WEFT_I_PRIVATE void weft_i_local_abandon(weft_domain *domain, weft_i_record *record);
WEFT_I_PRIVATE void weft_i_after_exit(weft_domain *domain);
WEFT_I_PRIVATE bool weft_i_steal(weft_domain *domain, weft_i_bags *waiting, weft_i_list *ready);
WEFT_I_PRIVATE void weft_i_adopt(weft_domain *domain, weft_i_bags *bags);
WEFT_I_PRIVATE void weft_i_adopt_unless_barrier(weft_domain *domain, weft_i_bags *bags);
WEFT_I_PRIVATE void weft_i_push_orphans(weft_domain *domain, weft_i_bags *bags);
WEFT_I_PRIVATE void weft_i_collect_orphans(weft_domain *domain);
WEFT_I_PRIVATE size_t weft_i_size_of(const weft_i_hook *hook);
WEFT_I_PRIVATE void weft_i_reclaim_bags(weft_domain *domain, weft_i_bags *bags);
WEFT_I_PRIVATE void weft_i_trim(weft_i_local *local);
WEFT_I_PRIVATE void weft_i_cache_accept(weft_i_local *local, int node_class, weft_i_list *freed);
WEFT_I_PRIVATE void weft_i_trim_depot(weft_domain *domain);
WEFT_I_PRIVATE size_t weft_i_pending(weft_domain *domain, size_t *bytes);
WEFT_I_PRIVATE bool weft_i_in_callback(void);
WEFT_I_PRIVATE bool weft_i_in_callback_of(const weft_domain *domain);
WEFT_I_PRIVATE bool weft_i_shared_callbacks(weft_domain *domain);
WEFT_I_PRIVATE void weft_i_take_all(weft_domain *domain, weft_i_bags *all);
WEFT_I_PRIVATE void weft_i_give_to_orphans(weft_domain *domain, weft_i_local *local);
WEFT_I_PRIVATE void weft_i_recount(weft_domain *domain);
WEFT_I_PRIVATE void weft_i_sum_up(weft_domain *domain, weft_domain_statistics *out);
WEFT_I_PRIVATE void weft_i_collect_shared(weft_domain *domain);
WEFT_I_PRIVATE size_t weft_i_callbacks(weft_i_local *local);
/* Its owner has ended, and with it what it ran. */
WEFT_I_PRIVATE void weft_i_callbacks_end(weft_i_local *local);
WEFT_I_PRIVATE void weft_i_shared_callbacks_end(weft_domain *domain);

/* A structure of the domain begins or ceases to exist; NULL stands for the default domain. */
WEFT_I_PRIVATE weft_domain *weft_i_domain_use(weft_domain *domain);
WEFT_I_PRIVATE void weft_i_domain_unuse(weft_domain *domain);

#endif
