#define _GNU_SOURCE
#include <weft/reclaim/scan.h>
#include <weft/reclaim/registry.h>

/* clang-format off */
#ifndef ORPHAN_R1
#define ORPHAN_R1 memory_order_release /* push orphans -> ORPHAN_A1: publishes their hooks */
#endif
#ifndef ORPHAN_A1
#define ORPHAN_A1 memory_order_acquire /* adopt orphans -> ORPHAN_R1: sees their hooks, and that they were unlinked */
#endif
#ifndef LOCALS_R1
#define LOCALS_R1 memory_order_release /* push local -> LOCALS_A1: publishes its fields */
#endif
#ifndef LOCALS_A1
#define LOCALS_A1 memory_order_acquire /* walk locals -> LOCALS_R1: sees a local's fields */
#endif
#ifndef CALLBACK_R1
#define CALLBACK_R1 memory_order_release /* callback over -> CALLBACK_A1: what it did comes before */
#endif
#ifndef CALLBACK_A1
#define CALLBACK_A1 memory_order_acquire /* is a callback running -> CALLBACK_R1: a barrier returns after what it did */
#endif
/* clang-format on */

/* ---- reclaiming what is ready ---- */

static size_t size_of(const weft_i_hook *hook)
{
    if (hook->kind->shape == WEFT_I_RANGE)
        return ((const weft_hook *)(const void *)hook)->size;
    return hook->kind->size;
}

static weft_i_hook *pop(weft_i_list *list)
{
    weft_i_hook *hook = list->head;
    if (hook) {
        list->head = hook->next;
        list->count--;
        weft_i_compiler_fence(); /* a fork finds no object in a list that is being reclaimed */
    }
    return hook;
}

/* Runs a reclaim callback: user code, which may use this domain, but never gets into a scan from here. */
static void call_back(weft_i_hook *hook, weft_domain *domain)
{
    weft_i_record *record = weft_i_record_peek();
    weft_i_callback frame = {domain, record ? record->callback : NULL};
    if (record)
        record->callback = &frame;
    hook->kind->reclaim(hook, domain);
    if (record)
        record->callback = frame.outer;
}

bool weft_i_in_callback(void)
{
    weft_i_record *record = weft_i_record_peek();
    return record && record->callback;
}

bool weft_i_in_callback_of(const weft_domain *domain)
{
    weft_i_record *record = weft_i_record_peek();
    weft_i_callback *running = record ? record->callback : NULL;
    while (running && running->domain != domain)
        running = running->outer;
    return running != NULL;
}

/* Reclaims the first of the ready objects. False: there is none, or a thief has them. */
static bool drain_one(weft_i_local *local)
{
    weft_domain *domain = local->domain;
    if (!weft_i_local_enter(local))
        return false;
    weft_i_hook *hook = pop(&local->ready);
    if (!hook) {
        weft_i_local_leave(local);
        return false;
    }
    weft_i_count(&local->counters.reclaimed, 1);
    weft_i_count(&local->counters.reclaimed_bytes, size_of(hook));
    if (!hook->kind->reclaim) {
        weft_i_node_free(domain, local, hook->kind->bag, hook);
        weft_i_local_leave(local);
        return true;
    }
    weft_i_count(&local->callbacks, 1);
    weft_i_local_leave(local);
    call_back(hook, domain);
    /* relaxed: only the owner writes it */
    weft_i_store(&local->callbacks, weft_i_load(&local->callbacks, memory_order_relaxed) + 1, CALLBACK_R1);
    return true;
}

void weft_i_drain(weft_i_local *local, size_t most)
{
    if (weft_i_in_callback())
        return;
    while (most-- > 0 && drain_one(local))
        ;
}

