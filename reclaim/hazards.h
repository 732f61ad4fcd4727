/*
 * private. Hazard pointers (M. Michael, IEEE TPDS 15(6), 2004, section 3, with the fence moved to this side): finds the
 * retired objects of a place that no guard protects. It does so in steps, so that no call takes long.
 *
 * The argument. An object in the bag was unlinked before the heavy fence F. A reader publishes the pointer in a word,
 * passes a light fence L, and re-reads the source. If L comes before F, the scan sees the word, unless the reader has
 * replaced it since, by a release store that pairs with the scan's acquire load: then the reader is done with the
 * object. If L comes after F, the re-read sees the unlinking and the reader does not use the object. So the words may
 * be read at any time after F, a few at a time; records and guards that come after F need not be read at all. The words
 * of a slot are read in ascending order, so that a kernel may copy a pointer from a lower word to a higher one.
 */
#ifndef WEFT_RECLAIM_HAZARDS_H
#define WEFT_RECLAIM_HAZARDS_H

#include <weft/reclaim/state.h>

/* Begins a scan and reads the first hazards. All objects in scan.maybe were unlinked before the heavy fence. */
WEFT_I_PRIVATE void weft_i_hazards_begin(weft_i_local *local);

/*
 * Compares up to `most` objects more. Those that are held go back to the bags. True: the scan is over, and no guard
 * holds the objects in `passed`. scan.blocker is a guard that holds objects back, if any.
 */
WEFT_I_PRIVATE bool weft_i_hazards_step(weft_i_local *local, size_t most);

#endif
