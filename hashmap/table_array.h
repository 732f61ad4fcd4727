/* private. Arrays of buckets: made, linked to the one before, freed. */
#ifndef WEFT_HASHMAP_TABLE_ARRAY_H
#define WEFT_HASHMAP_TABLE_ARRAY_H

#include <weft/hashmap/table_layout.h>

WEFT_I_PRIVATE size_t weft_i_table_bytes(size_t bits);

/* An array of empty buckets that are VIRGIN or OPEN. NULL: no memory. */
WEFT_I_PRIVATE weft_i_table_array *weft_i_table_array_make(weft_domain *domain, size_t bits, size_t number, bool open);
WEFT_I_PRIVATE void weft_i_table_array_free(weft_i_table_array *array);

/* Gives an array, which is protected, a next one, if it has none. False: no memory. */
WEFT_I_PRIVATE bool weft_i_table_make_next(weft_table *table, weft_i_table_array *array, size_t bits);

#endif
