#include <weft/reclaim/slots.h>

size_t weft_i_guards_held(weft_domain *domain, int thread)
{
    size_t held = 0;
    weft_i_signals signals;
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        for (int i = WEFT_I_OPERATION, slots = weft_i_record_slots(r); i < slots; i++)
            held += (!thread || weft_i_record_thread_id(r) == thread) &&
                    weft_i_slot_domain(weft_i_record_slot(r, i)) == (void *)domain;
    if (!weft_i_any_linked(domain))
        return held;
    for (weft_guard *g = weft_i_lock_linked(domain, &signals); g; g = g->next)
        held += !thread || (int)g->own_thread == thread;
    weft_i_unlock_linked(domain, &signals);
    return held;
}
