/*
 * Concurrency Kit's epochs and hazard pointers, inlined as they ship. Epochs: one poll per CK_POLL retirements, as its
 * users do. Hazard pointers: one per thread, set with a fence, checked by a second read; a scan at CK_THRESHOLD.
 */
#include "bench/measure/loops_reclaim.h"
#include "bench/adapters/peers/ck_pointers.h"

#include <ck_epoch.h>
#include <errno.h>

enum { CK_POLL = 64 };

static inline bench_object *pointee(bench_cell *cell)
{
    return __atomic_load_n(&cell->pointer, __ATOMIC_ACQUIRE);
}

/* ---- epochs ---- */

typedef struct epoch_thread {
    ck_epoch_record_t record;
    unsigned retired;
} epoch_thread;

static int epoch_create(void **out, const bench_setup *setup)
{
    ck_epoch_t *epoch = aligned_alloc(BENCH_LINE, whole_lines(sizeof *epoch));
    (void)setup;
    if (!(*out = epoch))
        return -ENOMEM;
    ck_epoch_init(epoch);
    return 0;
}

/* The record is the first member of its allocation, and the list of records stays intact until the end. */
static void epoch_destroy(void *object)
{
    ck_epoch_t *epoch = object;
    ck_stack_entry_t *entry, *next;
    for (entry = CK_STACK_FIRST(&epoch->records); entry; entry = next) {
        next = CK_STACK_NEXT(entry);
        free((char *)entry - offsetof(ck_epoch_record_t, record_next));
    }
    free(epoch);
}

static void *epoch_thread_begin(void *object)
{
    epoch_thread *thread = aligned_alloc(BENCH_LINE, whole_lines(sizeof *thread));
    if (thread) {
        thread->retired = 0;
        ck_epoch_register(object, &thread->record, NULL);
    }
    return thread;
}

static void epoch_thread_end(void *object, void *thread)
{
    (void)object;
    ck_epoch_barrier(&((epoch_thread *)thread)->record);
    ck_epoch_unregister(&((epoch_thread *)thread)->record);
}

bench_inline void epoch_enter(void *object, void *thread)
{
    (void)object;
    ck_epoch_begin(&((epoch_thread *)thread)->record, NULL);
}

bench_inline void epoch_leave(void *object, void *thread)
{
    (void)object;
    ck_epoch_end(&((epoch_thread *)thread)->record, NULL);
}

bench_inline bench_object *epoch_protect(void *object, void *thread, bench_cell *cell)
{
    (void)object;
    (void)thread;
    return pointee(cell);
}

static void epoch_reclaim(ck_epoch_entry_t *entry)
{
    bench_object_free((bench_object *)(void *)entry);
}

static void epoch_retire(void *object, void *thread, bench_object *what)
{
    epoch_thread *self = thread;
    (void)object;
    _Static_assert(sizeof(ck_epoch_entry_t) <= sizeof what->room, "room for the entry");
    ck_epoch_call(&self->record, (ck_epoch_entry_t *)(void *)what->room, epoch_reclaim);
    if (++self->retired % CK_POLL == 0)
        ck_epoch_poll(&self->record);
}

static void epoch_flush(void *object, void *thread)
{
    (void)object;
    for (unsigned i = 0; i < 4; i++)
        ck_epoch_poll(&((epoch_thread *)thread)->record);
}

BENCH_RECLAIM_LOOPS(epoch, epoch_enter, epoch_leave, epoch_protect, epoch_retire, epoch_flush);

const bench_impl bench_ck_epoch = {
    .name = "ck-epoch",
    .family = BENCH_RECLAIM,
    .role = BENCH_PEER,
    .note = "Concurrency Kit's ck_epoch, polled once in 64 retirements",
    .create = epoch_create,
    .destroy = epoch_destroy,
    .thread_begin = epoch_thread_begin,
    .thread_end = epoch_thread_end,
    .reclaim = &epoch_ops,
    .drive = epoch_drive,
};

/* ---- hazard pointers ---- */

static void hp_reclaim(void *data)
{
    bench_object_free(data);
}

static int hp_create(void **out, const bench_setup *setup)
{
    (void)setup;
    return (*out = ck_pointers_new(1, hp_reclaim)) ? 0 : -ENOMEM;
}

/* There is nothing to enter. */
bench_inline void hp_enter(void *object, void *thread)
{
    (void)object;
    (void)thread;
}

bench_inline void hp_leave(void *object, void *thread)
{
    (void)object;
    ck_hp_clear(&((ck_pointers *)thread)->record);
}

bench_inline bench_object *hp_protect(void *object, void *thread, bench_cell *cell)
{
    bench_object *pointer;
    (void)object;
    do {
        pointer = pointee(cell);
        ck_hp_set_fence(&((ck_pointers *)thread)->record, 0, pointer);
    } while (pointer != pointee(cell));
    return pointer;
}

static void hp_retire(void *object, void *thread, bench_object *what)
{
    (void)object;
    _Static_assert(sizeof(ck_hp_hazard_t) <= sizeof what->room, "room for the entry");
    ck_hp_free(&((ck_pointers *)thread)->record, (ck_hp_hazard_t *)(void *)what->room, what, what);
}

static void hp_flush(void *object, void *thread)
{
    (void)object;
    ck_hp_reclaim(&((ck_pointers *)thread)->record);
}

BENCH_RECLAIM_LOOPS(hp, hp_enter, hp_leave, hp_protect, hp_retire, hp_flush);

const bench_impl bench_ck_hp = {
    .name = "ck-hp",
    .family = BENCH_RECLAIM,
    .role = BENCH_PEER,
    .note =
        "Concurrency Kit's ck_hp, one hazard pointer per thread; enter-leave is clearing it, there is nothing to enter",
    .create = hp_create,
    .destroy = ck_pointers_delete,
    .thread_begin = ck_pointers_begin,
    .thread_end = ck_pointers_end,
    .reclaim = &hp_ops,
    .drive = hp_drive,
};
