/* Finding, making and attaching a thread's place in a domain; retiring into it. */
#include <weft/reclaim/figures.h>
#include <weft/reclaim/life.h>
#include <weft/reclaim/local.h>
#include <weft/reclaim/orphans.h>

#include <errno.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define LOCALS_R1 memory_order_release /* push local -> LOCALS_A1: publishes its fields */
#endif
/* clang-format on */

/* Allocates outside of the lock, since a user's allocator may use this domain. NULL: no memory. */
static weft_i_local *make_place(weft_domain *domain, weft_i_record *record)
{
    weft_i_local *made = weft_i_alloc(domain, sizeof *made, WEFT_I_LINE);
    if (!made)
        return NULL;
    weft_i_local *local = weft_i_place_of_record(domain, record);
    if (local) { /* the allocator has used the domain, and so made the place already */
        weft_i_free(domain, made, sizeof *made);
        return local;
    }
    *made = (weft_i_local){.domain = domain, .record = record};
    weft_i_mutex_lock(&domain->owners);
    /* relaxed: pushed only here, under the lock */
    weft_i_store(&made->next, weft_i_load(&domain->locals, memory_order_relaxed), memory_order_relaxed);
    weft_i_store(&domain->locals, made, LOCALS_R1);
    weft_i_mutex_unlock(&domain->owners);
    return made;
}

static void attach(weft_domain *domain, weft_i_local *local)
{
    weft_i_mutex_lock(&domain->owners);
    local->attached = true;
    weft_i_local_open(local);
    weft_i_mutex_unlock(&domain->owners);
}

weft_i_local *weft_i_local_find(weft_domain *domain)
{
    weft_i_record *record = weft_i_record_get();
    if (!record || record->life != WEFT_I_IN_USE)
        return NULL;
    weft_i_local *local = weft_i_place_of_record(domain, record);
    if (!local && !(local = make_place(domain, record)))
        return NULL;
    if (!local->attached)
        attach(domain, local);
    record->hint[domain->id % WEFT_HINTS] = (weft_i_hint){domain->id, local};
    return local;
}

/* ---- retiring ---- */

bool weft_i_maintain(weft_domain *domain)
{
    weft_i_local *local = weft_i_local_peek(domain);
    if (local && weft_i_step(local))
        return true;
    if (weft_i_many_orphans(domain, 1)) {
        weft_i_record *borrowed = weft_i_record_borrow();
        weft_i_collect_orphans(domain);
        weft_i_record_return(borrowed);
    }
    return true;
}

bool weft_i_retire_held(weft_domain *domain, weft_i_local *local, weft_i_hook *hook, const weft_i_kind *kind,
                        size_t size)
{
    bool due = true;
    if (local && weft_i_busy_begin(domain)) {
        due = weft_i_retire_busy(local, hook, kind, size);
        if (kind->shape == WEFT_I_RANGE)
            local->range_bytes += size;
        else if (kind->bag == WEFT_I_SEGMENT)
            local->range_bytes += WEFT_BATCH_BYTES / WEFT_SEGMENTS;
        due = due || local->range_bytes >= WEFT_BATCH_BYTES;
        weft_i_busy_end();
    } else {
        hook->kind = kind;
        weft_i_retire_orphan(domain, hook);
    }
    return due;
}

void weft_i_retire_list_held(weft_domain *domain, weft_i_local *local, weft_i_list *list, const weft_i_kind *kind)
{
    size_t count = list->count;
    if (!count)
        return;
    for (weft_i_hook *hook = list->head; hook; hook = hook->next)
        hook->kind = kind;
    if (local && weft_i_busy_begin(domain)) {
        weft_i_list_splice(&local->bags.of[kind->bag], list);
        (void)weft_i_count_retired(local, count, count * kind->size); /* the caller calls weft_i_catch_up anyway */
        weft_i_busy_end();
    } else {
        for (weft_i_hook *hook; (hook = weft_i_list_pop(list)) != NULL;)
            weft_i_retire_orphan(domain, hook);
    }
}

void weft_i_retire(weft_domain *domain, weft_i_local *local, weft_i_hook *hook, const weft_i_kind *kind, size_t size)
{
    if (weft_i_retire_held(domain, local, hook, kind, size))
        (void)weft_i_maintain(domain);
}

static weft_hook *public_hook(weft_i_hook *link)
{
    return (weft_hook *)(void *)link;
}

static void reclaim_public(weft_i_hook *link, weft_domain *domain)
{
    weft_hook *hook = public_hook(link);
    (void)domain;
    weft_i_note_reclaimed(hook->object);
    hook->reclaim(hook->object, hook->ctx); /* may free the hook */
}

/* For a hook that weft_retire has allocated. */
static void reclaim_owned(weft_i_hook *link, weft_domain *domain)
{
    weft_hook copy = *public_hook(link);
    weft_i_free(domain, link, sizeof copy);
    weft_i_note_reclaimed(copy.object);
    copy.reclaim(copy.object, copy.ctx);
}

static const weft_i_kind public_kind = {reclaim_public, 0, WEFT_I_RANGE, WEFT_I_OTHER, 0};
static const weft_i_kind owned_kind = {reclaim_owned, 0, WEFT_I_RANGE, WEFT_I_OTHER, 0};

void weft_retire_hook(weft_domain *domain, weft_hook *hook, void *object, size_t size,
                      void (*reclaim)(void *object, void *ctx), void *ctx)
{
    if (!hook || !object || !reclaim)
        return;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    weft_i_note_retired(object);
    *hook = (weft_hook){.object = object, .size = size, .reclaim = reclaim, .ctx = ctx};
    weft_i_retire(domain, weft_i_local_get(domain), &hook->link, &public_kind, size);
}

int weft_retire(weft_domain *domain, void *object, void (*reclaim)(void *object, void *ctx), void *ctx)
{
    if (!object || !reclaim)
        return -EINVAL;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    weft_hook *hook = weft_i_alloc(domain, sizeof *hook, _Alignof(weft_hook));
    if (!hook)
        return -ENOMEM;
    weft_i_note_retired(object);
    *hook = (weft_hook){.object = object, .reclaim = reclaim, .ctx = ctx};
    weft_i_retire(domain, weft_i_local_get(domain), &hook->link, &owned_kind, 0);
    return 0;
}

int weft_domain_attach(weft_domain *domain)
{
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    return weft_i_local_get(domain) ? 0 : -ENOMEM;
}
