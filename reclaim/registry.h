/*
 * private. The list of all domains, and what keeps one from being destroyed.
 */
#ifndef WEFT_RECLAIM_REGISTRY_H
#define WEFT_RECLAIM_REGISTRY_H

#include <weft/reclaim/state.h>

/* Counts the domain's structures: up after a structure's last allocation, since an allocator may end the thread. */
WEFT_I_PRIVATE void weft_i_domain_use(weft_domain *domain);
WEFT_I_PRIVATE void weft_i_domain_unuse(weft_domain *domain);
WEFT_I_PRIVATE bool weft_i_domain_used(weft_domain *domain);

/* Gives the domain its id. */
WEFT_I_PRIVATE void weft_i_register(weft_domain *domain);

/* Marks the domain as closing, so that ending threads pass it by. False: one visits it, and nothing has happened. */
WEFT_I_PRIVATE bool weft_i_close(weft_domain *domain);

WEFT_I_PRIVATE void weft_i_unregister(weft_domain *domain);

/*
 * For a thread that ends: the newest domain with an id below `id` that is wanted. It cannot be destroyed until the next
 * call names it as `left` (which may be NULL). NULL: there is none.
 */
WEFT_I_PRIVATE weft_domain *weft_i_visit_below(uint64_t id, weft_domain *left,
                                               bool (*wanted)(weft_domain *domain, const void *ctx), const void *ctx);

/* The lock of the list; the first domain, with that lock. */
WEFT_I_PRIVATE void weft_i_lock_domains(void);
WEFT_I_PRIVATE void weft_i_unlock_domains(void);
WEFT_I_PRIVATE weft_domain *weft_i_first_domain(void);

#endif
