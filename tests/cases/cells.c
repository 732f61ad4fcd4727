/* A cell: one pointer to an object. Threads replace and retire the object, and look at it under guards. */
#define _GNU_SOURCE
#include "tests/cases/operations.h"

#include <errno.h>

static weft_domain *other_domain;

/* ---- a cell: a guarded pointer to an object ---- */

enum { OBJECTS = 16, ALIVE = 0x11fe };

typedef struct object {
    weft_hook hook;
    long state;
    int number;
    enum { NOTHING, RETIRES, ENDS_ITS_THREAD, ASKS } callback;
} object;

static weft_atomic_ptr cell;
static weft_atomic_ptr has_told[KERNEL_THREADS + 1];
static long gone[OBJECTS]; /* written plainly by the reclaim callback */
static int objects, retired[KERNEL_THREADS + 1][OBJECTS], retired_count[KERNEL_THREADS + 1];
static int retired_before[KERNEL_THREADS + 1]; /* by setup */
static weft_guard *left_behind;

static object *make_object(void)
{
    object *o = model_alloc(sizeof *o, 16);
    o->number = objects++;
    o->callback = NOTHING;
    PLAIN(&o->state, true);
    o->state = ALIVE;
    return o;
}

/* What a cell holds: the object's address; or, if all objects are retired with their size, one in its middle. */
static void *pointer_to(object *o)
{
    return somebody_does("swap-object", 0) ? (void *)o : (void *)&o->state;
}

static object *object_at(void *pointer)
{
    return somebody_does("swap-object", 0) ? pointer : (object *)(void *)((char *)pointer - offsetof(object, state));
}

static void retire(object *o, bool hook);

/* What a callback does besides reclaiming. */
static void call_back(const object *o)
{
    if (o->callback == RETIRES) {
        retire(make_object(), true);
    } else if (o->callback == ASKS) {
        MODEL_CHECK(weft_domain_barrier(the_domain, UINT64_MAX) == -EBUSY);
        MODEL_CHECK(weft_domain_destroy(the_domain) == -EBUSY);
    }
}

static void reclaim(void *what, void *ctx)
{
    object *o = what;
    (void)ctx;
    if (the_domain)
        call_back(o);
    PLAIN(&o->state, true);
    MODEL_CHECK(o->state == ALIVE && !gone[o->number]);
    o->state = 0;
    PLAIN(&gone[o->number], true);
    gone[o->number] = 1;
    bool ends = o->callback == ENDS_ITS_THREAD;
    model_free(o);
    if (ends && !model_is_alone())
        model_exit_thread();
}

static void retire(object *o, bool hook)
{
    unsigned who = model_thread();
    retired[who][retired_count[who]++] = o->number;
    if (hook)
        weft_retire_hook(the_domain, &o->hook, o, sizeof *o, reclaim, NULL);
    else
        MODEL_CHECK(weft_retire(the_domain, o, reclaim, NULL) == 0);
}

static void swap(bool hook, bool by_cas)
{
    void *fresh = pointer_to(make_object()), *old = weft_ptr_load(&cell);
    if (by_cas) {
        while (!weft_ptr_cas(&cell, &old, fresh))
            ;
    } else {
        weft_ptr_store(&cell, fresh); /* one writer only */
    }
    retire(object_at(old), hook);
}

static void look_at(const object *o)
{
    PLAIN(&o->state, false);
    MODEL_CHECK(o->state == ALIVE);
}

static const object *look_through(weft_guard *guard)
{
    const object *o = object_at(weft_protect(guard, &cell));
    look_at(o);
    return o;
}

/*
 * Looks at the object under so many guards, left in the order in which they were entered. The machine checks their
 * memory.
 */
static void look(int guards, bool leaves)
{
    weft_guard *guard = model_alloc((size_t)guards * sizeof *guard, 16);
    for (int i = 0; i < guards; i++)
        weft_enter(&guard[i], the_domain);
    const object *held_by_last = look_through(&guard[guards - 1]);
    (void)look_through(&guard[(guards - 1) / 2]);
    if (guards > 1)
        look_at(held_by_last);
    for (int i = 0; leaves && i < guards; i++) {
        weft_leave(&guard[i]);
        if (i + 2 == guards)
            look_at(held_by_last);
    }
    if (leaves)
        model_free(guard);
    else
        left_behind = guard; /* stays until the end, as domain.h demands */
}

static weft_guard kept;
static const object *kept_object;

static void keep_guard(void)
{
    weft_enter(&kept, the_domain);
    kept_object = look_through(&kept);
}

static void leave_kept(void)
{
    look_at(kept_object);
    weft_leave(&kept);
}

static void visit_other_domain(void)
{
    weft_guard guard;
    weft_enter(&guard, other_domain);
    weft_leave(&guard);
}

/* When it returns, all objects whose retirement happens before the call have been reclaimed. */
static void barrier(void)
{
    bool asked[KERNEL_THREADS + 1];
    int count[KERNEL_THREADS + 1];
    for (unsigned t = 1; t <= KERNEL_THREADS; t++) {
        bool told_so = thread_does(t, "tell", 0) && weft_ptr_load(&has_told[t]);
        asked[t] = t == model_thread() || told_so;
        count[t] = asked[t] ? retired_count[t] : retired_before[t];
    }
    MODEL_CHECK(weft_domain_barrier(the_domain, UINT64_MAX) == 0);
    for (unsigned t = 1; t <= KERNEL_THREADS; t++)
        for (int i = 0; i < count[t]; i++) {
            PLAIN(&gone[retired[t][i]], false);
            MODEL_CHECK(gone[retired[t][i]]);
        }
}

