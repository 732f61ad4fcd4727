/*
 * private. The way from one array of buckets to the next. No thread waits for another one in the middle of this.
 *
 * A growing array hands each bucket on to two, a shrinking one two buckets to one: such a group moves by itself, in
 * steps that any thread can do, and that have the same outcome whoever does them:
 *
 *  1. Only if two become one: both are SEALED, so that they take no more entries. If all their entries fit into one,
 *     its head becomes MERGING. Otherwise it becomes PASSING, and each of the two hands its entries on to one bucket of
 *     the array behind, which is as large as theirs.
 *  2. What takes over gets as many nodes of slots as it will need, while that is known and before anything depends on
 *     it: memory may end here, and then the group stays as it is.
 *  3. Each bucket becomes FROZEN by a compare-and-swap from the head for which there are enough nodes. From now on its
 *     head, and the words of its LIVE and DEAD slots, never change.
 *  4. The entries are copied in the order of their slots, each word by a compare-and-swap from 0, and the head of what
 *     takes over goes from VIRGIN or MERGING to OPEN, with these slots in use. A PASSING one becomes MOVED.
 *  5. Each bucket becomes MOVED; who does that retires its nodes.
 *
 *  (a) A late thread changes nothing. In step 4 it writes only words that were written before the bucket was opened,
 *      and such words are never 0 again. It reads a node of slots only while the bucket is as it was before that.
 *  (b) Readers never help. A frozen bucket has the truth about its keys until it is MOVED: an update of one of them
 *      that finds it frozen does all five steps before it goes on, and only MOVED buckets are passed by.
 *  (c) In step 2, a growing bucket never needs memory for more nodes than it has itself: two buckets need no more for
 *      its entries. Once one bucket of a group is FROZEN, moving the group needs no memory.
 *  (d) A bucket that is full moves at once, by itself, to a next array that is made for it if need be, also while its
 *      own array is still being filled. So arrays are a chain, and the table's is the first one. The table goes on by
 *      one when all buckets of its array are MOVED. Numbers tell which arrays may have been retired.
 */
#ifndef WEFT_HASHMAP_TABLE_MOVE_H
#define WEFT_HASHMAP_TABLE_MOVE_H

#include <weft/hashmap/table_find.h>

/* Moves the group of a bucket in w->array, whatever its state. False: no memory. */
WEFT_I_PRIVATE bool weft_i_table_move(weft_i_table_walk *w);

/* Moves the group of the bucket with that index in w->array to `next`, which is protected. False: no memory. */
WEFT_I_PRIVATE bool weft_i_table_move_to(weft_i_table_walk *w, weft_i_table_array *next, size_t index);

/* Puts a node of slots at the end of the bucket's chain, if there is none at `index`. False: no memory. */
WEFT_I_PRIVATE bool weft_i_table_extend(weft_i_table_walk *w, unsigned index);

/* Moves the key's bucket, which is full, to a larger array. False: no memory. Afterwards the walk begins again. */
WEFT_I_PRIVATE bool weft_i_table_widen(weft_i_table_walk *w);

#endif
