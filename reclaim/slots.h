/*
 * private. Reading what guards hold, for scans.
 */
#ifndef WEFT_RECLAIM_SLOTS_H
#define WEFT_RECLAIM_SLOTS_H

#include <weft/reclaim/linked.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define SLOTS_A1 memory_order_acquire /* a slot's domain -> WEFT_GUARD_R1, WEFT_GUARD_R5: the guard that used the slot before has been left */
#define SLOTS_A2 memory_order_acquire /* a slot's words -> WEFT_GUARD_R2, WEFT_GUARD_R3, WEFT_GUARD_R4: uses under what the word held before are over */
#endif
/* clang-format on */

weft_i_inline uintptr_t weft_i_word_of(weft_i_words *words, int i)
{
    return (uintptr_t)weft_i_load(&words->word[i], SLOTS_A2);
}

weft_i_inline void *weft_i_slot_domain(weft_i_slot *slot)
{
    return weft_i_load(&slot->domain, SLOTS_A1);
}

/* Guards held in the domain: by one thread, or by all (0). */
WEFT_I_PRIVATE size_t weft_i_guards_held(weft_domain *domain, int thread);

#endif
