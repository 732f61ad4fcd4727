/*
 * private. The life of a thread's record: taken at first use, given back by the exit hook, lost in a fork's child.
 * docs/reclamation.md lists its states; life.c follows them.
 */
#ifndef WEFT_RECLAIM_LIFE_H
#define WEFT_RECLAIM_LIFE_H

#include <weft/reclaim/state.h>

/*
 * The caller's record, made if need be. NULL: no memory, no key, or this thread's exit hook has run. Then the thread
 * works without a record: its guards are linked, and what it retires becomes orphans. errno is not touched.
 */
WEFT_I_PRIVATE weft_i_record *weft_i_record_get(void);

/*
 * For a call that may run callbacks, which may end the thread: makes sure that the exit hook runs then, if there is
 * memory. If the thread's exit hook has run already, returns a borrowed record, which the caller must return. Otherwise
 * returns NULL.
 */
WEFT_I_PRIVATE weft_i_record *weft_i_record_borrow(void);
WEFT_I_PRIVATE void weft_i_record_return(weft_i_record *borrowed);

/* Gives back the caller's record: the thread is as before its first use. It holds no guard, and its lists are empty. */
WEFT_I_PRIVATE void weft_i_record_drop(void);

/* The record's place in the domain, attached or not; NULL: none was made. Lock-free. */
WEFT_I_PRIVATE weft_i_local *weft_i_place_of_record(weft_domain *domain, const weft_i_record *record);

#endif
