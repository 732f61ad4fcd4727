#include <weft/reclaim/linked.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define LINKED_R1 memory_order_release /* link or unlink guards -> LINKED_A1: publishes a guard's fields; uses under an unlinked guard come before */
#define LINKED_A1 memory_order_acquire /* is any guard linked -> LINKED_R1: sees the guards that were linked before the heavy fence */
#endif
/* clang-format on */

weft_guard *weft_i_lock_linked(weft_domain *domain, weft_i_signals *signals)
{
    *signals = weft_i_sys_block_signals();
    weft_i_mutex_lock(&domain->linked_lock);
    /* relaxed: under the lock */
    return weft_i_load(&domain->linked, memory_order_relaxed);
}

void weft_i_unlock_linked(weft_domain *domain, weft_i_signals *signals)
{
    weft_i_mutex_unlock(&domain->linked_lock);
    weft_i_sys_restore_signals(*signals);
}

bool weft_i_any_linked(weft_domain *domain)
{
    return weft_i_load(&domain->linked, LINKED_A1) != NULL;
}

void weft_i_link_guard(weft_guard *guard, weft_domain *domain)
{
    weft_i_signals signals;
    guard->slot = &guard->own;
    guard->own_thread = (uintptr_t)weft_i_sys_thread_id();
    /* relaxed: no thread sees the guard before it is linked */
    weft_i_store(&guard->own.domain, (void *)domain, memory_order_relaxed);
    for (int i = 0; i < WEFT_I_WORDS; i++)
        weft_i_store(&guard->own.words.word[i], NULL, memory_order_relaxed); /* relaxed: not linked yet */
    guard->next = weft_i_lock_linked(domain, &signals);
    guard->number = ++domain->linked_next;
    weft_i_store(&domain->linked, guard, LINKED_R1);
    weft_i_unlock_linked(domain, &signals);
}

void weft_i_unlink_guard(weft_guard *guard, weft_domain *domain)
{
    weft_i_signals signals;
    weft_guard *g = weft_i_lock_linked(domain, &signals);
    if (g == guard) {
        weft_i_store(&domain->linked, guard->next, LINKED_R1);
    } else {
        while (g && g->next != guard)
            g = g->next;
        if (g)
            g->next = guard->next;
    }
    weft_i_unlock_linked(domain, &signals);
}

/*
 * Keeps only the guards of the thread, or only those of the others, in the order in which they were linked. The list
 * leads to all of them after each store, as it does when guards are linked and unlinked: a fork may copy it there.
 */
static void keep(weft_domain *domain, weft_guard *first, int thread, bool of_others)
{
    weft_guard *kept = NULL, *last = NULL;
    for (weft_guard *g = first; g; g = g->next) {
        if (((int)g->own_thread == thread) == of_others)
            continue;
        if (last)
            last->next = g;
        else
            kept = g;
        last = g;
    }
    if (last)
        last->next = NULL;
    weft_i_store(&domain->linked, kept, LINKED_R1);
}

void weft_i_unlink_thread(weft_domain *domain, int thread)
{
    weft_i_signals signals;
    weft_guard *first = weft_i_lock_linked(domain, &signals);
    keep(domain, first, thread, true);
    weft_i_unlock_linked(domain, &signals);
}

void weft_i_keep_linked(weft_domain *domain, int thread_before, int thread_now)
{
    weft_i_mutex_init(&domain->linked_lock, WEFT_I_RANK_LINKED);
    /* relaxed: one thread, as the next */
    keep(domain, weft_i_load(&domain->linked, memory_order_relaxed), thread_before, false);
    for (weft_guard *g = weft_i_load(&domain->linked, memory_order_relaxed); g; g = g->next)
        g->own_thread = (uintptr_t)thread_now;
}
