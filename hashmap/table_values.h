/*
 * private. Values that a table destroys: each is retired in a node of its own, since its slot is needed again. Without
 * memory for a node it waits in its slot, DEAD.
 */
#ifndef WEFT_HASHMAP_TABLE_VALUES_H
#define WEFT_HASHMAP_TABLE_VALUES_H

#include <weft/hashmap/table_find.h>

/* A node to retire a value in. NULL: no memory. */
WEFT_I_PRIVATE weft_i_map_node *weft_i_table_node_make(weft_table *table);
WEFT_I_PRIVATE void weft_i_table_node_drop(weft_table *table, weft_i_map_node *node);

/* Retires a value. Guards may be held; afterwards weft_i_catch_up is due. */
WEFT_I_PRIVATE void weft_i_table_retire(weft_table *table, weft_i_map_node *node, void *value);

/* Retires the value of a DEAD slot of a bucket that has w->head. False: no memory. */
WEFT_I_PRIVATE bool weft_i_table_bury(weft_i_table_walk *w);

#endif
