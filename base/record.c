#include <weft/base/record.h>

#include <pthread.h>

/* clang-format off */
#ifndef RECORD_R1
#define RECORD_R1 memory_order_release /* push record -> RECORD_A1: publishes its fields to scans */
#endif
#ifndef RECORD_A1
#define RECORD_A1 memory_order_acquire /* walk records -> RECORD_R1: sees a record's fields before following it */
#endif
#ifndef RECORD_R2
#define RECORD_R2 memory_order_release /* open slots -> RECORD_A2: the slots' fields come before their number */
#endif
#ifndef RECORD_A2
#define RECORD_A2 memory_order_acquire /* slots to scan -> RECORD_R2: sees the fields of each open slot */
#endif
#ifndef RECORD_R3
#define RECORD_R3 memory_order_release /* passed a fence -> RECORD_A3: what this thread published before is visible to who reads it */
#endif
#ifndef RECORD_A3
#define RECORD_A3 memory_order_acquire /* has it passed -> RECORD_R3: then the scan sees all it published without a fence */
#endif
#ifndef RECORD_R4
#define RECORD_R4 memory_order_release /* give record back -> RECORD_A4: the thread's last uses come before */
#endif
#ifndef RECORD_A4
#define RECORD_A4 memory_order_acquire /* is it owned -> RECORD_R4: a record given back needs no fence of its own */
#endif
#ifndef RECORD_R5
#define RECORD_R5 memory_order_release /* fence mode -> RECORD_A5: records were told before the mode changes */
#endif
#ifndef RECORD_A5
#define RECORD_A5 memory_order_acquire /* fence mode -> RECORD_R5: sees who was told */
#endif
/* clang-format on */

/* No slots, no hint that matches, and fences: a guard without a record is not told when membarrier fails. */
static weft_i_record no_record = {
    .thread = {.attention = WEFT_I_FENCES, .slot = {{.domain = &no_record}}}, /* its first slot is taken for good */
};

WEFT_I_OBJECT __thread weft_i_thread *weft_i_self_1 __attribute__((tls_model("initial-exec"))) = &no_record.thread;

/* 1 once this thread's exit hook has run: what it uses later is linked, not registered (see reclaim/guard.c). */
static __thread int exited __attribute__((tls_model("initial-exec")));

/* UNPROBED until the first record; TURNING: membarrier failed, not every record has passed a fence since. */
enum { UNPROBED, MEMBARRIER, TURNING, FENCES };

static weft_i_mutex owners = WEFT_I_MUTEX_INIT; /* owners, the mode's changes, the key */
static weft_i_record *_Atomic records;
static weft_i_atomic_int mode;
static const weft_i_record_events *events;
static pthread_key_t exit_key;
static bool prepared;

weft_i_record *weft_i_record_first(void)
{
    return weft_i_load(&records, RECORD_A1);
}

weft_i_record *weft_i_record_peek(void)
{
    return weft_i_self() == &no_record.thread ? NULL : (weft_i_record *)weft_i_self();
}

void weft_i_publish_slow(weft_i_thread *thread)
{
    /* relaxed: once seen, it is there for good, and so this thread publishes with fences from here on */
    int fences = weft_i_load(&thread->attention, memory_order_relaxed) & WEFT_I_FENCES;
    weft_i_full_fence();
    if (fences && thread != &no_record.thread)
        weft_i_store(&((weft_i_record *)thread)->passed_fence, 1, RECORD_R3);
}

/* Under the lock of owners. */
static void leave_membarrier(void)
{
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        /* relaxed: until the owner has seen it nothing is reclaimed, however long that takes */
        (void)weft_i_fetch_or(&r->thread.attention, WEFT_I_FENCES, memory_order_relaxed);
    weft_i_store(&mode, TURNING, RECORD_R5);
}

static bool all_passed(void)
{
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        if (weft_i_load(&r->owned, RECORD_A4) && !weft_i_load(&r->passed_fence, RECORD_A3))
            return false;
    return true;
}

bool weft_i_heavy_fence(void)
{
    bool done;
    int now = weft_i_load(&mode, RECORD_A5);
    if (weft_i_likely(now == MEMBARRIER) && weft_i_sys_membarrier())
        return true;
    if (now == FENCES || now == UNPROBED) {
        weft_i_full_fence();
        return true;
    }
    weft_i_mutex_lock(&owners);
    /* relaxed: the lock orders it */
    if (weft_i_load(&mode, memory_order_relaxed) == MEMBARRIER)
        leave_membarrier();
    weft_i_publish_slow(weft_i_self()); /* this thread has been told now, and may be the only one */
    done = all_passed();
    if (done)
        weft_i_store(&mode, FENCES, RECORD_R5);
    weft_i_mutex_unlock(&owners);
    weft_i_full_fence();
    return done;
}

int weft_i_record_thread_id(weft_i_record *record)
{
    /* relaxed: a name for the statistics */
    return weft_i_load(&record->thread.thread_id, memory_order_relaxed);
}

int weft_i_record_slots(weft_i_record *record)
{
    return weft_i_load(&record->open, RECORD_A2);
}

static size_t slots_below(int end)
{
    return end < WEFT_SLOTS ? ((size_t)1 << end) - 1 : (size_t)-1 >> (sizeof(size_t) * 8 - WEFT_SLOTS);
}

