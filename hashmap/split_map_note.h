/* private. Notes: nodes that stand in the list for buckets to be opened. split_map_table.h says what they are for. */
#ifndef WEFT_HASHMAP_SPLIT_MAP_NOTE_H
#define WEFT_HASHMAP_SPLIT_MAP_NOTE_H

#include <weft/hashmap/split_map_layout.h>

/*
 * w->here is a note, `next` its link: replaces the note by its bucket or, if that is frozen or gone, removes the note.
 */
WEFT_I_PRIVATE void weft_i_map_note_settle(weft_i_map_walk *w, void *next, weft_scheme scheme);

/*
 * The same for a note that word 0 or the walk protects; w->prev leads to it by `at`. Its bucket is protected, too
 * (NULL: gone). True: the caller has taken the note off the list and must retire it.
 */
WEFT_I_PRIVATE bool weft_i_map_note_put(weft_i_map_walk *w, void *next, weft_i_map_bucket *bucket, void *at);

#endif
