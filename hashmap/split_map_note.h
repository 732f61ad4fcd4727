/* private. Notes: what stands in the list for a bucket that is to be opened. split_map_table.h tells what they are for. */
#ifndef WEFT_HASHMAP_SPLIT_MAP_NOTE_H
#define WEFT_HASHMAP_SPLIT_MAP_NOTE_H

#include <weft/hashmap/split_map_layout.h>

/* w->here is a note, `next` its link: puts the bucket in its place, if that is still to be had, or takes it away. */
WEFT_I_PRIVATE void weft_i_map_note_settle(weft_i_map_walk *w, void *next, weft_scheme scheme);

/*
 * The same with a note that word 0 protects, or the walk, where w->prev leads to it by `at`; its bucket (NULL: gone) is protected, too.
 * True: the caller has taken it off the list, and retires it.
 */
WEFT_I_PRIVATE bool weft_i_map_note_put(weft_i_map_walk *w, void *next, weft_i_map_bucket *bucket, void *at);

#endif
