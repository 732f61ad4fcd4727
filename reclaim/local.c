/* A thread's part of a domain: batches, owners, and the barrier's way to their lists. */
#include <weft/reclaim/registry.h>
#include <weft/reclaim/scan.h>

/* clang-format off */
#ifndef LOCALS_R1
#define LOCALS_R1 memory_order_release /* push local -> LOCALS_A1: publishes its fields */
#endif
#ifndef LOCALS_A1
#define LOCALS_A1 memory_order_acquire /* walk locals -> LOCALS_R1: sees a local's fields */
#endif
#ifndef COUNT_A1
#define COUNT_A1 memory_order_acquire /* count retired -> COUNT_R1: the room is not older than the grant */
#endif
/* clang-format on */

/* ---- a batch is full ---- */

static size_t retired(const weft_i_local *local)
{
    size_t granted = weft_i_load(&local->counters.granted, COUNT_A1);
    /* relaxed: read after `granted`, it is not older than that */
    return granted - weft_i_load(&local->room, memory_order_relaxed);
}

size_t weft_i_pending(weft_domain *domain, size_t *bytes)
{
    weft_i_local *local = &domain->shared;
    size_t count = 0, size = 0;
    while (local) {
        const weft_i_counters *c = &local->counters;
        /* relaxed: figures */
        count += retired(local) - weft_i_load(&c->reclaimed, memory_order_relaxed);
        size += weft_i_load(&c->retired_bytes, memory_order_relaxed) -
                weft_i_load(&c->reclaimed_bytes, memory_order_relaxed);
        local = local == &domain->shared ? weft_i_locals(domain) : weft_i_load(&local->next, LOCALS_A1);
    }
    if (bytes)
        *bytes = size;
    /* relaxed: a figure; of two that race the higher may be lost by a few */
    if (count > weft_i_load(&domain->pending_peak, memory_order_relaxed) && !(count >> (sizeof count * 8 - 1)))
        weft_i_store(&domain->pending_peak, count, memory_order_relaxed);
    return count;
}

/* With the right to the lists: so many may be retired before maintenance. */
static void grant(weft_i_local *local, size_t room)
{
    /* relaxed: figures, each written by one thread */
    size_t more = room - weft_i_load(&local->room, memory_order_relaxed);
    weft_i_store(&local->room, room, memory_order_relaxed);
    /* relaxed: likewise */
    weft_i_store(&local->counters.granted, weft_i_load(&local->counters.granted, memory_order_relaxed) + more, COUNT_R1);
}

/* As long as something is ready, each retirement reclaims some of it. */
static void grant_what_is_left(weft_i_local *local)
{
    size_t room = local->ready.head || !local->left ? 1 : local->left;
    grant(local, room);
    local->left -= local->left ? room : 0;
}

static void collect(weft_i_local *local)
{
    weft_i_bags freed = {0};
    (void)weft_i_pending(local->domain, NULL);
    weft_i_adopt_unless_barrier(local->domain, &local->bags);
    weft_i_scan(local->domain, local, &freed);
    for (int c = 0; c < WEFT_I_CLASSES; c++)
        weft_i_cache_accept(local, c, &freed.of[c]);
    weft_i_list_splice(&local->ready, &freed.of[WEFT_I_OTHER]);
}

void weft_i_collect(weft_i_local *local)
{
    if (weft_i_in_callback() || !weft_i_busy_begin(local->domain))
        return;
    collect(local);
    grant_what_is_left(local);
    weft_i_busy_end();
}

bool weft_i_maintain(weft_domain *domain, weft_i_local *local)
{
    if (!local) {
        weft_i_collect_orphans(domain);
        return true;
    }
    if (!weft_i_busy_begin(local->domain))
        return true; /* a thief, who will make room */
    if (!weft_i_in_callback() && (!local->left || local->range_bytes >= WEFT_BATCH_BYTES))
        collect(local);
    grant_what_is_left(local);
    weft_i_busy_end();
    weft_i_drain(local, 2);
    return true;
}

/* ---- locals and their owners ---- */

weft_i_local *weft_i_locals(weft_domain *domain)
{
    return weft_i_load(&domain->locals, LOCALS_A1);
}

