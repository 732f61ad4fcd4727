/* Creating and destroying domains, flushing, and statistics. */
#include <weft/reclaim/callback.h>
#include <weft/reclaim/figures.h>
#include <weft/reclaim/life.h>
#include <weft/reclaim/local.h>
#include <weft/reclaim/orphans.h>
#include <weft/reclaim/slots.h>

#include <errno.h>

/* ---- life ---- */

int weft_domain_create(weft_domain **out, const weft_domain_config *config)
{
    static const weft_domain_config defaults;
    if (!out)
        return -EINVAL;
    *out = NULL;
    config = config ? config : &defaults;
    weft_scheme scheme = config->scheme ? config->scheme : WEFT_HAZARD;
    const weft_allocator *a = &config->allocator;
    if ((scheme != WEFT_HAZARD && scheme != WEFT_EPOCH) || !a->alloc != !a->free)
        return -EINVAL;
    weft_domain *domain =
        a->alloc ? a->alloc(sizeof *domain, WEFT_I_LINE, a->ctx) : weft_i_sys_alloc(sizeof *domain, WEFT_I_LINE);
    if (!domain)
        return -ENOMEM;
    *domain = (weft_domain){.head = {scheme, 1},
                            .allocator = *a,
                            .shared = {.domain = domain},
                            .barrier = {.domain = domain},
                            .alive = WEFT_I_ALIVE};
    weft_i_count(&domain->shared.counters.allocated, sizeof *domain);
    weft_i_mutex_init(&domain->owners, WEFT_I_RANK_OWNERS);
    weft_i_mutex_init(&domain->linked_lock, WEFT_I_RANK_LINKED);
    weft_i_mutex_init(&domain->blocker_lock, WEFT_I_RANK_BLOCKER);
    weft_i_register(domain);
    *out = domain;
    return 0;
}

static void free_domain(weft_domain *domain)
{
    weft_allocator a = domain->allocator;
    domain->alive = 0;
    weft_i_trim_depot(domain);
    for (weft_i_local *l = weft_i_place_after(domain, &domain->barrier), *next; l; l = next) {
        next = weft_i_place_after(domain, l);
        weft_i_trim(l);
        weft_i_free(domain, l, sizeof *l);
    }
    weft_i_mutex_destroy(&domain->owners);
    weft_i_mutex_destroy(&domain->linked_lock);
    weft_i_mutex_destroy(&domain->blocker_lock);
    if (a.free)
        a.free(domain, sizeof *domain, a.ctx);
    else
        weft_i_sys_free(domain);
}

/*
 * Reclaims all objects in all lists. No other thread uses the domain, no ending thread visits it, and no guard is held.
 * Callbacks may retire more.
 */
static void reclaim_all(weft_domain *domain)
{
    weft_i_local *mine = &domain->barrier;
    do {
        weft_i_bags all = {0};
        weft_i_mutex_lock(&domain->owners);
        for (weft_i_local *l = NULL; (l = weft_i_place_after(domain, l)) != NULL;)
            weft_i_take_lists(l, &all, &all);
        weft_i_adopt(domain, &all);
        weft_i_bags_splice(&mine->ready, &all);
        weft_i_mutex_unlock(&domain->owners);
        weft_i_drain_own(domain, mine, &domain->shared_callbacks[domain->side]);
    } while (!weft_i_nothing_left(domain));
}

/*
 * Waits for ending threads that visit the domain. Not in a callback, since such a thread might wait for that callback.
 */
static bool close_domain(weft_domain *domain)
{
    while (!weft_i_close(domain)) {
        if (weft_i_in_callback())
            return false;
        weft_i_sys_sleep_ns(100000);
    }
    return true;
}

int weft_domain_destroy(weft_domain *domain)
{
    if (!domain || domain == weft_default_domain())
        return -EINVAL;
    weft_i_check_domain(domain);
    if (weft_i_domain_used(domain) || weft_i_in_callback_of(domain) || weft_i_guards_held(domain, 0))
        return -EBUSY;
    if (!weft_i_take_right(&domain->barrier_right, weft_i_thread_id()))
        return -EBUSY; /* another thread is still in a barrier */
    if (!close_domain(domain)) {
        weft_i_barrier_abandon(domain);
        return -EBUSY;
    }
    weft_i_record *borrowed = weft_i_record_borrow(); /* if a callback ends the thread, the domain stays */
    reclaim_all(domain);
    weft_i_unregister(domain);
    free_domain(domain);
    weft_i_record_return(borrowed);
    return 0;
}

/* ---- flush, statistics ---- */

void weft_domain_flush(weft_domain *domain)
{
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    weft_i_local *local = weft_i_local_get(domain);
    if (weft_i_in_callback())
        return;
    weft_i_record *borrowed = weft_i_record_borrow();
    if (local)
        weft_i_collect(local);
    weft_i_collect_shared(domain);
    if (local)
        weft_i_trim(local);
    weft_i_trim_depot(domain);
    weft_i_record_return(borrowed);
}

static size_t attached(weft_domain *domain)
{
    size_t count = 0;
    weft_i_mutex_lock(&domain->owners);
    for (weft_i_local *l = NULL; (l = weft_i_place_after(domain, l)) != NULL;)
        count += l->attached;
    weft_i_mutex_unlock(&domain->owners);
    return count;
}

void weft_domain_stats(weft_domain *domain, weft_domain_statistics *out)
{
    if (!out)
        return;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    *out = (weft_domain_statistics){.guards_held = weft_i_guards_held(domain, 0), .threads = attached(domain)};
    out->pending = weft_i_pending(domain, &out->pending_bytes);
    if (out->pending >> (sizeof out->pending * 8 - 1))
        out->pending = out->pending_bytes = 0; /* negative: some thread ended while it retired */
    weft_i_sum_up(domain, out);
    weft_i_mutex_lock(&domain->blocker_lock);
    if (domain->blocker.words) {
        out->blocker_thread = domain->blocker.thread;
        out->blocker_age_ns = weft_i_sys_clock_ns() - domain->blocker.since_ns;
    }
    weft_i_mutex_unlock(&domain->blocker_lock);
}
