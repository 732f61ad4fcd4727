#include <weft/reclaim/scan.h>
#include <weft/reclaim/registry.h>

#include <errno.h>

/* clang-format off */
#ifndef BARRIER_A1
#define BARRIER_A1 memory_order_acquire /* begin barrier -> BARRIER_R1: sees what the last one put back */
#endif
#ifndef BARRIER_R1
#define BARRIER_R1 memory_order_release /* end barrier -> BARRIER_A1: what it put back comes before */
#endif
#ifndef DOMAIN_R1
#define DOMAIN_R1 memory_order_release /* unlink guards of an ended thread -> DOMAIN_A3: its uses under them come before */
#endif
#ifndef USERS_R1
#define USERS_R1 memory_order_release /* structure gone -> USERS_A1: its last uses of the domain come before */
#endif
#ifndef USERS_A1
#define USERS_A1 memory_order_acquire /* any structure left? -> USERS_R1: sees them */
#endif
/* clang-format on */

static weft_domain the_default = {
    .head = {WEFT_HAZARD, 1},
    .id = 1,
    .owners = WEFT_I_MUTEX_INIT,
    .linked_lock = WEFT_I_MUTEX_INIT,
    .blocker_lock = WEFT_I_MUTEX_INIT,
    .shared = {.domain = &the_default},
};

static weft_i_mutex registry = WEFT_I_MUTEX_INIT; /* the list of domains; taken before a domain's locks */
static weft_domain *domains = &the_default;
static uint64_t last_id = 1;
static int forking_thread;
static weft_i_signals signals_before_fork;

/* ---- threads' ends and forks ---- */

/* Keeps only the linked guards of the thread, or only those of others. Under the domain's lock, or in a fork's child. */
static void keep_linked(weft_domain *domain, int thread, bool of_others)
{
    weft_guard *kept = NULL;
    /* relaxed: the lock orders it */
    for (weft_guard *g = weft_i_load(&domain->linked, memory_order_relaxed), *next; g; g = next) {
        next = g->next;
        if (((int)g->own_thread == thread) == of_others)
            continue;
        g->next = kept;
        kept = g;
    }
    weft_i_store(&domain->linked, kept, DOMAIN_R1);
}

/* The thread may have been ended by a callback that it ran in a barrier, or for others. */
static void end_what_it_ran(weft_domain *domain, weft_i_record *record)
{
    /* relaxed: only this thread can have written its own id */
    if (weft_i_load(&domain->barrier, memory_order_relaxed) == weft_i_record_thread_id(record))
        weft_i_store(&domain->barrier, 0, BARRIER_R1);
    if (record->sharing == domain)
        weft_i_shared_callbacks_end(domain);
}

static void on_exit(weft_i_record *record)
{
    weft_i_mutex_lock(&registry);
    for (weft_domain *d = domains; d; d = d->next) {
        weft_i_signals signals = weft_i_lock_linked(d);
        keep_linked(d, weft_i_record_thread_id(record), true);
        weft_i_unlock_linked(d, signals);
        weft_i_mutex_lock(&d->owners);
        weft_i_local_abandon(d, record);
        weft_i_mutex_unlock(&d->owners);
        end_what_it_ran(d, record);
    }
    weft_i_mutex_unlock(&registry);
    weft_i_after_exit(&the_default);
}

static void on_fork_prepare(void)
{
    weft_i_signals signals = weft_i_sys_block_signals();
    weft_i_mutex_lock(&registry);
    signals_before_fork = signals;
    forking_thread = weft_i_sys_thread_id();
    for (weft_domain *d = domains; d; d = d->next) {
        weft_i_mutex_lock(&d->owners);
        weft_i_mutex_lock(&d->linked_lock);
        weft_i_mutex_lock(&d->blocker_lock);
    }
}

static void after_fork(void)
{
    weft_i_signals signals = signals_before_fork;
    for (weft_domain *d = domains; d; d = d->next) {
        weft_i_mutex_unlock(&d->blocker_lock);
        weft_i_mutex_unlock(&d->linked_lock);
        weft_i_mutex_unlock(&d->owners);
    }
    weft_i_mutex_unlock(&registry);
    weft_i_sys_restore_signals(signals);
}