weft_i_local *weft_i_next_local(weft_i_local *local)
{
    return weft_i_load(&local->next, LOCALS_A1);
}

/* The record's local, or one that nobody owns, taken for it. Under `owners`. */
static weft_i_local *claim(weft_domain *domain, weft_i_record *record)
{
    weft_i_local *unowned = NULL;
    for (weft_i_local *l = weft_i_locals(domain); l; l = weft_i_next_local(l)) {
        if (l->owner == record)
            return l;
        if (!l->owner)
            unowned = l;
    }
    if (unowned)
        unowned->owner = record;
    return unowned;
}

static weft_i_local *add_local(weft_domain *domain, weft_i_record *record)
{
    weft_i_local *local = weft_i_alloc(domain, sizeof *local, WEFT_I_LINE);
    if (!local)
        return NULL;
    *local = (weft_i_local){.domain = domain, .owner = record};
    grant(local, WEFT_BATCH);
    weft_i_mutex_lock(&domain->owners);
    /* relaxed: pushed only here, under the lock */
    weft_i_store(&local->next, weft_i_load(&domain->locals, memory_order_relaxed), memory_order_relaxed);
    weft_i_store(&domain->locals, local, LOCALS_R1);
    weft_i_mutex_unlock(&domain->owners);
    return local;
}

weft_i_local *weft_i_local_find(weft_domain *domain)
{
    weft_i_record *record = weft_i_record_get(&weft_i_record_events_of_domains, weft_default_domain());
    if (!record)
        return NULL;
    weft_i_mutex_lock(&domain->owners);
    weft_i_local *local = claim(domain, record);
    weft_i_mutex_unlock(&domain->owners);
    if (!local && !(local = add_local(domain, record)))
        return NULL;
    record->hint[domain->id % WEFT_HINTS] = (weft_i_hint){domain->id, local};
    return local;
}

/* Lists as a thread left them, even in the middle of a push: heads are right, the rest is derived. */
static void mend(weft_i_list *list)
{
    list->count = 0;
    for (weft_i_hook *hook = list->head; hook; hook = hook->next) {
        list->tail = hook;
        list->count++;
    }
}

/* `ready` may be among `waiting`: then what was ready is asked about again. */
static void take_lists(weft_i_local *local, weft_i_bags *waiting, weft_i_list *ready)
{
    for (int i = 0; i < local->sealed_count; i++)
        weft_i_bags_splice(waiting, &local->sealed[i].bags);
    local->sealed_count = 0;
    weft_i_bags_splice(waiting, &local->bags);
    weft_i_list_splice(ready, &local->ready);
    local->range_bytes = 0;
    local->left = 0;
    if (local->owner)
        grant(local, WEFT_BATCH);
}

/*
 * The record's owner ends, or is not in this process: what it had goes to the others. It may have been anywhere, in a
 * callback too. Under `owners`.
 */
void weft_i_local_abandon(weft_domain *domain, weft_i_record *record)
{
    weft_i_bags waiting = {0};
    weft_i_local *local = weft_i_locals(domain);
    while (local && local->owner != record)
        local = weft_i_next_local(local);
    if (!local)
        return;
    mend(&local->ready);
    for (int b = 0; b < WEFT_I_BAGS; b++)
        mend(&local->bags.of[b]);
    for (int i = 0; i < local->sealed_count * WEFT_I_BAGS; i++)
        mend(&local->sealed[i / WEFT_I_BAGS].bags.of[i % WEFT_I_BAGS]);
    weft_i_callbacks_end(local);
    take_lists(local, &waiting, &waiting.of[WEFT_I_OTHER]);
    weft_i_push_orphans(domain, &waiting);
    weft_i_trim(local);
    local->owner = NULL;
}

/* After a thread's end, outside all locks: bounds what ended threads leave pending. */
void weft_i_after_exit(weft_domain *domain)
{
    weft_i_collect_orphans(domain);
}

/* For a moment: an operation takes less. */
static bool wait_for(weft_i_record *owner)
{
    for (int turns = 0; weft_i_load(&owner->operation.domain, LOCAL_A2); turns++) {
        if (turns == WEFT_THIEF_TURNS)
            return false;
        weft_i_sys_yield();
    }
    return true;
}

