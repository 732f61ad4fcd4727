#include <weft/reclaim/registry.h>

#include <errno.h>

void weft_i_retire(weft_domain *domain, weft_i_local *local, weft_i_hook *hook, const weft_i_kind *kind, size_t size)
{
    bool due = true;
    if (local && weft_i_busy_begin(domain)) {
        due = weft_i_retire_busy(local, hook, kind, size);
        if (kind->shape == WEFT_I_RANGE)
            local->range_bytes += size;
        due = due || local->range_bytes >= WEFT_BATCH_BYTES;
        weft_i_busy_end();
    } else {
        hook->kind = kind;
        weft_i_retire_orphan(domain, hook);
    }
    if (due)
        (void)weft_i_maintain(domain, local);
}

static weft_hook *public_hook(weft_i_hook *link)
{
    return (weft_hook *)(void *)link;
}

static void reclaim_public(weft_i_hook *link, weft_domain *domain)
{
    weft_hook *hook = public_hook(link);
    (void)domain;
    hook->reclaim(hook->object, hook->ctx); /* may free the hook */
}

/* weft_retire's own hook. */
static void reclaim_owned(weft_i_hook *link, weft_domain *domain)
{
    weft_hook copy = *public_hook(link);
    weft_i_free(domain, link, sizeof copy);
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
    *hook = (weft_hook){.object = object, .size = size, .reclaim = reclaim, .ctx = ctx};
    weft_i_retire(domain, weft_i_local_get(domain), &hook->link, &public_kind, size);
}

int weft_retire(weft_domain *domain, void *object, void (*reclaim)(void *object, void *ctx), void *ctx)
{
    if (!object || !reclaim)
        return -EINVAL;
    domain = domain ? domain : weft_default_domain();
    weft_hook *hook = weft_i_alloc(domain, sizeof *hook, _Alignof(weft_hook));
    if (!hook)
        return -ENOMEM;
    *hook = (weft_hook){.object = object, .reclaim = reclaim, .ctx = ctx};
    weft_i_retire(domain, weft_i_local_get(domain), &hook->link, &owned_kind, 0);
    return 0;
}
