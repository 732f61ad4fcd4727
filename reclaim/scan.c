#include <weft/reclaim/epochs.h>
#include <weft/reclaim/fence.h>
#include <weft/reclaim/handshake.h>
#include <weft/reclaim/hazards.h>
#include <weft/reclaim/scan.h>

/* Reads the blocker that earlier scans have recorded. It is only a figure, so no scan waits for the lock. */
static void recall(weft_domain *domain, weft_i_scan *s)
{
    s->known = (weft_i_blocker){0};
    if (!weft_i_mutex_trylock(&domain->blocker_lock))
        return;
    s->known = domain->blocker;
    weft_i_mutex_unlock(&domain->blocker_lock);
}

/* Records the blocker, and since when it has held objects back. */
static void remember(weft_domain *domain, const weft_i_scan *s)
{
    if (!weft_i_mutex_trylock(&domain->blocker_lock))
        return;
    weft_i_blocker *known = &domain->blocker;
    if (known->words != s->blocker.words || known->value != s->blocker.value) {
        *known = s->blocker;
        known->since_ns = known->words ? weft_i_sys_clock_ns() : 0;
    }
    weft_i_mutex_unlock(&domain->blocker_lock);
}

void weft_i_scan_begin(weft_i_local *local)
{
    weft_i_scan *s = &local->scan;
    if (s->stage != WEFT_I_IDLE || (weft_i_bags_empty(&local->bags) && !s->sealed_count))
        return;
    local->left = WEFT_BATCH;
    local->range_bytes = 0;
    recall(local->domain, s);
    if (local->domain->head.scheme == WEFT_HAZARD)
        weft_i_bags_splice(&s->maybe, &local->bags);
    else
        weft_i_epochs_seal(local);
    s->stage = WEFT_I_WAITS;
    s->patience = weft_i_fence_interrupts() ? WEFT_PATIENCE : 0;
    if (s->patience)
        s->ticket = weft_i_handshake_ticket();
}

/* Whether all threads have passed a fence since the scan began. Interrupts them when patience is at its end. */
static bool may_compare(weft_i_local *local)
{
    weft_i_scan *s = &local->scan;
    if (s->patience && weft_i_handshake_over(s->ticket)) {
        weft_i_full_fence(); /* for threads that have no record, or are offline (handshake.h) */
        return true;
    }
    bool full = local->range_bytes >= WEFT_BATCH_BYTES;
    if (!full &&
        (local->left + s->patience > WEFT_BATCH || (s->patience && local->left && weft_i_handshake_fencing(s->ticket))))
        return false;
    if (weft_i_handshake_force(s->patience > 0))
        return true;
    weft_i_scan_undo(local);
    return false;
}

static void begin_comparing(weft_i_local *local)
{
    if (local->domain->head.scheme == WEFT_HAZARD)
        weft_i_hazards_begin(local);
    else
        weft_i_epochs_scan(local);
    local->scan.stage = WEFT_I_COMPARES;
}

bool weft_i_scan_step(weft_i_local *local, size_t most)
{
    weft_i_scan *s = &local->scan;
    if (s->stage == WEFT_I_WAITS && may_compare(local))
        begin_comparing(local);
    if (s->stage != WEFT_I_COMPARES)
        return false;
    if (local->domain->head.scheme == WEFT_HAZARD && !weft_i_hazards_step(local, most))
        return false;
    if (s->total > WEFT_BATCH)
        local->left += s->total - WEFT_BATCH;
    s->stage = WEFT_I_IDLE;
    remember(local->domain, s);
    return true;
}

void weft_i_scan_all(weft_i_local *local)
{
    weft_i_scan_undo(local);
    weft_i_scan_begin(local);
    local->scan.patience = 0;
    (void)weft_i_scan_step(local, SIZE_MAX);
}

void weft_i_scan_undo(weft_i_local *local)
{
    weft_i_scan *s = &local->scan;
    if (s->stage == WEFT_I_IDLE)
        return;
    s->stage = WEFT_I_IDLE;
    weft_i_bags_splice(&local->bags, &s->maybe);
    weft_i_bags_splice(&local->bags, &s->passed);
}
