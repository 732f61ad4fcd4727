/*
 * private. A scan finds the retired objects of a place that no guard can hold any more, by the domain's scheme, in
 * steps. The caller has the right to the place's lists.
 */
#ifndef WEFT_RECLAIM_SCAN_H
#define WEFT_RECLAIM_SCAN_H

#include <weft/reclaim/state.h>

/* Begins a scan of what is in the bags, unless one is under way. Sets `left`, the retirements before the next scan. */
WEFT_I_PRIVATE void weft_i_scan_begin(weft_i_local *local);

/*
 * Compares up to `most` objects more. True: the scan is over. What no guard can hold is in scan.passed, the rest waits.
 */
WEFT_I_PRIVATE bool weft_i_scan_step(weft_i_local *local, size_t most);

/* Does all steps of a new scan at once. */
WEFT_I_PRIVATE void weft_i_scan_all(weft_i_local *local);

/* Undoes a scan that is under way: its objects go back to the bags; sealed batches stay sealed. */
WEFT_I_PRIVATE void weft_i_scan_undo(weft_i_local *local);

#endif
