/* private. How entries with destructors are reclaimed: once, when no thread can see them any more. */
#ifndef WEFT_HASHMAP_SPLIT_MAP_KINDS_H
#define WEFT_HASHMAP_SPLIT_MAP_KINDS_H

#include <weft/hashmap/split_map_layout.h>

/* NULL: no memory. */
WEFT_I_PRIVATE weft_i_map_kinds *weft_i_map_kinds_make(weft_domain *domain, const weft_map_config *config);
WEFT_I_PRIVATE void weft_i_map_kinds_unuse(weft_i_map_kinds *kinds, weft_domain *domain);
WEFT_I_PRIVATE void weft_i_map_destroy_parts(const weft_map_config *config, void *key, bool has_key, void *value);

#endif
