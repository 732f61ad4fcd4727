/*
 * private. Memory of a domain, from its allocator or the process's, counted. No lock may be held over any of these
 * calls: an allocator may use Weft, and may have fork handlers that wait.
 */
#ifndef WEFT_RECLAIM_MEMORY_H
#define WEFT_RECLAIM_MEMORY_H

#include <weft/reclaim/state.h>

/* Counted in the caller's place `local`; if that is NULL, in `shared`. Returns NULL if there is no memory. */
WEFT_I_PRIVATE void *weft_i_alloc_in(weft_domain *domain, weft_i_local *local, size_t size, size_t alignment);
WEFT_I_PRIVATE void weft_i_free_in(weft_domain *domain, weft_i_local *local, void *memory, size_t size);

WEFT_I_PRIVATE void *weft_i_alloc(weft_domain *domain, size_t size, size_t alignment);
WEFT_I_PRIVATE void weft_i_free(weft_domain *domain, void *memory, size_t size);

/* Zeroed memory. From WEFT_MAP_FROM bytes on it is mapped, with huge pages if there are any. */
WEFT_I_PRIVATE void *weft_i_alloc_zeroed(weft_domain *domain, size_t size);
WEFT_I_PRIVATE void weft_i_free_zeroed(weft_domain *domain, void *memory, size_t size);

#endif
