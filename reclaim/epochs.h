/*
 * private. Epochs: finds the batches that were sealed before any guard held now was entered.
 *
 * The argument. A batch is sealed by e = fetch_add(epoch, 2), after all objects in it were unlinked. A reader reads r
 * from the epoch, publishes it, passes a light fence L, and then reads the structure. The batch may be freed after a
 * heavy fence F if all published epochs are above e. If the scan sees a word with r > e, the reader read the epoch from
 * this seal or a later one, and so sees the unlinkings. If it sees no word, either L comes after F, and the reader sees
 * the unlinkings, too; or the reader has left, with a release store. The epoch advances without asking any thread, so
 * one fence suffices instead of two grace periods. (As in FreeBSD's subr_smr.c, J. Roberson 2019, and Hazard Eras, P.
 * Ramalhete and A. Correia, SPAA 2017.)
 *
 * A scan reads a slot's word first and its domain second, so the domain may belong to a later guard than the word. Then
 * the earlier guard has been left, since the later guard's release store of the domain follows that. And the later
 * guard's word was not seen, so it comes after F. The scan need not see either of them.
 */
#ifndef WEFT_RECLAIM_EPOCHS_H
#define WEFT_RECLAIM_EPOCHS_H

#include <weft/reclaim/state.h>

/* Seals what is in the place's bags. */
WEFT_I_PRIVATE void weft_i_epochs_seal(weft_i_local *local);

/*
 * Moves the batches that no guard holds to `passed`; all were sealed before the heavy fence. scan.blocker is the guard
 * that holds back the rest, if any.
 */
WEFT_I_PRIVATE void weft_i_epochs_scan(weft_i_local *local);

#endif
