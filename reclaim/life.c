#include <weft/reclaim/cache.h>
#include <weft/reclaim/callback.h>
#include <weft/reclaim/collect.h>
#include <weft/reclaim/fence.h>
#include <weft/reclaim/figures.h>
#include <weft/reclaim/handshake.h>
#include <weft/reclaim/life.h>
#include <weft/reclaim/linked.h>
#include <weft/reclaim/orphans.h>
#include <weft/reclaim/registry.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define LIFE_R1 memory_order_release /* the hooks are in place -> LIFE_A1: the key comes before */
#define LIFE_A1 memory_order_acquire /* are the hooks in place -> LIFE_R1: sees the key */
#endif
/* clang-format on */

static weft_i_mutex preparing = WEFT_I_MUTEX_INIT(WEFT_I_RANK_PREPARING); /* never waited for */
static weft_i_atomic_int prepared;
static bool key_made;
static weft_i_key exit_key;

/* The exit hook has run. Later uses, in destructors of other keys, do without a record, or borrow one. */
static WEFT_I_THREAD_LOCAL int ended;

weft_i_local *weft_i_place_of_record(weft_domain *domain, const weft_i_record *record)
{
    weft_i_local *local = weft_i_place_after(domain, &domain->barrier);
    while (local && local->record != record)
        local = weft_i_place_after(domain, local);
    return local;
}

/* ---- a thread's end ---- */

/*
 * Gives up all that other threads may wait for: callbacks that ended the thread, linked guards, a barrier or a
 * destruction that it was in, its work on orphans. It does so in all domains before the thread leaves the first one,
 * since code that is called there may wait in a barrier of any other domain.
 */
static void give_up_everywhere(int thread)
{
    weft_i_lock_domains();
    for (weft_domain *d = weft_i_first_domain(); d; d = d->next) {
        weft_i_callbacks_over(d);
        if (weft_i_any_linked(d))
            weft_i_unlink_thread(d, thread);
        if (weft_i_has_right(&d->shared_right, thread))
            weft_i_shared_abandon(d);
        if (weft_i_has_right(&d->barrier_right, thread)) {
            d->closing = false; /* it may have been destroying it */
            weft_i_barrier_abandon(d);
        }
    }
    weft_i_unlock_domains();
    weft_i_callbacks_forget();
}

/* Whether leave_domain has anything to do. */
static bool has_to_leave(weft_domain *domain, const void *ctx)
{
    const weft_i_local *local = weft_i_place_of_record(domain, ctx);
    return !domain->closing && ((local && local->attached) || weft_i_many_orphans(domain, 1));
}

/*
 * The domain's allocator and callbacks may run here, and may end the thread again. Then the exit hook is called again
 * and repeats this.
 */
static void leave_domain(weft_domain *domain, weft_i_record *record)
{
    weft_i_local *local = weft_i_place_of_record(domain, record);
    if (local && local->attached) {
        weft_i_collect(local); /* so that only objects are left that guards hold */
        weft_i_trim(local);
        weft_i_mutex_lock(&domain->owners);
        weft_i_local_abandon(local);
        weft_i_mutex_unlock(&domain->owners);
    }
    weft_i_collect_orphans(domain);
}

/*
 * The thread's places stay its own until it gives them away, but code that it calls from here on does not find them.
 * This is called again after a callback that has ended the thread, with guards held anywhere.
 */
static void begin_ending(weft_i_record *record)
{
    record->life = WEFT_I_ENDING;
    for (int i = 0; i < WEFT_HINTS; i++)
        record->hint[i].id = 0;
    weft_i_record_leave_all(record);
    give_up_everywhere(weft_i_record_thread_id(record));
}

static void release_record(weft_i_record *record)
{
    (void)weft_i_key_set(exit_key, NULL);
    weft_i_self_1 = &weft_i_no_record.thread;
    weft_i_record_give_back(record); /* last, since weft_shutdown may free the record from then on */
}

static void end(weft_i_record *record)
{
    ended = 1;
    release_record(record);
}

static void on_exit(void *value)
{
    weft_i_record *record = value;
    uint64_t below = UINT64_MAX;
    begin_ending(record);
    (void)weft_i_key_set(exit_key, record); /* should a callback end the thread, this hook is called again */
    while ((record->visits = weft_i_visit_below(below, record->visits, has_to_leave, record)) != NULL) {
        below = record->visits->id;
        leave_domain(record->visits, record);
    }
    give_up_everywhere(weft_i_record_thread_id(record)); /* guards that callbacks have not left */
    end(record);
}

/* ---- forks ---- */

static int forking_thread;
static weft_i_signals signals_before_fork;

/*
 * fork() itself then waits for more locks, such as malloc's. Who holds one of these may be in a signal handler that
 * waits for the lock of linked guards: that one is not taken.
 */
static void before_fork(void)
{
    weft_i_signals signals = weft_i_sys_block_signals();
    weft_i_lock_domains();
    signals_before_fork = signals;
    forking_thread = weft_i_sys_thread_id();
    for (weft_domain *d = weft_i_first_domain(); d; d = d->next)
        weft_i_mutex_lock(&d->owners);
    for (weft_domain *d = weft_i_first_domain(); d; d = d->next)
        weft_i_mutex_lock(&d->blocker_lock);
    weft_i_records_lock();
    weft_i_fence_lock();
    weft_i_note_forking(weft_i_record_peek() ? weft_i_self() : NULL); /* threads without a record share one */
}

