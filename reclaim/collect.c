#include <weft/reclaim/cache.h>
#include <weft/reclaim/callback.h>
#include <weft/reclaim/collect.h>
#include <weft/reclaim/figures.h>
#include <weft/reclaim/orphans.h>
#include <weft/reclaim/scan.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define COUNT_R1 memory_order_release /* grant -> COUNT_A1: the new room comes before, so that no more seems retired than was */
#endif
/* clang-format on */

/* Objects that a scan compares in one step; a step comes with each WEFT_STEP / 8 retirements. */
#ifndef WEFT_STEP
#define WEFT_STEP 512
#endif
/* Retirements between two looks for the threads' answers. */
#ifndef WEFT_PACE
#define WEFT_PACE (1 + WEFT_BATCH / 16)
#endif

/*
 * Retirements between two calls of maintenance while objects are ready. Each reclaims twice as many, which share its
 * cost.
 */
#ifndef WEFT_CALLS
#define WEFT_CALLS 4
#endif

/* Ready nodes that a thread has not taken for so many retirements (several time slices) count as not needed. */
#ifndef WEFT_SPAN
#define WEFT_SPAN (256 * (size_t)WEFT_BATCH)
#endif

/* ---- room ---- */

/* Sets the number of retirements before the next maintenance. With the right to the lists. */
static void grant(weft_i_local *local, size_t room)
{
    /* relaxed: figures, each written by one thread */
    size_t more = room - weft_i_load(&local->room, memory_order_relaxed);
    weft_i_store(&local->room, room, memory_order_relaxed);
    /* relaxed: written by this thread alone */
    weft_i_store(&local->counters.granted, weft_i_load(&local->counters.granted, memory_order_relaxed) + more,
                 COUNT_R1);
}

void weft_i_local_open(weft_i_local *local)
{
    local->left = 0;
    grant(local, WEFT_BATCH);
}

/* Grants only a few retirements at a time while there is work to do. Returns how many. */
static size_t grant_what_is_left(weft_i_local *local)
{
    size_t room = local->left, most = SIZE_MAX;
    if (!weft_i_bags_empty(&local->ready))
        most = WEFT_CALLS;
    else if (local->scan.stage == WEFT_I_COMPARES)
        most = (WEFT_STEP + 7) / 8;
    else if (local->scan.stage == WEFT_I_WAITS)
        most = WEFT_PACE;
    room = room < most ? room : most;
    local->left -= room;
    room = room ? room : 1;
    grant(local, room);
    return room;
}

/* ---- a thread's place ---- */

/* Moves what a scan has shown to be free to the cache, the depot, or `ready`. */
static void deliver(weft_i_local *local)
{
    for (int c = 0; c < WEFT_I_CLASSES; c++)
        if (local->record)
            weft_i_cache_accept(local, c, &local->scan.passed.of[c]);
    weft_i_bags_splice(&local->ready, &local->scan.passed);
}

static void step(weft_i_local *local)
{
    if (local->scan.stage == WEFT_I_IDLE && (!local->left || local->range_bytes >= WEFT_BATCH_BYTES)) {
        (void)weft_i_pending(local->domain, NULL);
        weft_i_scan_begin(local);
    }
    /* With many hazards the batch is compared several times. Then a step is larger, so that the scan takes no more
       retirements than it would otherwise. */
    if (weft_i_scan_step(local, WEFT_STEP * (1 + local->scan.before / WEFT_SCAN_WORDS)))
        deliver(local);
}

/*
 * More objects are ready than one scan leaves. If callbacks retire more than one object each, reclaiming two per
 * retirement would never catch up. (Under epochs a guard may have held back any number of objects, and reclaiming them
 * must not become one long call.)
 */
static bool is_behind(const weft_i_local *local)
{
    return local->domain->head.scheme == WEFT_HAZARD &&
           weft_i_bags_count(&local->ready) > WEFT_BATCH + local->scan.total;
}

/* How many objects to reclaim: those with callbacks, and nodes. */
typedef struct weft_i_due {
    size_t calls, nodes;
} weft_i_due;

/* With the right to the lists. */
static weft_i_hook *next_ready(weft_i_local *local, weft_i_due *due)
{
    weft_i_hook *hook = due->calls ? weft_i_list_pop(&local->ready.of[WEFT_I_OTHER]) : NULL;
    size_t *one = hook ? &due->calls : &due->nodes;
    for (int c = 0; !hook && due->nodes && c < WEFT_I_CLASSES; c++)
        hook = weft_i_list_pop(&local->ready.of[c]);
    if (hook && !is_behind(local))
        --*one;
    return hook;
}

