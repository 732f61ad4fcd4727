/* private. For iterations inside the map, which leave their guards between two entries whenever callbacks may run. */
#ifndef WEFT_HASHMAP_SPLIT_MAP_ITERATE_H
#define WEFT_HASHMAP_SPLIT_MAP_ITERATE_H

#include <weft/hashmap/split_map_layout.h>

WEFT_I_PRIVATE void weft_i_map_iterator_enter(weft_map_iterator *iterator);
WEFT_I_PRIVATE void weft_i_map_iterator_leave(weft_map_iterator *iterator);
WEFT_I_PRIVATE bool weft_i_map_iterator_next(weft_map_iterator *iterator, void **key, void **value);

#endif
