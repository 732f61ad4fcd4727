/*
 * private. Which of the retired objects nobody can hold any more: the one question of reclamation, asked of the domain's scheme in
 * steps. The caller has the right to the place's lists.
 */
#ifndef WEFT_RECLAIM_SCAN_H
#define WEFT_RECLAIM_SCAN_H

#include <weft/reclaim/state.h>

/* Begins with what is in the bags now, unless one is under way. The place's `left` is what may come before the next. */
WEFT_I_PRIVATE void weft_i_scan_begin(weft_i_local *local);

/* So many objects more. True: the scan is over, and scan.passed is what nobody can hold; what must wait is in the bags. */
WEFT_I_PRIVATE bool weft_i_scan_step(weft_i_local *local, size_t most);

/* All steps at once, of a scan that begins now. */
WEFT_I_PRIVATE void weft_i_scan_all(weft_i_local *local);

/* Undoes a scan that is under way: all that was retired and is not ready is in the bags. Its lists may be just whole. */
WEFT_I_PRIVATE void weft_i_scan_undo(weft_i_local *local);

#endif
