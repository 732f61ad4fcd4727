/* What scans have freed is reclaimed here, two at a time; and the orphans: retired by threads without a local. */
#include <weft/reclaim/registry.h>
#include <weft/reclaim/scan.h>

/* clang-format off */
#ifndef ORPHAN_R1
#define ORPHAN_R1 memory_order_release /* push orphans -> ORPHAN_A1: publishes their hooks */
#endif
#ifndef ORPHAN_A1
#define ORPHAN_A1 memory_order_acquire /* adopt orphans -> ORPHAN_R1: sees their hooks, and that they were unlinked */
#endif
#ifndef CALLBACK_R1
#define CALLBACK_R1 memory_order_release /* callback over -> CALLBACK_A1: what it did comes before */
#endif
#ifndef CALLBACK_A1
#define CALLBACK_A1 memory_order_acquire /* is a callback running -> CALLBACK_R1: a barrier returns after what it did */
#endif
/* clang-format on */

/* ---- reclaiming what is ready ---- */

size_t weft_i_size_of(const weft_i_hook *hook)
{
    if (hook->kind->shape == WEFT_I_RANGE)
        return ((const weft_hook *)(const void *)hook)->size;
    return hook->kind->size;
}

static weft_i_hook *pop_hook(weft_i_list *list)
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

bool weft_i_attend(weft_i_record *record)
{
    weft_i_full_fence();
    return weft_i_load(&record->thread.attention, LOCAL_A1) < WEFT_I_THIEF;
}

/* Reclaims the first of the ready objects. False: there is none, or a thief has them. */
static bool drain_one(weft_i_local *local)
{
    weft_domain *domain = local->domain;
    if (!weft_i_busy_begin(domain))
        return false;
    weft_i_hook *hook = pop_hook(&local->ready);
    if (!hook) {
        weft_i_busy_end();
        return false;
    }
    weft_i_count(&local->counters.reclaimed, 1);
    weft_i_count(&local->counters.reclaimed_bytes, weft_i_size_of(hook));
    if (!hook->kind->reclaim) {
        weft_i_busy_end(); /* the domain's allocator may use Weft; the cache is this thread's whoever takes the lists */
        weft_i_node_free(domain, local, hook->kind->bag, hook);
        return true;
    }
    weft_i_count(&local->callbacks, 1);
    weft_i_busy_end();
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
    for (weft_i_hook *hook; (hook = pop_hook(list)) != NULL;) {
        /* relaxed: figures */
        (void)weft_i_fetch_add(&c->reclaimed, 1, memory_order_relaxed);
        (void)weft_i_fetch_add(&c->reclaimed_bytes, weft_i_size_of(hook), memory_order_relaxed);
        if (hook->kind->reclaim)
            call_back(hook, domain);
        else
            weft_i_free(domain, hook, hook->kind->size);
    }
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

void weft_i_callbacks_end(weft_i_local *local)
{
    weft_i_store(&local->callbacks, 0, CALLBACK_R1);
}

void weft_i_shared_callbacks_end(weft_domain *domain)
{
    (void)weft_i_fetch_sub(&domain->shared_callbacks, 1, CALLBACK_R1);
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

void weft_i_push_orphans(weft_domain *domain, weft_i_bags *bags)
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

/*
 * A barrier takes the lists of one thread after another: none of the orphans may meanwhile go to a thread that it has
 * already been to. (Who misses that it began was busy then, and has its lists taken later.)
 */
void weft_i_adopt_unless_barrier(weft_domain *domain, weft_i_bags *bags)
{
    /* relaxed: who has been robbed has seen it by LOCAL_A1 */
    if (!weft_i_load(&domain->barrier, memory_order_relaxed))
        weft_i_adopt(domain, bags);
}

/* Scans the orphans, unless another thread is at it. */
void weft_i_collect_shared(weft_domain *domain)
{
    weft_i_bags freed = {0};
    if (weft_i_in_callback() || !weft_i_mutex_trylock(&domain->owners))
        return;
    weft_i_adopt_unless_barrier(domain, &domain->shared.bags);
    weft_i_scan(domain, &domain->shared, &freed);
    /* under the lock: a barrier finds each object in a list, or this */
    (void)weft_i_fetch_add(&domain->shared_callbacks, 1, CALLBACK_R1);
    weft_i_mutex_unlock(&domain->owners);
    weft_i_record *record = weft_i_record_peek();
    if (record)
        record->sharing = domain;
    weft_i_reclaim_bags(domain, &freed);
    if (record)
        record->sharing = NULL;
    weft_i_shared_callbacks_end(domain);
}

void weft_i_collect_orphans(weft_domain *domain)
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
    (void)weft_i_fetch_add(&domain->shared.counters.granted, 1, memory_order_relaxed);
    (void)weft_i_fetch_add(&domain->shared.counters.retired_bytes, weft_i_size_of(hook), memory_order_relaxed);
    push_orphans(domain, &one);
}
