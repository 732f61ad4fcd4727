/*
 * The slow half of guards: the first use in a thread, and guards without a slot. Such a guard links its own memory
 * into the domain, under a lock held for that alone; it always publishes with a full fence.
 */
#define _GNU_SOURCE
#include <weft/reclaim/registry.h>

#ifdef WEFT_DEBUG
#include <stdio.h>
#include <stdlib.h>
#endif

/* clang-format off */
#ifndef LINKED_R1
#define LINKED_R1 memory_order_release /* link guard -> DOMAIN_A3: publishes the guard's fields to scans */
#endif
/* clang-format on */

static void link_guard(weft_guard *guard, weft_domain *domain)
{
    guard->words = &guard->own;
    guard->thread = NULL;
    guard->domain = domain;
    guard->own_thread = (uintptr_t)weft_i_sys_thread_id();
    for (int i = 0; i < WEFT_I_WORDS; i++)
        /* relaxed: nobody sees the guard before it is linked */
        weft_i_store(&guard->own.word[i], i ? NULL : weft_i_hazard(NULL), memory_order_relaxed);
    weft_i_mutex_lock(&domain->lock);
    /* relaxed: under the lock */
    guard->next = weft_i_load(&domain->linked, memory_order_relaxed);
    weft_i_store(&domain->linked, guard, LINKED_R1);
    weft_i_mutex_unlock(&domain->lock);
    if (domain->head.scheme == WEFT_EPOCH) {
        weft_i_store(&guard->own.word[0], (void *)(uintptr_t)weft_i_load(&domain->head.epoch, GUARD_A1), GUARD_R2);
        weft_i_publish_slow(weft_i_self());
    }
}

void weft_i_enter_slow(weft_guard *guard, weft_domain *domain)
{
    domain = domain ? domain : weft_default_domain();
    weft_i_record *record = weft_i_record_get(&weft_i_record_events_of_domains, weft_default_domain());
    if (record && (record->thread.free || weft_i_record_open(record)))
        weft_enter(guard, domain);
    else
        link_guard(guard, domain);
}

void weft_i_leave_slow(weft_guard *guard)
{
    weft_domain *domain = guard->domain;
    weft_i_store(&guard->own.word[0], NULL, GUARD_R4);
    weft_i_mutex_lock(&domain->lock);
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
    weft_i_mutex_unlock(&domain->lock);
}

#ifdef WEFT_DEBUG
static void misuse(const char *what)
{
    fprintf(stderr, "weft: %s\n", what);
    abort();
}

void weft_i_check_guard(const weft_guard *guard)
{
    if (!guard->words)
        misuse("a guard is used or left that has been left already");
    if (guard->thread && guard->thread != weft_i_self())
        misuse("a guard is used or left by a thread that did not enter it");
}
#endif

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
