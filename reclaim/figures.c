#include <weft/reclaim/figures.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define LOCALS_A1 memory_order_acquire /* walk locals -> LOCALS_R1: sees a local's fields */
#define COUNT_A1 memory_order_acquire /* count retired -> COUNT_R1: the room read is not older than the grant */
#endif
/* clang-format on */

weft_i_local *weft_i_place_after(weft_domain *domain, weft_i_local *local)
{
    if (!local)
        return &domain->shared;
    if (local == &domain->shared)
        return &domain->barrier;
    return weft_i_load(local == &domain->barrier ? &domain->locals : &local->next, LOCALS_A1);
}

bool weft_i_place_empty(const weft_i_local *local)
{
    return weft_i_bags_empty(&local->bags) && weft_i_bags_empty(&local->scan.maybe) &&
           weft_i_bags_empty(&local->scan.passed) && weft_i_bags_empty(&local->ready) && !local->scan.sealed_count;
}

bool weft_i_nothing_left(weft_domain *domain)
{
    for (weft_i_local *l = NULL; (l = weft_i_place_after(domain, l)) != NULL;)
        if (!weft_i_place_empty(l))
            return false;
    /* relaxed: no other thread retires in the domain */
    return !weft_i_load(&domain->orphans, memory_order_relaxed);
}

size_t weft_i_retired(const weft_i_local *local)
{
    size_t granted = weft_i_load(&local->counters.granted, COUNT_A1);
    /* relaxed: read after `granted`, it is not older than that */
    return granted - weft_i_load(&local->room, memory_order_relaxed);
}

size_t weft_i_pending(weft_domain *domain, size_t *bytes)
{
    size_t count = 0, size = 0;
    for (weft_i_local *l = NULL; (l = weft_i_place_after(domain, l)) != NULL;) {
        const weft_i_counters *c = &l->counters;
        /* relaxed: figures */
        count += weft_i_retired(l) - weft_i_load(&c->reclaimed, memory_order_relaxed);
        size += weft_i_load(&c->retired_bytes, memory_order_relaxed) -
                weft_i_load(&c->reclaimed_bytes, memory_order_relaxed);
    }
    if (bytes)
        *bytes = size;
    /* relaxed: a figure; if two threads race, the higher value may be lost by a few */
    if (count > weft_i_load(&domain->pending_peak, memory_order_relaxed) && !(count >> (sizeof count * 8 - 1)))
        weft_i_store(&domain->pending_peak, count, memory_order_relaxed);
    return count;
}

static void add_listed(const weft_i_hook *hook, size_t *count, size_t *bytes)
{
    for (; hook; hook = hook->next, ++*count)
        *bytes += weft_i_size_of(hook);
}

static void add_bags(const weft_i_bags *bags, size_t *count, size_t *bytes)
{
    for (int b = 0; b < WEFT_I_BAGS; b++)
        add_listed(bags->of[b].head, count, bytes);
}

void weft_i_recount(weft_domain *domain)
{
    size_t listed = 0, listed_bytes = 0, bytes, count = weft_i_pending(domain, &bytes);
    /* relaxed: one thread, as the next */
    add_listed(weft_i_load(&domain->orphans, memory_order_relaxed), &listed, &listed_bytes);
    weft_i_store(&domain->orphan_count, listed + weft_i_bags_count(&domain->shared.ready), memory_order_relaxed);
    for (weft_i_local *l = NULL; (l = weft_i_place_after(domain, l)) != NULL;) {
        add_bags(&l->ready, &listed, &listed_bytes);
        add_bags(&l->bags, &listed, &listed_bytes);
        add_bags(&l->scan.maybe, &listed, &listed_bytes);
        add_bags(&l->scan.passed, &listed, &listed_bytes);
        for (int i = 0; i < l->scan.sealed_count; i++)
            add_bags(&l->scan.sealed[i].bags, &listed, &listed_bytes);
    }
    /* relaxed: one thread, as the next */
    (void)weft_i_fetch_add(&domain->shared.counters.reclaimed, count - listed, memory_order_relaxed);
    (void)weft_i_fetch_add(&domain->shared.counters.reclaimed_bytes, bytes - listed_bytes, memory_order_relaxed);
}

void weft_i_sum_up(weft_domain *domain, weft_domain_statistics *out)
{
    for (weft_i_local *l = NULL; (l = weft_i_place_after(domain, l)) != NULL;) {
        out->retired += weft_i_retired(l);
        /* relaxed: figures */
        out->reclaimed += weft_i_load(&l->counters.reclaimed, memory_order_relaxed);
        out->allocated += weft_i_load(&l->counters.allocated, memory_order_relaxed);
    }
    /* relaxed: a figure */
    out->pending_peak = weft_i_load(&domain->pending_peak, memory_order_relaxed);
}