static bool asked(const weft_domain *domain, const weft_i_local *local)
{
    return local->owner && local->round != domain->round;
}

/*
 * Takes the lists of all threads that it has not been to in this round, and the orphans. False: not all could be had,
 * for want of a heavy fence or because an owner stays inside an operation. Under `owners`.
 */
bool weft_i_steal(weft_domain *domain, weft_i_bags *waiting, weft_i_list *ready)
{
    bool all = true;
    for (weft_i_local *l = weft_i_locals(domain); l; l = weft_i_next_local(l))
        if (asked(domain, l))
            /* relaxed: the fence orders it before the look at the slot */
            (void)weft_i_fetch_add(&l->owner->thread.attention, WEFT_I_THIEF, memory_order_relaxed);
    bool fenced = weft_i_heavy_fence();
    for (weft_i_local *l = weft_i_locals(domain); l; l = weft_i_next_local(l)) {
        if (!asked(domain, l))
            continue;
        if (fenced && wait_for(l->owner)) {
            take_lists(l, waiting, ready);
            l->round = domain->round;
        } else {
            all = false;
        }
        (void)weft_i_fetch_sub(&l->owner->thread.attention, WEFT_I_THIEF, LOCAL_R2);
    }
    take_lists(&domain->shared, waiting, ready);
    weft_i_adopt(domain, waiting);
    return all;
}

/* All that is retired in a domain that nobody uses any more. Under `owners`. */
void weft_i_take_all(weft_domain *domain, weft_i_bags *all)
{
    for (weft_i_local *l = weft_i_locals(domain); l; l = weft_i_next_local(l))
        take_lists(l, all, &all->of[WEFT_I_OTHER]);
    take_lists(&domain->shared, all, &all->of[WEFT_I_OTHER]);
    weft_i_adopt(domain, all);
}

void weft_i_give_to_orphans(weft_domain *domain, weft_i_local *local)
{
    weft_i_bags all = {0};
    take_lists(local, &all, &all.of[WEFT_I_OTHER]);
    weft_i_push_orphans(domain, &all);
}

static void add_listed(const weft_i_hook *hook, size_t *count, size_t *bytes)
{
    for (; hook; hook = hook->next, ++*count)
        *bytes += weft_i_size_of(hook);
}

/* In a fork's child: what a vanished thread had in hand is in no list, and so not pending here. */
void weft_i_recount(weft_domain *domain)
{
    size_t listed = 0, listed_bytes = 0, bytes, count = weft_i_pending(domain, &bytes);
    /* relaxed: one thread */
    add_listed(weft_i_load(&domain->orphans, memory_order_relaxed), &listed, &listed_bytes);
    for (weft_i_local *l = &domain->shared; l;
         l = l == &domain->shared ? weft_i_locals(domain) : weft_i_next_local(l)) {
        add_listed(l->ready.head, &listed, &listed_bytes);
        for (int b = 0; b < WEFT_I_BAGS; b++)
            add_listed(l->bags.of[b].head, &listed, &listed_bytes);
        for (int i = 0; i < l->sealed_count * WEFT_I_BAGS; i++)
            add_listed(l->sealed[i / WEFT_I_BAGS].bags.of[i % WEFT_I_BAGS].head, &listed, &listed_bytes);
    }
    /* relaxed: one thread */
    (void)weft_i_fetch_add(&domain->shared.counters.reclaimed, count - listed, memory_order_relaxed);
    /* relaxed: one thread */
    (void)weft_i_fetch_add(&domain->shared.counters.reclaimed_bytes, bytes - listed_bytes, memory_order_relaxed);
}

void weft_i_sum_up(weft_domain *domain, weft_domain_statistics *out)
{
    for (weft_i_local *l = &domain->shared; l;
         l = l == &domain->shared ? weft_i_locals(domain) : weft_i_next_local(l)) {
        out->retired += retired(l);
        /* relaxed: figures */
        out->reclaimed += weft_i_load(&l->counters.reclaimed, memory_order_relaxed);
        out->allocated += weft_i_load(&l->counters.allocated, memory_order_relaxed);
    }
    /* relaxed: a figure */
    out->pending_peak = weft_i_load(&domain->pending_peak, memory_order_relaxed);
}
