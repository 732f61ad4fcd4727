#include <weft/reclaim/epochs.h>
#include <weft/reclaim/slots.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define EPOCHS_X1 memory_order_acq_rel /* seal a batch -> WEFT_GUARD_A1, EPOCHS_X1: a thread that reads the new epoch or a later one sees the unlinkings of the batch */
#endif
/* clang-format on */

/* Modulo 2^n: epochs may wrap, provided that no guard is held while half of them pass. */
static bool before(size_t a, size_t b)
{
    return (a - b) >> (sizeof(size_t) * 8 - 1);
}

static void consider_epoch(weft_i_blocker *oldest, const weft_i_words *words, uintptr_t value, int thread)
{
    if (value && (!oldest->words || before(value, oldest->value)))
        *oldest = (weft_i_blocker){words, value, thread, 0};
}

static weft_i_blocker find_oldest(weft_domain *domain)
{
    weft_i_blocker oldest = {0};
    weft_i_signals signals;
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        for (int i = WEFT_I_OPERATION, slots = weft_i_record_slots(r); i < slots; i++) {
            weft_i_slot *slot = weft_i_record_slot(r, i);
            uintptr_t value = weft_i_word_of(&slot->words, 0);
            if (value && weft_i_slot_domain(slot) == (void *)domain)
                consider_epoch(&oldest, &slot->words, value, weft_i_record_thread_id(r));
        }
    if (!weft_i_any_linked(domain))
        return oldest;
    for (weft_guard *g = weft_i_lock_linked(domain, &signals); g; g = g->next)
        consider_epoch(&oldest, &g->own.words, weft_i_word_of(&g->own.words, 0), (int)g->own_thread);
    weft_i_unlock_linked(domain, &signals);
    return oldest;
}

/* The bag becomes a batch. If there is no room for one, it joins the youngest, which then waits a little longer. */
void weft_i_epochs_seal(weft_i_local *local)
{
    weft_i_scan *s = &local->scan;
    if (weft_i_bags_empty(&local->bags))
        return;
    if (s->sealed_count < WEFT_SEALED)
        s->sealed[s->sealed_count++] = (weft_i_batch){0};
    weft_i_batch *youngest = &s->sealed[s->sealed_count - 1];
    weft_i_bags_splice(&youngest->bags, &local->bags);
    youngest->epoch = weft_i_fetch_add(&local->domain->head.epoch, 2, EPOCHS_X1);
}

void weft_i_epochs_scan(weft_i_local *local)
{
    weft_i_scan *s = &local->scan;
    size_t waiting = 0;
    int done = 0;
    weft_i_blocker oldest = find_oldest(local->domain);
    while (done < s->sealed_count && (!oldest.words || before(s->sealed[done].epoch, oldest.value)))
        weft_i_bags_splice(&s->passed, &s->sealed[done++].bags);
    for (int i = done; i < s->sealed_count; i++) {
        weft_i_batch *batch = &s->sealed[i - done];
        batch->epoch = s->sealed[i].epoch;
        if (done > 0)
            weft_i_bags_splice(&batch->bags, &s->sealed[i].bags);
        waiting += weft_i_bags_count(&batch->bags);
    }
    s->sealed_count -= done;
    s->blocker = waiting ? oldest : (weft_i_blocker){0};
    s->total = waiting / WEFT_SEALED; /* so that scans stay rare, however many objects wait */
}