/* What the parent's other threads were at does not go on in the child; a callback that has forked does. */
static void keep_own_work(weft_domain *domain)
{
    const weft_i_record *own = weft_i_record_peek();
    /* relaxed: one thread */
    bool in_barrier = weft_i_load(&domain->barrier, memory_order_relaxed) == forking_thread;
    weft_i_store(&domain->barrier, in_barrier ? weft_i_sys_thread_id() : 0, memory_order_relaxed);
    weft_i_store(&domain->shared_callbacks, own && own->sharing == domain, memory_order_relaxed);
}

static void on_fork_child(void)
{
    for (weft_domain *d = domains; d; d = d->next) {
        /* they lie on stacks: those of other threads are gone */
        keep_linked(d, forking_thread, false);
        /* relaxed: one thread */
        for (weft_guard *g = weft_i_load(&d->linked, memory_order_relaxed); g; g = g->next)
            g->own_thread = (uintptr_t)weft_i_sys_thread_id();
        keep_own_work(d);
        d->blocker = (weft_i_blocker){0};
    }
}

static void on_fork_lost(weft_i_record *record)
{
    for (weft_domain *d = domains; d; d = d->next)
        weft_i_local_abandon(d, record);
}

static void on_fork_done(void)
{
    for (weft_domain *d = domains; d; d = d->next)
        weft_i_recount(d);
    after_fork();
}

WEFT_I_OBJECT const weft_i_record_events weft_i_record_events_of_domains = {
    on_exit, on_fork_prepare, after_fork, on_fork_child, on_fork_lost, on_fork_done,
};

/* ---- life of a domain ---- */

weft_domain *weft_default_domain(void)
{
    return &the_default;
}

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
    weft_domain *domain = a->alloc ? a->alloc(sizeof *domain, WEFT_I_LINE, a->ctx)
                                   : weft_i_sys_alloc(sizeof *domain, WEFT_I_LINE);
    if (!domain)
        return -ENOMEM;
    *domain = (weft_domain){.head = {scheme, 1}, .allocator = *a, .shared = {.domain = domain}};
    weft_i_count(&domain->shared.counters.allocated, sizeof *domain);
    weft_i_mutex_init(&domain->owners);
    weft_i_mutex_init(&domain->linked_lock);
    weft_i_mutex_init(&domain->blocker_lock);
    weft_i_mutex_lock(&registry);
    domain->id = ++last_id;
    domain->next = domains;
    domains = domain;
    weft_i_mutex_unlock(&registry);
    *out = domain;
    return 0;
}

weft_domain *weft_i_domain_use(weft_domain *domain)
{
    domain = domain ? domain : &the_default;
    /* relaxed: destroy is not called beside it */
    (void)weft_i_fetch_add(&domain->users, 1, memory_order_relaxed);
    return domain;
}

void weft_i_domain_unuse(weft_domain *domain)
{
    (void)weft_i_fetch_sub(&domain->users, 1, USERS_R1);
}

static void unregister(weft_domain *domain)
{
    weft_domain **link = &domains;
    weft_i_mutex_lock(&registry);
    while (*link != domain)
        link = &(*link)->next;
    *link = domain->next;
    weft_i_mutex_unlock(&registry);
}

int weft_domain_destroy(weft_domain *domain)
{
    if (!domain || domain == &the_default)
        return -EINVAL;
    if (weft_i_load(&domain->users, USERS_A1) || weft_i_in_callback_of(domain) || weft_i_guards_held(domain, 0))
        return -EBUSY;
    weft_i_bags all = {0};
    do { /* callbacks may retire more */
        weft_i_reclaim_bags(domain, &all);
        weft_i_mutex_lock(&domain->owners);
        weft_i_take_all(domain, &all);
        weft_i_mutex_unlock(&domain->owners);
    } while (!weft_i_bags_empty(&all));
    unregister(domain);
    weft_i_trim_depot(domain);
    for (weft_i_local *l = weft_i_locals(domain), *next; l; l = next) {
        next = weft_i_next_local(l);
        weft_i_trim(l);
        weft_i_free(domain, l, sizeof *l);
    }
    weft_allocator a = domain->allocator;
    weft_i_mutex_destroy(&domain->owners);
    weft_i_mutex_destroy(&domain->linked_lock);
    weft_i_mutex_destroy(&domain->blocker_lock);
    if (a.free)
        a.free(domain, sizeof *domain, a.ctx);
    else
        weft_i_sys_free(domain);
    return 0;
}

/* ---- asking for more ---- */

int weft_domain_attach(weft_domain *domain)
{
    return weft_i_local_get(domain ? domain : &the_default) ? 0 : -ENOMEM;
}

