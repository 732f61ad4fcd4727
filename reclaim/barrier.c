/* Waits until all that was retired before has been reclaimed. reclaim/state.h says why a barrier misses no object. */
#include <weft/reclaim/callback.h>
#include <weft/reclaim/collect.h>
#include <weft/reclaim/fence.h>
#include <weft/reclaim/figures.h>
#include <weft/reclaim/life.h>
#include <weft/reclaim/orphans.h>
#include <weft/reclaim/slots.h>

#include <errno.h>

/* A barrier that runs, on its caller's stack. */
typedef struct run {
    weft_domain *domain;
    uint64_t start, timeout_ns, nap;
    bool been_to_all; /* it has taken all that it must wait for, except objects whose callbacks were running then */
    int side_before;  /* the side that counts such callbacks of `shared` */
} run;

static bool past(const run *r)
{
    return r->timeout_ns != UINT64_MAX && weft_i_sys_clock_ns() - r->start >= r->timeout_ns;
}

/* Sleeps a little longer each time, up to a millisecond. False: time is up. */
static bool wait_more(run *r)
{
    if (past(r))
        return false;
    weft_i_sys_sleep_ns(r->nap);
    r->nap = r->nap < 1000000 ? r->nap * 2 : r->nap;
    return true;
}

/* ---- taking what was retired ---- */

static bool asked(const weft_domain *domain, const weft_i_local *local)
{
    return local->attached && local->round != domain->round;
}

/* Takes the lists of all threads not yet visited in this round. False: some could not be taken. Under `owners`. */
static bool take_from_threads(weft_domain *domain)
{
    weft_i_local *mine = &domain->barrier;
    bool all = true;
    for (weft_i_local *l = mine; (l = weft_i_place_after(domain, l)) != NULL;)
        if (asked(domain, l))
            /* relaxed: the heavy fence orders it before the load of the slot */
            (void)weft_i_fetch_add(&l->record->thread.attention, WEFT_I_TAKER, memory_order_relaxed);
    bool fenced = weft_i_heavy_fence();
    for (weft_i_local *l = mine; (l = weft_i_place_after(domain, l)) != NULL;) {
        if (!asked(domain, l))
            continue;
        if (fenced && weft_i_wait_until_idle(l->record)) {
            weft_i_take_lists(l, &mine->bags, &mine->ready);
            l->saw = weft_i_running(&l->callbacks);
            l->round = domain->round;
        } else {
            all = false;
        }
        (void)weft_i_fetch_sub(&l->record->thread.attention, WEFT_I_TAKER, LOCAL_R2);
    }
    return all;
}

/*
 * Takes what is in `shared`, and the orphans. From here on callbacks are counted on the other side, which must count
 * none for that. False: another thread has the right, or the other side still counts callbacks.
 */
static bool take_shared(run *r)
{
    weft_domain *d = r->domain;
    if (!weft_i_take_right(&d->shared_right, weft_i_thread_id()))
        return false;
    bool free = weft_i_running(&d->shared_callbacks[!d->side]) == 0;
    if (free) {
        weft_i_take_lists(&d->shared, &d->barrier.bags, &d->barrier.ready);
        weft_i_adopt(d, &d->barrier.bags);
        r->side_before = d->side;
        d->side = !d->side;
    }
    weft_i_give_right(&d->shared_right);
    return free;
}

static void take_all(run *r)
{
    weft_i_mutex_lock(&r->domain->owners);
    bool all = take_from_threads(r->domain);
    weft_i_mutex_unlock(&r->domain->owners);
    r->been_to_all = all && take_shared(r);
}

/* A callback that was running when its place was visited belongs to an object retired before the barrier. */
static bool callbacks_over(run *r)
{
    weft_domain *d = r->domain;
    if (weft_i_running(&d->shared_callbacks[r->side_before]) != 0)
        return false;
    for (weft_i_local *l = &d->barrier; (l = weft_i_place_after(d, l)) != NULL;)
        if (l->round == d->round && l->saw % 2 && weft_i_running(&l->callbacks) == l->saw)
            return false;
    return true;
}

/* ---- a barrier ---- */

static int wait_for_all(run *r)
{
    weft_domain *d = r->domain;
    weft_i_mutex_lock(&d->owners);
    d->round++;
    weft_i_mutex_unlock(&d->owners);
    for (;;) {
        if (!r->been_to_all)
            take_all(r);
        weft_i_scan_own(&d->barrier);
        weft_i_drain_own(d, &d->barrier, &d->shared_callbacks[d->side]);
        if (r->been_to_all && weft_i_place_empty(&d->barrier) && callbacks_over(r))
            return 0;
        if (!wait_more(r))
            return -ETIMEDOUT;
    }
}

static int run_barrier(weft_domain *domain, uint64_t timeout_ns)
{
    run r = {.domain = domain, .timeout_ns = timeout_ns, .nap = 10000, .start = weft_i_sys_clock_ns()};
    while (!weft_i_take_right(&domain->barrier_right, weft_i_thread_id()))
        if (!wait_more(&r))
            return -ETIMEDOUT;
    (void)weft_i_pending(domain, NULL);
    r.nap = 10000;
    int error = wait_for_all(&r);
    weft_i_barrier_abandon(domain);
    weft_i_collect_orphans(domain);
    return error;
}

int weft_domain_barrier(weft_domain *domain, uint64_t timeout_ns)
{
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    if (weft_i_in_callback_of(domain) || weft_i_guards_held(domain, weft_i_thread_id()))
        return -EBUSY;
    weft_i_record *borrowed = weft_i_record_borrow();
    int error = run_barrier(domain, timeout_ns);
    weft_i_record_return(borrowed);
    return error;
}
