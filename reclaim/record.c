#include <weft/reclaim/record.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define RECORD_R1 memory_order_release /* push record -> RECORD_A1: publishes its fields to scans */
#define RECORD_A1 memory_order_acquire /* walk records -> RECORD_R1: sees a record's fields before following it */
#define RECORD_R3 memory_order_release /* passed a fence -> FENCE_A2: what this thread published before is visible to a thread that reads this */
#define RECORD_X1 memory_order_acq_rel /* answer -> HANDSHAKE_A2: what this thread has published is seen; it sees what was unlinked before it was asked */
#define RECORD_R4 memory_order_release /* give record back -> RECORD_A4: the thread's last uses come before */
#define RECORD_A4 memory_order_acquire /* is a record owned -> RECORD_R4: a record given back needs no fence of its own */
#endif
/* clang-format on */

/* No free slot, no hint that matches. FENCES: a guard without a record is not told when membarrier fails. */
WEFT_I_OBJECT weft_i_record weft_i_no_record = {
    .thread = {.attention = WEFT_I_FENCES,
               .slot = {{.domain = &weft_i_no_record}}}, /* its first slot is taken for good */
};

WEFT_I_OBJECT WEFT_I_THREAD_LOCAL weft_i_thread *weft_i_self_1 = &weft_i_no_record.thread;

static weft_i_mutex owners = WEFT_I_MUTEX_INIT(WEFT_I_RANK_RECORDS); /* of `owned` in all records, and of the list */
static weft_i_record *_Atomic records;

weft_i_record *weft_i_record_first(void)
{
    return weft_i_load(&records, RECORD_A1);
}

weft_i_record *weft_i_record_peek(void)
{
    weft_i_thread *self = weft_i_self();
    return self == &weft_i_no_record.thread ? NULL : (weft_i_record *)self;
}

bool weft_i_record_owned(weft_i_record *record)
{
    return weft_i_load(&record->owned, RECORD_A4);
}

int weft_i_record_thread_id(weft_i_record *record)
{
    /* relaxed: a name for the statistics */
    return weft_i_load(&record->thread.thread_id, memory_order_relaxed);
}

int weft_i_thread_id(void)
{
    weft_i_record *own = weft_i_record_peek();
    return own ? weft_i_record_thread_id(own) : weft_i_sys_thread_id();
}

/* By compare-and-swap: a signal handler may have answered meanwhile. */
static void answer(weft_i_thread *thread)
{
    /* relaxed: nothing is read on failure; RECORD_X1 otherwise */
    int seen = weft_i_load(&thread->attention, memory_order_relaxed);
    while (seen & WEFT_I_ASKED)
        if (weft_i_cas(&thread->attention, &seen, seen & ~WEFT_I_QUESTIONS, RECORD_X1,
                       memory_order_relaxed)) /* relaxed: nothing is read on failure */
            break;
}

/*
 * FENCES is set where membarrier has failed. The record's `passed_fence` is set only outside of attempts: if a signal
 * handler that comes here has interrupted an attempt, that attempt goes on to its end without fences
 * (weft_i_attempt_begin).
 */
void weft_i_publish_slow(weft_i_thread *thread)
{
    weft_i_record *record = (weft_i_record *)thread;
    answer(thread);
    /* relaxed: the bit is never cleared again, so this thread publishes with fences from here on */
    if (!(weft_i_load(&thread->attention, memory_order_relaxed) & WEFT_I_FENCES))
        return;
    weft_i_full_fence();
    /* relaxed: this thread's */
    if (record != &weft_i_no_record && !weft_i_load(&record->operation.domain, memory_order_relaxed))
        weft_i_store(&record->passed_fence, 1, RECORD_R3);
}

/* ---- slots ---- */

int weft_i_record_slots(weft_i_record *record)
{
    /* relaxed: a slot that was first taken before the scan's heavy fence is seen; one taken later holds nothing that
       the scan looks for */
    return weft_i_load(&record->open, memory_order_relaxed);
}

/*
 * Signal handlers may interrupt this anywhere: scans look at the slot before it is taken, and a handler takes and frees
 * in balance.
 */
