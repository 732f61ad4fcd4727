/*
 * private. What reclaim/'s files know of each other beyond local.h: the list of all domains and their threads' ends.
 */
#ifndef WEFT_RECLAIM_REGISTRY_H
#define WEFT_RECLAIM_REGISTRY_H

#include <weft/reclaim/local.h>

extern const weft_i_record_events weft_i_record_events_of_domains;

void weft_i_collect(weft_i_local *local);
void weft_i_drain(weft_i_local *local, size_t most);
weft_i_local *weft_i_locals(weft_domain *domain);
weft_i_local *weft_i_next_local(weft_i_local *local);
void weft_i_local_abandon(weft_domain *domain, weft_i_record *record);
void weft_i_after_exit(weft_domain *domain);
bool weft_i_steal(weft_domain *domain, weft_i_bags *waiting, weft_i_list *ready);
void weft_i_adopt(weft_domain *domain, weft_i_bags *bags);
void weft_i_adopt_unless_barrier(weft_domain *domain, weft_i_bags *bags);
void weft_i_push_orphans(weft_domain *domain, weft_i_bags *bags);
void weft_i_collect_orphans(weft_domain *domain);
size_t weft_i_size_of(const weft_i_hook *hook);
void weft_i_reclaim_bags(weft_domain *domain, weft_i_bags *bags);
void weft_i_trim(weft_i_local *local);
void weft_i_cache_accept(weft_i_local *local, int node_class, weft_i_list *freed);
void weft_i_trim_depot(weft_domain *domain);
size_t weft_i_pending(weft_domain *domain, size_t *bytes);
bool weft_i_in_callback(void);
bool weft_i_in_callback_of(const weft_domain *domain);
bool weft_i_shared_callbacks(weft_domain *domain);
void weft_i_take_all(weft_domain *domain, weft_i_bags *all);
void weft_i_give_to_orphans(weft_domain *domain, weft_i_local *local);
void weft_i_recount(weft_domain *domain);
void weft_i_sum_up(weft_domain *domain, weft_domain_statistics *out);
void weft_i_collect_shared(weft_domain *domain);
size_t weft_i_callbacks(weft_i_local *local);
/* Its owner has ended, and with it what it ran. */
void weft_i_callbacks_end(weft_i_local *local);
void weft_i_shared_callbacks_end(weft_domain *domain);

/* A structure of the domain begins or ceases to exist; NULL stands for the default domain. */
weft_domain *weft_i_domain_use(weft_domain *domain);
void weft_i_domain_unuse(weft_domain *domain);

#endif