/* Reclaims all of a list that only the caller has; counted in `shared`. */
static void reclaim_list(weft_domain *domain, weft_i_list *list)
{
    weft_i_counters *c = &domain->shared.counters;
    (void)weft_i_fetch_add(&domain->shared_callbacks, 1, CALLBACK_R1);
    for (weft_i_hook *hook; (hook = pop(list)) != NULL;) {
        /* relaxed: figures */
        (void)weft_i_fetch_add(&c->reclaimed, 1, memory_order_relaxed);
        (void)weft_i_fetch_add(&c->reclaimed_bytes, size_of(hook), memory_order_relaxed);
        if (hook->kind->reclaim)
            call_back(hook, domain);
        else
            weft_i_free(domain, hook, hook->kind->size);
    }
    (void)weft_i_fetch_sub(&domain->shared_callbacks, 1, CALLBACK_R1);
}

void weft_i_reclaim_bags(weft_domain *domain, weft_i_bags *bags)
{
    for (int b = 0; b < WEFT_I_BAGS; b++)
        if (bags->of[b].head)
            reclaim_list(domain, &bags->of[b]);
}

bool weft_i_shared_callbacks(weft_domain *domain)
{
    return weft_i_load(&domain->shared_callbacks, CALLBACK_A1) != 0;
}

size_t weft_i_callbacks(weft_i_local *local)
{
    return weft_i_load(&local->callbacks, CALLBACK_A1);
}

/* ---- orphans ---- */

static void push_orphans(weft_domain *domain, weft_i_list *list)
{
    if (!list->head)
        return;
    /* relaxed: overwritten before it is used, or confirmed by the compare-and-swap */
    weft_i_hook *head = weft_i_load(&domain->orphans, memory_order_relaxed);
    do
        list->tail->next = head;
    while (!weft_i_cas(&domain->orphans, &head, list->head, ORPHAN_R1, memory_order_relaxed)); /* relaxed: likewise */
    /* relaxed: a figure that decides when to scan */
    (void)weft_i_fetch_add(&domain->orphan_count, list->count, memory_order_relaxed);
    *list = (weft_i_list){0};
}

static void push_all_orphans(weft_domain *domain, weft_i_bags *bags)
{
    for (int b = 0; b < WEFT_I_BAGS; b++)
        push_orphans(domain, &bags->of[b]);
}

/* Takes all orphans; the whole chain at once, so that there is no ABA. */
void weft_i_adopt(weft_domain *domain, weft_i_bags *bags)
{
    /* relaxed: a scan that misses some leaves them for the next */
    if (!weft_i_load(&domain->orphans, memory_order_relaxed))
        return;
    weft_i_hook *chain = weft_i_exchange(&domain->orphans, NULL, ORPHAN_A1);
    size_t count = 0;
    for (weft_i_hook *next; chain; chain = next, count++) {
        next = chain->next;
        weft_i_list_push(&bags->of[chain->kind->bag], chain);
    }
    /* relaxed: a figure that decides when to scan */
    (void)weft_i_fetch_sub(&domain->orphan_count, count, memory_order_relaxed);
}

/* Scans the orphans, unless another thread is at it. */
void weft_i_collect_shared(weft_domain *domain)
{
    weft_i_bags freed = {0};
    if (weft_i_in_callback() || !weft_i_mutex_trylock(&domain->owners))
        return;
    weft_i_adopt(domain, &domain->shared.bags);
    weft_i_scan(domain, &domain->shared, &freed);
    weft_i_mutex_unlock(&domain->owners);
    weft_i_reclaim_bags(domain, &freed);
}

static void collect_orphans_if_many(weft_domain *domain)
{
    /* relaxed: a figure that decides when to scan */
    if (weft_i_load(&domain->orphan_count, memory_order_relaxed) >= WEFT_BATCH)
        weft_i_collect_shared(domain);
}

void weft_i_retire_orphan(weft_domain *domain, weft_i_hook *hook)
{
    weft_i_list one = {0};
    weft_i_list_push(&one, hook);
    /* relaxed: figures */
    (void)weft_i_fetch_add(&domain->shared.counters.retired, 1, memory_order_relaxed);
    (void)weft_i_fetch_add(&domain->shared.counters.retired_bytes, size_of(hook), memory_order_relaxed);
    push_orphans(domain, &one);
    collect_orphans_if_many(domain);
}

/* ---- a batch is full ---- */