static void unlock_all(void)
{
    weft_i_signals signals = signals_before_fork;
    weft_i_note_forking(NULL);
    weft_i_fence_unlock();
    weft_i_records_unlock();
    for (weft_domain *d = weft_i_first_domain(); d; d = d->next) {
        weft_i_mutex_unlock(&d->blocker_lock);
        weft_i_mutex_unlock(&d->owners);
    }
    weft_i_unlock_domains();
    weft_i_sys_restore_signals(signals);
}

/* The work of the parent's other threads does not go on in the child. A callback or a barrier that has forked does. */
static void keep_own_work(weft_domain *domain, const weft_i_record *own)
{
    int me = weft_i_sys_thread_id();
    weft_i_keep_linked(domain, forking_thread, me);
    weft_i_inherit_right(&domain->shared_right, forking_thread, me);
    weft_i_inherit_right(&domain->barrier_right, forking_thread, me);
    if (!weft_i_has_right(&domain->shared_right, me))
        weft_i_shared_abandon(domain);
    if (!weft_i_has_right(&domain->barrier_right, me)) {
        domain->closing = false;
        weft_i_barrier_abandon(domain);
    }
    for (int i = 0; i < 2; i++)
        /* relaxed: one thread */
        weft_i_store(&domain->shared_callbacks[i], weft_i_callbacks_counted_by(&domain->shared_callbacks[i]),
                     memory_order_relaxed);
    domain->visitors = own && own->visits == domain;
    domain->blocker = (weft_i_blocker){0};
}

static void lose(weft_i_record *record, weft_domain *domains)
{
    for (weft_domain *d = domains; d; d = d->next) {
        weft_i_local *local = weft_i_place_of_record(d, record);
        if (local && local->attached)
            weft_i_local_abandon(local); /* its caches wait for the record's next owner: no allocator may run here */
    }
    weft_i_record_give_back(record);
}

/* The child has one thread. No user code is called, since locks that it needs may still be held. */
static void after_fork_in_child(void)
{
    weft_i_record *own = weft_i_record_peek();
    weft_domain *domains = weft_i_first_domain();
    for (weft_domain *d = domains; d; d = d->next)
        keep_own_work(d, own);
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        if (r != own && weft_i_record_owned(r))
            lose(r, domains);
    for (weft_domain *d = domains; d; d = d->next)
        weft_i_recount(d);
    if (own)
        /* relaxed: a name for the statistics */
        weft_i_store(&own->thread.thread_id, weft_i_sys_thread_id(), memory_order_relaxed);
    weft_i_fence_after_fork();
    weft_i_handshake_after_fork();
    unlock_all();
}

/* ---- a thread's beginning ---- */

/*
 * Makes the exit key and the fork handlers, once. False: not possible now, or another thread is at it; in a fork's
 * child that thread may not exist. The caller then does without.
 */
static bool prepare(void)
{
    if (weft_i_load(&prepared, LIFE_A1))
        return true;
    if (!weft_i_mutex_trylock(&preparing))
        return false;
    key_made = key_made || weft_i_key_create(&exit_key, on_exit);
    /* relaxed: under the lock */
    if (key_made && !weft_i_load(&prepared, memory_order_relaxed) &&
        weft_i_at_fork(before_fork, unlock_all, after_fork_in_child))
        weft_i_store(&prepared, 1, LIFE_R1);
    bool done = weft_i_load(&prepared, LIFE_A1);
    weft_i_mutex_unlock(&preparing);
    return done;
}

/* When the library is loaded there are no other threads yet, so that none has to do without a record. */
WEFT_I_AT_LOAD static void at_load(void)
{
    (void)prepare();
}

static weft_i_record *begin(weft_i_life life)
{
    if (!prepare())
        return NULL;
    weft_i_record *record = weft_i_record_take();
    if (!record)
        return NULL;
    record->life = life;
    if (!weft_i_key_set(exit_key, record)) {
        weft_i_record_give_back(record);
        return NULL;
    }
    weft_i_fence_join(record);
    record->thread.default_domain = weft_default_domain();
    weft_i_self_1 = &record->thread;
    return record;
}

/* Holds signals back, since a handler may use Weft. */
static weft_i_record *begin_undisturbed(weft_i_life life)
{
    weft_i_signals signals = weft_i_sys_block_signals();
    weft_i_record *record = begin(life);
    weft_i_sys_restore_signals(signals);
    return record;
}

weft_i_record *weft_i_record_get(void)
{
    weft_i_record *record = weft_i_record_peek();
    if (weft_i_likely(record != NULL) || ended)
        return record;
    return begin_undisturbed(WEFT_I_IN_USE);
}

weft_i_record *weft_i_record_borrow(void)
{
    if (weft_i_record_get() || !ended)
        return NULL;
    return begin_undisturbed(WEFT_I_ENDING); /* so that it gets no places */
}

void weft_i_record_drop(void)
{
    weft_i_signals signals = weft_i_sys_block_signals();
    weft_i_record *record = weft_i_record_peek();
    if (record)
        release_record(record);
    weft_i_sys_restore_signals(signals);
}

void weft_i_record_return(weft_i_record *borrowed)
{
    if (borrowed)
        end(borrowed);
}