void weft_domain_flush(weft_domain *domain)
{
    domain = domain ? domain : &the_default;
    weft_i_local *local = weft_i_local_get(domain);
    if (weft_i_in_callback())
        return;
    if (!local) {
        weft_i_collect_shared(domain);
        return;
    }
    weft_i_collect(local);
    weft_i_drain(local, SIZE_MAX);
    weft_i_trim(local);
    weft_i_trim_depot(domain);
}

/* A callback that was running when the barrier took the lists belongs to an object retired before. */
static bool callbacks_over(weft_domain *domain)
{
    if (weft_i_shared_callbacks(domain))
        return false;
    for (weft_i_local *l = weft_i_locals(domain); l; l = weft_i_next_local(l))
        if (weft_i_callbacks(l) % 2)
            return false;
    return true;
}

static bool past(uint64_t start, uint64_t timeout_ns)
{
    return timeout_ns != UINT64_MAX && weft_i_sys_clock_ns() - start >= timeout_ns;
}

/* Sleeps a little longer each time, up to a millisecond. False: time is up. */
static bool wait_more(uint64_t start, uint64_t timeout_ns, uint64_t *nap)
{
    if (past(start, timeout_ns))
        return false;
    weft_i_sys_sleep_ns(*nap);
    *nap = *nap < 1000000 ? *nap * 2 : *nap;
    return true;
}

/* What a barrier has taken and not yet reclaimed, in the form that scans work on. */
static int barrier(weft_domain *domain, weft_i_local *mine, uint64_t start, uint64_t timeout_ns)
{
    uint64_t nap = 10000;
    bool stolen = false;
    weft_i_mutex_lock(&domain->owners);
    domain->round++;
    weft_i_mutex_unlock(&domain->owners);
    weft_i_bags freed = {0};
    for (;;) {
        if (!stolen) {
            weft_i_mutex_lock(&domain->owners);
            stolen = weft_i_steal(domain, &mine->bags, &freed.of[WEFT_I_OTHER]);
            weft_i_mutex_unlock(&domain->owners);
        }
        weft_i_scan(domain, mine, &freed);
        weft_i_reclaim_bags(domain, &freed);
        if (stolen && weft_i_bags_empty(&mine->bags) && !mine->sealed_count && callbacks_over(domain))
            return 0;
        if (!wait_more(start, timeout_ns, &nap))
            return -ETIMEDOUT;
    }
}

int weft_domain_barrier(weft_domain *domain, uint64_t timeout_ns)
{
    domain = domain ? domain : &the_default;
    if (weft_i_in_callback_of(domain) || weft_i_guards_held(domain, weft_i_sys_thread_id()))
        return -EBUSY;
    uint64_t start = weft_i_sys_clock_ns(), nap = 10000;
    int none = 0;
    /* relaxed: nothing is read on failure */
    while (!weft_i_cas(&domain->barrier, &none, weft_i_sys_thread_id(), BARRIER_A1, memory_order_relaxed)) {
        none = 0;
        if (!wait_more(start, timeout_ns, &nap))
            return -ETIMEDOUT;
    }
    (void)weft_i_pending(domain, NULL);
    weft_i_local mine = {.domain = domain};
    int error = barrier(domain, &mine, start, timeout_ns);
    if (error)
        weft_i_give_to_orphans(domain, &mine);
    weft_i_store(&domain->barrier, 0, BARRIER_R1);
    return error;
}

void weft_domain_stats(weft_domain *domain, weft_domain_statistics *out)
{
    if (!out)
        return;
    domain = domain ? domain : &the_default;
    *out = (weft_domain_statistics){.guards_held = weft_i_guards_held(domain, 0)};
    out->pending = weft_i_pending(domain, &out->pending_bytes);
    if (out->pending >> (sizeof out->pending * 8 - 1))
        out->pending = out->pending_bytes = 0; /* threads that ended while they retired */
    weft_i_sum_up(domain, out);
    weft_i_mutex_lock(&domain->owners);
    for (weft_i_local *l = weft_i_locals(domain); l; l = weft_i_next_local(l))
        out->threads += l->owner != NULL;
    weft_i_mutex_unlock(&domain->owners);
    weft_i_mutex_lock(&domain->blocker_lock);
    if (domain->blocker.words) {
        out->blocker_thread = domain->blocker.thread;
        out->blocker_age_ns = weft_i_sys_clock_ns() - domain->blocker.since_ns;
    }
    weft_i_mutex_unlock(&domain->blocker_lock);
}
