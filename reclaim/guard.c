/*
 * The slow half of guards: the first use in a thread, and guards without a slot. Such a guard links its own memory
 * into the domain, under a lock held for that alone; it always publishes with a full fence.
 */
#include <weft/reclaim/registry.h>
#include <weft/reclaim/scan.h>

#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
#ifndef LINKED_R1
#define LINKED_R1 memory_order_release /* link guard -> DOMAIN_A3: publishes the guard's fields to scans */
#endif
/* clang-format on */

/* Never held while a signal handler of its thread runs: handlers may link guards, too. */
weft_i_signals weft_i_lock_linked(weft_domain *domain)
{
    weft_i_signals signals = weft_i_sys_block_signals();
    weft_i_mutex_lock(&domain->linked_lock);
    return signals;
}

void weft_i_unlock_linked(weft_domain *domain, weft_i_signals signals)
{
    weft_i_mutex_unlock(&domain->linked_lock);
    weft_i_sys_restore_signals(signals);
}

static void link_guard(weft_guard *guard, weft_domain *domain)
{
    guard->slot = &guard->own;
    guard->own_thread = (uintptr_t)weft_i_sys_thread_id();
    /* relaxed: nobody sees the guard before it is linked */
    weft_i_store(&guard->own.domain, (void *)domain, memory_order_relaxed);
    for (int i = 0; i < WEFT_I_WORDS; i++)
        weft_i_store(&guard->own.words.word[i], NULL, memory_order_relaxed); /* relaxed: likewise */
    weft_i_signals signals = weft_i_lock_linked(domain);
    /* relaxed: under the lock */
    guard->next = weft_i_load(&domain->linked, memory_order_relaxed);
    weft_i_store(&domain->linked, guard, LINKED_R1);
    weft_i_unlock_linked(domain, signals);
    if (domain->head.scheme == WEFT_EPOCH)
        weft_i_publish_epoch(weft_i_hold_of(guard), domain);
}

static bool owns(const weft_i_thread *thread, const weft_i_slot *slot)
{
    return (uintptr_t)slot - (uintptr_t)thread->slot < sizeof thread->slot;
}

/* One of the slots for nested guards; in an order that lets signal handlers take and give back others at any moment. */
static weft_i_slot *take_slot(weft_i_thread *thread)
{
    /* relaxed: only this thread and its signal handlers write it */
    size_t free = weft_i_load(&thread->free, memory_order_relaxed);
    weft_i_slot *slot = &thread->slot[__builtin_ctzll(free)];
    weft_i_store(&thread->free, free & (free - 1), memory_order_relaxed); /* relaxed: likewise */
    weft_i_compiler_fence(); /* as in weft_i_begin */
    return slot;
}

/* The first slot once there is a record, then others. NULL: all are in use, or there is no record. */
static weft_i_slot *find_slot(weft_i_record *record)
{
    if (!record)
        return NULL;
    /* relaxed: this thread's own */
    if (!weft_i_load(&record->thread.slot[0].domain, memory_order_relaxed))
        return &record->thread.slot[0];
    if (weft_i_load(&record->thread.free, memory_order_relaxed) || weft_i_record_open(record)) /* relaxed: likewise */
        return take_slot(&record->thread);
    return NULL;
}

static void tag(weft_guard *guard, weft_scheme scheme)
{
    guard->slot = (weft_i_slot *)(void *)((uintptr_t)guard->slot | (scheme == WEFT_EPOCH));
}

void weft_i_enter_slow(weft_guard *guard, weft_domain *domain)
{
    domain = domain ? domain : weft_default_domain();
    weft_i_record *record = weft_i_record_get(&weft_i_record_events_of_domains, weft_default_domain());
    weft_scheme scheme = weft_i_scheme(domain);
    guard->slot = find_slot(record);
    if (!guard->slot) {
        link_guard(guard, domain);
    } else {
        weft_i_store(&guard->slot->domain, (void *)domain, GUARD_R1);
        weft_i_compiler_fence(); /* as in weft_i_begin */
        if (scheme == WEFT_EPOCH)
            weft_i_publish_epoch(weft_i_hold_of(guard), domain);
    }
    tag(guard, scheme);
}

static void unlink_guard(weft_guard *guard)
{
    weft_domain *domain = weft_i_domain_of(weft_i_hold_of(guard));
    weft_i_signals signals = weft_i_lock_linked(domain);
    /* relaxed: under the lock */
    weft_guard *g = weft_i_load(&domain->linked, memory_order_relaxed);
    if (g == guard) {
        weft_i_store(&domain->linked, guard->next, LINKED_R1);
    } else {
        while (g && g->next != guard)
            g = g->next;
        if (g)
            g->next = guard->next;
    }
    weft_i_unlock_linked(domain, signals);
}

void weft_i_leave_slow(weft_guard *guard)
{
    weft_i_hold hold = weft_i_hold_of(guard);
    if (hold.slot == &guard->own) {
        unlink_guard(guard);
    } else if (owns(hold.thread, hold.slot)) {
        size_t bit = (size_t)1 << (hold.slot - hold.thread->slot);
        weft_i_store(&hold.slot->words.word[0], NULL, GUARD_R4);
        weft_i_store(&hold.slot->domain, NULL, GUARD_R5);
        weft_i_compiler_fence(); /* a handler takes it when it is clear */
        /* relaxed: as in take_slot */
        weft_i_store(&hold.thread->free, weft_i_load(&hold.thread->free, memory_order_relaxed) | bit, memory_order_relaxed);
    } /* else the thread's exit hook has left it */
}

static void misuse(const char *what)
{
    fprintf(stderr, "weft: %s\n", what);
    abort();
}

void(weft_i_check_guard)(const weft_guard *guard) /* in parentheses, since it may be a macro that does nothing */
{
    if (!guard->slot)
        misuse("a guard is used or left that has been left already");
    const weft_i_slot *slot = (const weft_i_slot *)(const void *)((uintptr_t)guard->slot & ~(uintptr_t)1);
    if (slot != &guard->own && !owns(weft_i_self(), slot))
        misuse("a guard is used or left by a thread that did not enter it");
}

void weft_enter_outline(weft_guard *guard, weft_domain *domain)
{
    weft_enter(guard, domain);
}

void weft_leave_outline(weft_guard *guard)
{
    weft_leave(guard);
}

void *weft_protect_outline(weft_guard *guard, weft_atomic_ptr *source)
{
    return weft_protect(guard, source);
}

void weft_guard_set_outline(weft_guard *guard, const void *pointer)
{
    weft_guard_set(guard, pointer);
}

void weft_guard_refresh_outline(weft_guard *guard)
{
    weft_guard_refresh(guard);
}
