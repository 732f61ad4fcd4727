/*
 * private. Nodes for reuse: a list per place and size class, of WEFT_CACHE nodes at most, and a depot of WEFT_DEPOT such lists per
 * domain and class, so that what one thread frees another allocates, a batch at a time (after J. Bonwick, J. Adams,
 * "Magazines and Vmem", USENIX ATC 2001). What goes beyond both is ready to go back to the allocator, and an
 * allocation that finds the cache empty takes it from there.
 */
#ifndef WEFT_RECLAIM_CACHE_H
#define WEFT_RECLAIM_CACHE_H

#include <weft/reclaim/memory.h>

/* Takes nodes that a scan has freed: into the cache or the depot, or among what is ready to be given back. */
WEFT_I_PRIVATE void weft_i_cache_accept(weft_i_local *local, int node_class, weft_i_list *freed);

/* Gives back a node that nobody else can see. `local` may be NULL. */
WEFT_I_PRIVATE void weft_i_node_free(weft_domain *domain, weft_i_local *local, int node_class, void *node);

/* A node where the cache has none. `local` may be NULL. NULL: no memory. */
WEFT_I_PRIVATE void *weft_i_node_alloc_slow(weft_i_local *local, weft_domain *domain, int node_class);

/* Empties the place's caches, one node after the other: the allocator may end the thread. */
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