/* Reclaims one of the ready objects. False: there is none, or a taker has them. */
static bool drain_one(weft_i_local *local, weft_i_due *due, bool takes)
{
    weft_domain *domain = local->domain;
    if (!weft_i_busy_begin(domain))
        return false;
    weft_i_hook *hook = next_ready(local, due);
    if (!hook) {
        weft_i_busy_end();
        return false;
    }
    weft_i_count_reclaimed(local, 1, weft_i_size_of(hook));
    if (!hook->kind->reclaim) {
        weft_i_busy_end(); /* the allocator may use Weft; the cache stays this thread's even if a taker has the lists */
        if (takes) {       /* such a thread takes the nodes that it needs from `ready` */
            weft_i_free_in(domain, local, hook, hook->kind->size);
        } else {
            weft_i_node_free(domain, local, hook->kind->bag, hook);
        }
        return true;
    }
    weft_i_count(&local->callbacks, 1);
    weft_i_busy_end();
    weft_i_call_back(hook, domain, &local->callbacks, true);
    return true;
}

static void drain_local(weft_i_local *local, weft_i_due due, bool takes)
{
    if (weft_i_in_callback())
        return;
    while ((due.calls || due.nodes) && drain_one(local, &due, takes))
        ;
}

static size_t cached(const weft_i_local *local)
{
    size_t count = 0;
    for (int c = 0; c < WEFT_I_CLASSES; c++)
        count += local->cache[c].count;
    return count;
}

/* How many of the ready nodes have not been needed for long. With the right to the lists. */
static size_t idle_nodes(weft_i_local *local, size_t room)
{
    size_t ready = weft_i_bags_count(&local->ready) - local->ready.of[WEFT_I_OTHER].count;
    local->least = ready < local->least ? ready : local->least;
    local->idle = ready < local->idle ? ready : local->idle;
    if (local->span > room) {
        local->span -= room;
    } else {
        local->span = WEFT_SPAN;
        local->idle = local->least;
        local->least = ready;
    }
    return local->idle;
}

/*
 * Reclaims two objects per retirement, so that what one scan leaves is gone before the next one ends. Under epochs, if
 * the thread itself takes ready nodes, it gives back only idle ones: where threads outnumber processors, a thread that
 * does not run holds back nodes that another thread needs in its next time slice.
 */
bool weft_i_step(weft_i_local *local)
{
    if (!weft_i_busy_begin(local->domain))
        return false; /* a taker has the lists, and will grant room */
    if (!weft_i_in_callback())
        step(local);
    size_t room = grant_what_is_left(local), idle = idle_nodes(local, room), nodes = 2 * room;
    weft_i_busy_end();
    bool takes = cached(local) < local->kept && local->domain->head.scheme == WEFT_EPOCH;
    if (takes) {
        nodes = nodes < idle ? nodes : idle;
        local->idle -= nodes;
    }
    drain_local(local, (weft_i_due){2 * room, nodes}, takes);
    local->kept = cached(local);
    return true;
}

void weft_i_collect(weft_i_local *local)
{
    if (weft_i_in_callback() || !weft_i_busy_begin(local->domain))
        return;
    (void)weft_i_pending(local->domain, NULL);
    weft_i_scan_all(local);
    deliver(local);
    (void)grant_what_is_left(local);
    weft_i_busy_end();
    drain_local(local, (weft_i_due){SIZE_MAX, SIZE_MAX}, false);
}

void weft_i_take_lists(weft_i_local *local, weft_i_bags *waiting, weft_i_bags *ready)
{
    weft_i_scan_undo(local);
    for (int i = 0; i < local->scan.sealed_count; i++)
        weft_i_bags_splice(waiting, &local->scan.sealed[i].bags);
    local->scan.sealed_count = 0;
    weft_i_bags_splice(waiting, &local->bags);
    if (local == &local->domain->shared)
        weft_i_count_orphans(local->domain, (size_t)0 - weft_i_bags_count(&local->ready));
    weft_i_bags_splice(ready, &local->ready);
    local->range_bytes = 0;
    if (local->attached)
        weft_i_local_open(local);
}

/* Repairs lists as a thread left them, even in the middle of a push. */
static void mend(weft_i_local *local)
{
    weft_i_bags_mend(&local->ready);
    weft_i_bags_mend(&local->bags);
    weft_i_bags_mend(&local->scan.maybe);
    weft_i_bags_mend(&local->scan.passed);
    for (int c = 0; c < WEFT_I_CLASSES; c++)
        weft_i_list_mend(&local->cache[c]);
    for (int i = 0; i < local->scan.sealed_count; i++)
        weft_i_bags_mend(&local->scan.sealed[i].bags);
    local->scan.stage = WEFT_I_COMPARES; /* so that the scan is undone, whatever its stage was */
    weft_i_scan_undo(local);
}

void weft_i_local_abandon(weft_i_local *local)
{
    weft_i_bags waiting = {0};
    mend(local);
    /* relaxed: odd only in a fork's child, where there is one thread, and the callback of another does not go on */
    weft_i_count(&local->callbacks, weft_i_load(&local->callbacks, memory_order_relaxed) % 2);
    local->attached = false;
    grant(local, 0);
    weft_i_take_lists(local, &waiting, &waiting);
    weft_i_push_orphans(local->domain, &waiting);
}

