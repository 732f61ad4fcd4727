/*
 * private. Epochs: which batches were sealed before any guard held now was entered?
 *
 * The argument. A batch is sealed: e = fetch_add(epoch, 2), after all in it were unlinked. A reader reads r from the epoch,
 * publishes it, light fence L, and then reads the structure. The batch may be freed after a heavy fence F if all epochs
 * published are above e. A word seen with r > e: the reader read the epoch from the seal or from one after it, and so sees
 * the unlinkings. No word seen: L comes after F and the reader sees them too, or it has left with a release store. The epoch
 * moves without asking anybody, so that one fence serves, not two grace periods. (As in FreeBSD's subr_smr.c, J. Roberson
 * 2019, and Hazard Eras, P. Ramalhete and A. Correia, SPAA 2017.)
 *
 * A slot's domain is read after its word. A word of another domain read together with a later tag of ours is not a guard that
 * this scan must see: the tag's release store follows the leaving of the earlier guard, and the newer guard's word, which we
 * did not see, comes after F.
 */
#ifndef WEFT_RECLAIM_EPOCHS_H
#define WEFT_RECLAIM_EPOCHS_H

#include <weft/reclaim/state.h>

/* Seals what is in the place's bags. */
WEFT_I_PRIVATE void weft_i_epochs_seal(weft_i_local *local);

/* All was sealed before the fence: moves what nobody holds to `passed`. scan.blocker is the guard that others wait for, if any. */
WEFT_I_PRIVATE void weft_i_epochs_scan(weft_i_local *local);

#endif