/* Retires an object that no other thread has seen, with a callback that does more. */
static void retire_fresh(int callback)
{
    object *o = make_object();
    o->callback = callback;
    retire(o, true);
}

/* Statistics never count more objects than there were. */
static void ask_for_statistics(void)
{
    weft_domain_statistics s;
    size_t most = 0;
    weft_domain_stats(the_domain, &s);
    for (unsigned t = 1; t <= KERNEL_THREADS; t++)
        most += (size_t)retired_count[t];
    MODEL_CHECK(s.retired <= most && s.reclaimed <= most);
}

/* ---- the user's own pointers: a message, and a lock that is tried once ---- */

static weft_atomic_ptr message, lock;
static long letter, locked;

static void write_letter(void)
{
    PLAIN(&letter, true);
    weft_ptr_store(&message, &letter);
}

static void read_letter(void)
{
    if (weft_ptr_load(&message))
        PLAIN(&letter, false);
}

static void try_lock(void)
{
    void *free = NULL;
    if (!weft_ptr_cas(&lock, &free, &locked))
        return;
    PLAIN(&locked, true);
    weft_ptr_store(&lock, NULL);
}

/* The same by an exchange: on a lock that is taken it changes nothing. */
static void try_lock_by_exchange(void)
{
    if (weft_ptr_exchange(&lock, &locked))
        return;
    PLAIN(&locked, true);
    weft_ptr_store(&lock, NULL);
}

/* ---- all, as operations ---- */

OPERATION(do_swap_object, swap(false, false))
OPERATION(do_swap, swap(true, false))
OPERATION(do_swap_by_cas, swap(true, true))
OPERATION(do_exchange, retire(object_at(weft_ptr_exchange(&cell, pointer_to(make_object()))), true))
OPERATION(do_look, look(1, true))
OPERATION(do_look_nested, look(2, true))
OPERATION(do_look_linked, look(WEFT_SLOTS + 1, true))
OPERATION(do_look_and_end, look(WEFT_SLOTS + 1, false); model_end_thread())
OPERATION(do_keep, keep_guard())
OPERATION(do_leave, leave_kept())
OPERATION(do_retire_retiring, retire_fresh(RETIRES))
OPERATION(do_retire_ending, retire_fresh(ENDS_ITS_THREAD))
OPERATION(do_retire_asking, retire_fresh(ASKS))
OPERATION(do_barrier, barrier())
OPERATION(do_tell, weft_ptr_store(&has_told[model_thread()], &has_told))
OPERATION(do_visit_other_domain, visit_other_domain())
OPERATION(do_statistics, ask_for_statistics())
OPERATION(do_write_letter, write_letter())
OPERATION(do_read_letter, read_letter())
OPERATION(do_try_lock, try_lock())
OPERATION(do_try_lock_by_exchange, try_lock_by_exchange())

const operation cell_operations[] = {
    {"swap-object", "replace it by a store, and retire the old one with weft_retire", do_swap_object, false},
    {"swap", "replace it by a store, and retire the old one with a hook", do_swap, false},
    {"swap-by-cas", "replace it by compare-and-swap", do_swap_by_cas, false},
    {"exchange", "replace it by exchange", do_exchange, false},
    {"look", "look at it under a guard", do_look, false},
    {"look-nested", "look at it under two guards", do_look_nested, false},
    {"look-linked", "look at it under more guards than there are slots", do_look_linked, false},
    {"look-and-end", "the same, and end with the guards held", do_look_and_end, false},
    {"keep", "look at it, and keep the guard", do_keep, false},
    {"leave", "leave the guard that was kept", do_leave, false},
    {"retire-retiring", "retire an object whose callback retires another", do_retire_retiring, false},
    {"retire-ending", "retire an object whose callback ends its thread", do_retire_ending, false},
    {"retire-asking", "retire an object whose callback asks for a barrier, which is refused", do_retire_asking, false},
    {"barrier", "a barrier", do_barrier, false},
    {"tell", "tell the other threads what has been retired", do_tell, false},
    {"visit-other-domain", "enter and leave another domain", do_visit_other_domain, false},
    {"statistics", "ask for the domain's statistics", do_statistics, false},
    {"write-letter", "write, and publish that", do_write_letter, false},
    {"read-letter", "read what has been published", do_read_letter, false},
    {"try-lock", "try a lock by compare-and-swap", do_try_lock, false},
    {"try-lock-by-exchange", "try it by exchange", do_try_lock_by_exchange, false},
    {0},
};

int cell_create(void)
{
    weft_ptr_store(&cell, pointer_to(make_object()));
    return somebody_does("visit-other-domain", 0) ? weft_domain_create(&other_domain, NULL) : 0;
}

void cell_note_first(void)
{
    for (unsigned t = 1; t <= KERNEL_THREADS; t++)
        retired_before[t] = retired_count[t];
}

void cell_destroy(void)
{
    object *last = object_at(weft_ptr_load(&cell));
    if (the_domain)
        retire(last, true);
    else
        reclaim(last, NULL);
}

void cell_check_gone(void)
{
    MODEL_CHECK(!other_domain || weft_domain_destroy(other_domain) == 0);
    model_free(left_behind);
    for (int i = 0; i < objects; i++)
        MODEL_CHECK(gone[i]);
}
