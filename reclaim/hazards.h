/*
 * private. Hazard pointers (M. Michael, IEEE TPDS 15(6), 2004, section 3, with the fence moved to this side): of what a place
 * has retired, what does no guard protect? Read in steps, so that no call takes long.
 *
 * The argument. An object in the bag was unlinked before the heavy fence F. A reader publishes the pointer in a word, light
 * fence L, and re-reads the source. If L comes before F, the scan sees the word, unless the reader has replaced it since, by a
 * release store that the scan's acquire load pairs with: then the reader is done with the object. If L comes after F, the
 * re-read sees the unlinking and the reader does not use the object. So the words may be read at any time after F, a few at
 * a time; records and guards that come after F need not be read at all. Words of a slot are read in ascending order, so that a
 * kernel may hand a pointer on from a lower word to a higher one.
 */
#ifndef WEFT_RECLAIM_HAZARDS_H
#define WEFT_RECLAIM_HAZARDS_H

#include <weft/reclaim/state.h>

/* All in scan.maybe was unlinked before the fence: reads the first hazards. */
WEFT_I_PRIVATE void weft_i_hazards_begin(weft_i_local *local);

/*
 * Compares so many objects more. What is held goes back to the bags. True: all has been compared, and what is in `passed`
 * nobody holds. scan.blocker is the guard that holds back others, if any.
 */
WEFT_I_PRIVATE bool weft_i_hazards_step(weft_i_local *local, size_t most);

#endif
