/*
 * private. Nodes for reuse: a list per place and size class, of WEFT_CACHE nodes at most, and a depot of WEFT_DEPOT
 * such lists per domain and class, so that what one thread frees another allocates, a batch at a time (after J.
 * Bonwick, J. Adams, "Magazines and Vmem", USENIX ATC 2001). Nodes beyond both are ready to go back to the allocator;
 * an allocation that finds the cache empty takes one of those first.
 */
#ifndef WEFT_RECLAIM_CACHE_H
#define WEFT_RECLAIM_CACHE_H

#include <weft/reclaim/memory.h>

/* Moves nodes that a scan has freed into the cache or the depot. Those that fit in neither stay in `freed`. */
WEFT_I_PRIVATE void weft_i_cache_accept(weft_i_local *local, int node_class, weft_i_list *freed);

/* Frees a node that no other thread can see. `local` may be NULL. */
WEFT_I_PRIVATE void weft_i_node_free(weft_domain *domain, weft_i_local *local, int node_class, void *node);

/* Allocates a node if the cache is empty. `local` may be NULL. Returns NULL if there is no memory. */
WEFT_I_PRIVATE void *weft_i_node_alloc_slow(weft_i_local *local, weft_domain *domain, int node_class);

/* Puts at least one node into the place's empty cache. False: no memory. */
WEFT_I_PRIVATE bool weft_i_cache_supply(weft_i_local *local, int node_class);

/* Frees the place's cached nodes, one after the other, since the allocator may end the thread. */
WEFT_I_PRIVATE void weft_i_trim(weft_i_local *local);
WEFT_I_PRIVATE void weft_i_trim_depot(weft_domain *domain);

/* A node from the place's cache; NULL: it is empty. */
weft_i_inline void *weft_i_cache_pop(weft_i_local *local, int node_class)
{
    return weft_i_list_pop(&local->cache[node_class]);
}

/* A node's memory, from the place's cache when it has one. NULL: out of memory. */
weft_i_inline void *weft_i_node_alloc(weft_domain *domain, weft_i_local *local, int node_class)
{
    void *node = weft_i_likely(local != NULL) ? weft_i_cache_pop(local, node_class) : NULL;
    return weft_i_likely(node != NULL) ? node : weft_i_node_alloc_slow(local, domain, node_class);
}

#endif