bool weft_i_record_open(weft_i_record *record)
{
    /* relaxed: only the owner writes them */
    int open = weft_i_load(&record->open, memory_order_relaxed);
    int end = open + WEFT_SLOTS_STEP < WEFT_SLOTS ? open + WEFT_SLOTS_STEP : WEFT_SLOTS;
    if (open == end)
        return false;
    weft_i_store(&record->thread.free, slots_below(end) & ~slots_below(open), memory_order_relaxed); /* relaxed: likewise */
    weft_i_store(&record->open, end, RECORD_R2);
    return true;
}

static void clear(weft_i_slot *slot)
{
    for (int w = 0; w < WEFT_I_WORDS; w++)
        weft_i_store(&slot->words.word[w], NULL, RECORD_R4);
    weft_i_store(&slot->domain, NULL, RECORD_R4);
}

/* Guards that the thread did not leave count as left. */
static void clear_slots(weft_i_record *record)
{
    /* relaxed: only the owner writes them, and it is this thread or gone */
    int open = weft_i_load(&record->open, memory_order_relaxed);
    for (int i = 0; i < open; i++)
        clear(&record->thread.slot[i]);
    clear(&record->operation);
    weft_i_store(&record->thread.free, slots_below(open) & ~slots_below(1), memory_order_relaxed); /* relaxed: likewise */
}

static void give_back(weft_i_record *record)
{
    clear_slots(record);
    for (int i = 0; i < WEFT_HINTS; i++)
        record->hint[i].id = 0;
    record->callback = NULL;
    record->sharing = NULL;
    weft_i_store(&record->owned, 0, RECORD_R4);
}

static void on_thread_exit(void *value)
{
    weft_i_record *record = value;
    record->callback = NULL; /* if one has ended the thread: it lay on the stack */
    events->exit(record);
    exited = 1;
    weft_i_self_1 = &no_record.thread;
    weft_i_mutex_lock(&owners);
    give_back(record);
    weft_i_mutex_unlock(&owners);
}

static void before_fork(void)
{
    events->fork_prepare();
    weft_i_mutex_lock(&owners);
}

static void after_fork_in_parent(void)
{
    weft_i_mutex_unlock(&owners);
    events->fork_parent();
}

/* The child has one thread. Its own record stays as it is; the others' owners are gone. */
static void after_fork_in_child(void)
{
    weft_i_record *own = weft_i_record_peek();
    events->fork_child();
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next) {
        if (r == own || !weft_i_load(&r->owned, RECORD_A4))
            continue;
        events->fork_lost(r);
        give_back(r);
    }
    events->fork_done();
    if (own)
        /* relaxed: a name for the statistics */
        weft_i_store(&own->thread.thread_id, weft_i_sys_thread_id(), memory_order_relaxed);
    /* relaxed: one thread; membarrier's registration is the parent's memory map's and must be made again */
    if (weft_i_load(&mode, memory_order_relaxed) == MEMBARRIER && !weft_i_sys_membarrier_probe())
        leave_membarrier();
    weft_i_mutex_unlock(&owners); /* taken by this thread before the fork */
}

/* Under the lock of owners; false when the process has no key left. */
static bool prepare_process(const weft_i_record_events *told)
{
    if (prepared)
        return true;
    if (pthread_key_create(&exit_key, on_thread_exit) != 0)
        return false;
    events = told;
    (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    weft_i_store(&mode, weft_i_sys_membarrier_probe() ? MEMBARRIER : FENCES, RECORD_R5);
    prepared = true;
    return true;
}

static weft_i_record *new_record(void)
{
    weft_i_record *record = weft_i_sys_alloc(sizeof *record, WEFT_I_LINE);
    if (!record)
        return NULL;
    weft_i_record *before = weft_i_record_first();
    *record = (weft_i_record){.next = before, .open = 1, .number = before ? before->number + 1 : 0}; /* the first slot is open */
    weft_i_store(&records, record, RECORD_R1); /* pushed only here, under the lock */
    return record;
}

/* Under the lock of owners, as leave_membarrier is: a record is told of the mode here or there. */
static weft_i_record *take_record(void *default_domain)
{
    weft_i_record *record = weft_i_record_first();
    while (record && weft_i_load(&record->owned, RECORD_A4))
        record = record->next;
    if (!record && !(record = new_record()))
        return NULL;
    /* relaxed: the lock orders mode and flags; this thread publishes nothing before it reads them */
    bool fences = weft_i_load(&mode, memory_order_relaxed) != MEMBARRIER;
    weft_i_store(&record->thread.attention, fences ? WEFT_I_FENCES : 0, memory_order_relaxed);
    weft_i_store(&record->passed_fence, fences, RECORD_R3);
    record->thread.default_domain = default_domain;
    weft_i_store(&record->thread.thread_id, weft_i_sys_thread_id(), memory_order_relaxed); /* relaxed: a name */
    weft_i_store(&record->owned, 1, RECORD_R4);
    return record;
}

weft_i_record *weft_i_record_get(const weft_i_record_events *told, void *default_domain)
{
    weft_i_record *record = weft_i_record_peek();
    if (weft_i_likely(record != NULL) || exited)
        return record;
    weft_i_mutex_lock(&owners);
    if (prepare_process(told))
        record = take_record(default_domain);
    weft_i_mutex_unlock(&owners);
    if (!record)
        return NULL;
    if (pthread_setspecific(exit_key, record) != 0) {
        weft_i_mutex_lock(&owners);
        give_back(record);
        weft_i_mutex_unlock(&owners);
        return NULL;
    }
    weft_i_self_1 = &record->thread;
    return record;
}
