#include <weft/reclaim/fence.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define FENCE_A2 memory_order_acquire /* has a thread passed a fence -> RECORD_R3: then the scan sees all that it published without a fence */
#define FENCE_R1 memory_order_release /* change the mode -> FENCE_A1: records were told before */
#define FENCE_A1 memory_order_acquire /* read the mode -> FENCE_R1: sees which records were told */
#endif
/* clang-format on */

/* UNPROBED: not needed yet; TURNING: membarrier has failed, and not every record has passed a fence since. */
enum { UNPROBED, MEMBARRIER, TURNING, FENCES };

static weft_i_mutex changes = WEFT_I_MUTEX_INIT(WEFT_I_RANK_FENCE); /* of the mode, and of FENCES in all records */
static weft_i_atomic_int mode;

/* Under the lock: each record is told here, or by weft_i_fence_join. */
static void leave_membarrier(void)
{
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        /* relaxed: nothing is reclaimed until the owner has seen it, however long that takes */
        (void)weft_i_fetch_or(&r->thread.attention, WEFT_I_FENCES, memory_order_relaxed);
    weft_i_store(&mode, TURNING, FENCE_R1);
}

static bool all_passed(void)
{
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        if (weft_i_record_owned(r) && !weft_i_load(&r->passed_fence, FENCE_A2))
            return false;
    return true;
}

/* Until all threads have passed a fence of their own, weft_i_sys_interrupt_all takes the place of membarrier. */
static bool turn(void)
{
    weft_i_mutex_lock(&changes);
    /* relaxed: the lock orders it */
    if (weft_i_load(&mode, memory_order_relaxed) == MEMBARRIER)
        leave_membarrier();
    weft_i_publish_slow(weft_i_self()); /* this thread has just been told, and may be the only one */
    bool done = all_passed();
    if (done)
        weft_i_store(&mode, FENCES, FENCE_R1);
    else
        done = weft_i_sys_interrupt_all();
    weft_i_mutex_unlock(&changes);
    weft_i_full_fence();
    return done;
}

/* Under the lock. */
static int probed(void)
{
    /* relaxed: the lock orders it */
    int now = weft_i_load(&mode, memory_order_relaxed);
    if (now == UNPROBED) {
        now = weft_i_sys_membarrier_probe() ? MEMBARRIER : FENCES;
        weft_i_store(&mode, now, FENCE_R1);
    }
    return now;
}

/*
 * A thread without a record may be the first to need a heavy fence. A full fence of its own would not suffice: another
 * thread may make the first record meanwhile, and publish without fences.
 */
static int probe(void)
{
    weft_i_mutex_lock(&changes);
    int now = probed();
    weft_i_mutex_unlock(&changes);
    return now;
}

bool weft_i_heavy_fence(void)
{
    int now = weft_i_load(&mode, FENCE_A1);
    if (weft_i_unlikely(now == UNPROBED))
        now = probe();
    if (weft_i_likely(now == MEMBARRIER) && weft_i_sys_membarrier())
        return true;
    if (now == MEMBARRIER || now == TURNING)
        return turn();
    weft_i_full_fence();
    return true;
}

bool weft_i_fence_interrupts(void)
{
    /* relaxed: a hint */
    return weft_i_load(&mode, memory_order_relaxed) == MEMBARRIER;
}

void weft_i_fence_after_fork(void)
{
    /* relaxed: one thread */
    if (weft_i_load(&mode, memory_order_relaxed) == MEMBARRIER && !weft_i_sys_membarrier_probe())
        leave_membarrier();
}

void weft_i_fence_join(weft_i_record *record)
{
    weft_i_mutex_lock(&changes);
    if (probed() == MEMBARRIER) {
        /* relaxed: the lock orders mode and flags; the record's owner publishes nothing before it reads them */
        weft_i_store(&record->passed_fence, 0, memory_order_relaxed);
        weft_i_store(&record->thread.attention, 0, memory_order_relaxed); /* relaxed: under the lock, too */
    }
    weft_i_mutex_unlock(&changes);
    weft_i_full_fence(); /* answers all questions asked before, even unseen or overwritten ones (handshake.h) */
}

void weft_i_fence_lock(void)
{
    weft_i_mutex_lock(&changes);
}

void weft_i_fence_unlock(void)
{
    weft_i_mutex_unlock(&changes);
}
