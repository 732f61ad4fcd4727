/*
 * private. The life of a thread's record: had at first use, given back by the exit hook, lost in a fork's child.
 * docs/reclamation.md has its table, which life.c follows.
 */
#ifndef WEFT_RECLAIM_LIFE_H
#define WEFT_RECLAIM_LIFE_H

#include <weft/reclaim/state.h>

/*
 * The caller's record, made if need be. NULL: no memory, no key, or this thread's exit hook has run: then it works without, its
 * guards are linked, and what it retires are orphans. errno is not touched.
 */
WEFT_I_PRIVATE weft_i_record *weft_i_record_get(void);

/*
 * For a call that may run callbacks, which may end the thread: makes sure that an exit hook comes then, as far as there is memory.
 * After the thread's own hook has run the record is borrowed, and is to be returned; otherwise this is NULL.
 */
WEFT_I_PRIVATE weft_i_record *weft_i_record_borrow(void);
WEFT_I_PRIVATE void weft_i_record_return(weft_i_record *borrowed);

/* The caller has no record from here on, and is as before its first use. Its guards have been left, its lists are empty. */
WEFT_I_PRIVATE void weft_i_record_drop(void);

/* The record's place in the domain, attached or not; NULL: none was made. Lock-free. */
WEFT_I_PRIVATE weft_i_local *weft_i_place_of_record(weft_domain *domain, const weft_i_record *record);

#endif