weft_i_slot *weft_i_record_take_slot(weft_i_record *record)
{
    /* relaxed: only this thread and its signal handlers write them */
    size_t free = weft_i_load(&record->thread.free, memory_order_relaxed);
    if (!free)
        return NULL;
    int i = __builtin_ctzll(free);
    if (i >= weft_i_load(&record->open, memory_order_relaxed)) { /* relaxed: written by the same */
        int open = (i / WEFT_SLOTS_STEP + 1) * WEFT_SLOTS_STEP;
        /* relaxed: published with the guard, by the light fence */
        weft_i_store(&record->open, open < WEFT_SLOTS ? open : WEFT_SLOTS, memory_order_relaxed);
    }
    weft_i_compiler_fence();
    weft_i_store(&record->thread.free, free & (free - 1), memory_order_relaxed); /* relaxed: read by the same */
    weft_i_compiler_fence();
    return &record->thread.slot[i];
}

void weft_i_record_give_slot(weft_i_record *record, const weft_i_slot *slot)
{
    size_t bit = (size_t)1 << (slot - record->thread.slot);
    weft_i_compiler_fence(); /* a signal handler may take it only once it is empty */
    /* relaxed: only this thread and its signal handlers read and write it */
    weft_i_store(&record->thread.free, weft_i_load(&record->thread.free, memory_order_relaxed) | bit,
                 memory_order_relaxed);
}

/* The bits of all slots for nested guards. */
static size_t all_slots(void)
{
    return ((size_t)-1 >> (sizeof(size_t) * 8 - WEFT_SLOTS)) & ~(size_t)1;
}

static void clear(weft_i_slot *slot)
{
    for (int w = 0; w < WEFT_I_WORDS; w++)
        weft_i_store(&slot->words.word[w], NULL, RECORD_R4);
    weft_i_store(&slot->domain, NULL, RECORD_R4);
}

/* ---- owners ---- */

void weft_i_record_leave_all(weft_i_record *record)
{
    for (int i = WEFT_I_OPERATION; i < weft_i_record_slots(record); i++)
        clear(weft_i_record_slot(record, i));
    weft_i_store(&record->thread.free, all_slots(),
                 memory_order_relaxed); /* relaxed: the owner is this thread, or gone */
}

void weft_i_record_give_back(weft_i_record *record)
{
    weft_i_record_leave_all(record);
    for (int i = 0; i < WEFT_HINTS; i++)
        record->hint[i].id = 0;
    record->life = WEFT_I_FREE;
    record->visits = NULL;
    weft_i_store(&record->owned, 0, RECORD_R4);
}

static weft_i_record *find_free(void)
{
    weft_i_mutex_lock(&owners);
    weft_i_record *record = weft_i_record_first();
    while (record && weft_i_record_owned(record))
        record = record->next;
    if (record)
        weft_i_store(&record->owned, 1, RECORD_R4);
    weft_i_mutex_unlock(&owners);
    return record;
}

/* Allocated outside of the lock: the process's allocator may have fork handlers that wait for ours. */
static weft_i_record *make(void)
{
    weft_i_record *record = weft_i_sys_alloc(sizeof *record, WEFT_I_LINE);
    if (!record)
        return NULL;
    *record =
        (weft_i_record){.thread = {.free = all_slots()}, .owned = 1, .open = 1}; /* the first slot is any guard's */
    weft_i_mutex_lock(&owners);
    record->next = weft_i_record_first();
    record->number = record->next ? record->next->number + 1 : 0;
    weft_i_store(&records, record, RECORD_R1); /* pushed only here, under the lock */
    weft_i_mutex_unlock(&owners);
    return record;
}

weft_i_record *weft_i_record_take(void)
{
    weft_i_record *record = find_free();
    if (!record && !(record = make()))
        return NULL;
    /* relaxed: fence.c orders both with the mode; this thread publishes nothing before it reads them */
    weft_i_store(&record->thread.attention, WEFT_I_FENCES, memory_order_relaxed);
    weft_i_store(&record->passed_fence, 1, memory_order_relaxed);
    weft_i_store(&record->thread.thread_id, weft_i_sys_thread_id(), memory_order_relaxed); /* relaxed: a name */
    record->life = WEFT_I_IN_USE;
    return record;
}

weft_i_record *weft_i_records_take(void)
{
    weft_i_mutex_lock(&owners);
    weft_i_record *all = weft_i_record_first();
    weft_i_store(&records, NULL, RECORD_R1);
    weft_i_mutex_unlock(&owners);
    return all;
}

void weft_i_records_lock(void)
{
    weft_i_mutex_lock(&owners);
}

void weft_i_records_unlock(void)
{
    weft_i_mutex_unlock(&owners);
}
