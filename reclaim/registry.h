/*
 * private. The list of all domains, and what keeps one from being destroyed.
 */
#ifndef WEFT_RECLAIM_REGISTRY_H
#define WEFT_RECLAIM_REGISTRY_H

#include <weft/reclaim/state.h>

/* A structure of the domain begins, after its last allocation (an allocator may end the thread), or ceases to exist. */
WEFT_I_PRIVATE void weft_i_domain_use(weft_domain *domain);
WEFT_I_PRIVATE void weft_i_domain_unuse(weft_domain *domain);
WEFT_I_PRIVATE bool weft_i_domain_used(weft_domain *domain);

/* Gives the domain its id. */
WEFT_I_PRIVATE void weft_i_register(weft_domain *domain);

/* It is to be destroyed: threads that end pass it by. False: one is at it, and nothing happened. */
WEFT_I_PRIVATE bool weft_i_close(weft_domain *domain);

WEFT_I_PRIVATE void weft_i_unregister(weft_domain *domain);

/*
 * For a thread that ends: the newest domain with an id below that the thread has to leave, kept from being destroyed until the
 * next call names it as `left` (NULL: none). NULL: there is none.
 */
WEFT_I_PRIVATE weft_domain *weft_i_visit_below(uint64_t id, weft_domain *left,
                                               bool (*wanted)(weft_domain *domain, const void *ctx), const void *ctx);

/* For forks: the lock of the list; with it, the first domain. */
WEFT_I_PRIVATE void weft_i_lock_domains(void);
WEFT_I_PRIVATE void weft_i_unlock_domains(void);
WEFT_I_PRIVATE weft_domain *weft_i_first_domain(void);

#endif