size_t weft_i_pending(weft_domain *domain, size_t *bytes)
{
    weft_i_local *local = &domain->shared;
    size_t count = 0, size = 0;
    while (local) {
        const weft_i_counters *c = &local->counters;
        /* relaxed: figures */
        count += weft_i_load(&c->retired, memory_order_relaxed) - weft_i_load(&c->reclaimed, memory_order_relaxed);
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

void weft_i_collect(weft_i_local *local)
{
    weft_i_bags freed = {0};
    if (weft_i_in_callback() || !weft_i_local_enter(local))
        return;
    (void)weft_i_pending(local->domain, NULL);
    weft_i_adopt(local->domain, &local->bags);
    weft_i_scan(local->domain, local, &freed);
    for (int c = 0; c < WEFT_I_CLASSES; c++)
        weft_i_cache_accept(local, c, &freed.of[c]);
    weft_i_list_splice(&local->ready, &freed.of[WEFT_I_OTHER]);
    weft_i_local_leave(local);
    weft_i_drain(local, 2);
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
    *local = (weft_i_local){.domain = domain, .room = WEFT_BATCH, .owner = record};
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
    local->room = WEFT_BATCH;
}

/* The record's owner ends, or is not in this process: what it had goes to the others. Under `owners`. */
void weft_i_local_abandon(weft_domain *domain, weft_i_record *record, bool vanished)
{
    weft_i_bags waiting = {0};
    weft_i_local *local = weft_i_locals(domain);
    while (local && local->owner != record)
        local = weft_i_next_local(local);
    if (!local)
        return;
    if (vanished) {
        mend(&local->ready);
        for (int b = 0; b < WEFT_I_BAGS; b++)
            mend(&local->bags.of[b]);
        for (int i = 0; i < local->sealed_count * WEFT_I_BAGS; i++)
            mend(&local->sealed[i / WEFT_I_BAGS].bags.of[i % WEFT_I_BAGS]);
        weft_i_store(&local->busy, 0, LOCAL_R1);
        weft_i_store(&local->callbacks, 0, CALLBACK_R1);
    }
    take_lists(local, &waiting, &waiting.of[WEFT_I_OTHER]);
    push_all_orphans(domain, &waiting);
    weft_i_trim(local);
    local->owner = NULL;
}

/* After a thread's end, outside all locks: bounds what ended threads leave pending. */
void weft_i_after_exit(weft_domain *domain)
{
    collect_orphans_if_many(domain);
}

/*
 * Takes the lists of all threads, and the orphans; false: no heavy fence to be had now. Under `owners`. Waits
 * for owners that are at their lists this very moment.
 */
bool weft_i_steal(weft_domain *domain, weft_i_bags *waiting, weft_i_list *ready)
{
    for (weft_i_local *l = weft_i_locals(domain); l; l = weft_i_next_local(l))
        /* relaxed: the fence orders it before the look at `busy` */
        weft_i_store(&l->stolen, 1, memory_order_relaxed);
    bool fenced = weft_i_heavy_fence();
    for (weft_i_local *l = weft_i_locals(domain); l; l = weft_i_next_local(l)) {
        while (fenced && weft_i_load(&l->busy, LOCAL_A2))
            weft_i_sys_yield();
        if (fenced)
            take_lists(l, waiting, ready);
        weft_i_store(&l->stolen, 0, LOCAL_R2);
    }
    take_lists(&domain->shared, waiting, ready);
    weft_i_adopt(domain, waiting);
    return fenced;
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
    push_all_orphans(domain, &all);
}

static void add_listed(const weft_i_hook *hook, size_t *count, size_t *bytes)
{
    for (; hook; hook = hook->next, ++*count)
        *bytes += size_of(hook);
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
        /* relaxed: figures */
        out->retired += weft_i_load(&l->counters.retired, memory_order_relaxed);
        out->reclaimed += weft_i_load(&l->counters.reclaimed, memory_order_relaxed);
        out->allocated += weft_i_load(&l->counters.allocated, memory_order_relaxed);
    }
    /* relaxed: a figure */
    out->pending_peak = weft_i_load(&domain->pending_peak, memory_order_relaxed);
}