/* ---- the domain's places ---- */

static weft_i_hook *pop_own(weft_domain *domain, weft_i_local *local)
{
    weft_i_counters *c = &domain->shared.counters;
    weft_i_hook *hook = weft_i_bags_pop(&local->ready);
    if (!hook)
        return NULL;
    /* relaxed: figures */
    (void)weft_i_fetch_add(&c->reclaimed, 1, memory_order_relaxed);
    (void)weft_i_fetch_add(&c->reclaimed_bytes, weft_i_size_of(hook), memory_order_relaxed);
    return hook;
}

static void reclaim_own(weft_domain *domain, weft_i_hook *hook, weft_i_atomic_size *running)
{
    if (hook->kind->reclaim)
        weft_i_call_back(hook, domain, running, false);
    else
        weft_i_free(domain, hook, hook->kind->size);
}

static void count_running(const weft_i_hook *hook, weft_i_atomic_size *running)
{
    if (hook->kind->reclaim)
        /* relaxed: the next thread that takes the right to the lists sees it */
        (void)weft_i_fetch_add(running, 1, memory_order_relaxed);
}

void weft_i_scan_own(weft_i_local *local)
{
    weft_i_scan_all(local);
    deliver(local);
}

void weft_i_drain_own(weft_domain *domain, weft_i_local *local, weft_i_atomic_size *running)
{
    for (weft_i_hook *hook; (hook = pop_own(domain, local)) != NULL;) {
        count_running(hook, running);
        reclaim_own(domain, hook, running);
    }
}

/* Takes an object that no guard holds out of the lists of `shared`, with the right to them. NULL: none. */
static weft_i_hook *next_orphan(weft_domain *domain, bool *adopted)
{
    weft_i_local *shared = &domain->shared;
    if (weft_i_bags_empty(&shared->ready) && !*adopted) {
        *adopted = true;
        weft_i_adopt(domain, &shared->bags);
        weft_i_scan_all(shared);
        deliver(shared);
        weft_i_count_orphans(domain, weft_i_bags_count(&shared->ready));
    }
    weft_i_hook *hook = pop_own(domain, shared);
    if (hook)
        weft_i_count_orphans(domain, (size_t)0 - 1);
    return hook;
}

typedef enum progress { RECLAIMED, NOTHING, TAKEN } progress;

/* Gives the right back before the callback runs, so that others may go on with the rest. */
static progress reclaim_orphan(weft_domain *domain, bool *adopted)
{
    if (!weft_i_take_right(&domain->shared_right, weft_i_thread_id()))
        return TAKEN;
    weft_i_hook *hook = next_orphan(domain, adopted);
    weft_i_atomic_size *running = &domain->shared_callbacks[domain->side];
    if (hook)
        count_running(hook, running);
    weft_i_give_right(&domain->shared_right);
    if (!hook)
        return NOTHING;
    reclaim_own(domain, hook, running);
    return RECLAIMED;
}

/*
 * A thread that finds the right taken leaves its orphans to the thread that has it. Where garbage is bounded (hazard
 * pointers), it helps instead if two batches or more are pending: the right is held for moments only. The thread that
 * has the right looks for new orphans after it has given the right back. Each of the two passes a full fence between
 * its write (the number of orphans; the right) and its read of the other's write, so at least one of them sees the
 * other's. The thread with the right looks only once more, since callbacks may retire again and again.
 */
void weft_i_collect_shared(weft_domain *domain)
{
    progress last;
    int more = 1;
    if (weft_i_in_callback())
        return;
    (void)weft_i_pending(domain, NULL);
    do {
        bool adopted = false;
        weft_i_full_fence();
        while ((last = reclaim_orphan(domain, &adopted)) == RECLAIMED)
            ;
        weft_i_full_fence();
        if (last == TAKEN)
            weft_i_sys_yield();
    } while (last == TAKEN ? domain->head.scheme == WEFT_HAZARD && weft_i_many_orphans(domain, 2)
                           : weft_i_many_orphans(domain, 1) && more-- > 0);
}

void weft_i_collect_orphans(weft_domain *domain)
{
    if (weft_i_many_orphans(domain, 1))
        weft_i_collect_shared(domain);
}

void weft_i_barrier_abandon(weft_domain *domain)
{
    weft_i_bags all = {0};
    mend(&domain->barrier);
    weft_i_take_lists(&domain->barrier, &all, &all);
    weft_i_push_orphans(domain, &all);
    weft_i_give_right(&domain->barrier_right);
}

void weft_i_shared_abandon(weft_domain *domain)
{
    mend(&domain->shared);
    (void)weft_i_sort_adopted(domain, &domain->shared.bags);
    weft_i_give_right(&domain->shared_right);
}
