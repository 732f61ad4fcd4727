/* private. Draws a map's seed. */
#ifndef WEFT_HASHMAP_SPLIT_MAP_HASH_H
#define WEFT_HASHMAP_SPLIT_MAP_HASH_H

#include <weft/hashmap/split_map.h>

WEFT_I_PRIVATE void weft_i_map_seed(const void *map, weft_map_seed *seed);

#endif
