#include <weft/reclaim/orphans.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define ORPHAN_R1 memory_order_release /* push orphans -> ORPHAN_A1: publishes their hooks */
#define ORPHAN_A1 memory_order_acquire /* adopt orphans -> ORPHAN_R1: sees their hooks, and that they were unlinked */
#define ORPHAN_R2 memory_order_release /* count orphans -> ORPHAN_A2: they were pushed before */
#define ORPHAN_A2 memory_order_acquire /* are there many orphans -> ORPHAN_R2: then they are found */
#endif
/* clang-format on */

void weft_i_count_orphans(weft_domain *domain, size_t change)
{
    (void)weft_i_fetch_add(&domain->orphan_count, change, ORPHAN_R2);
}

/* The number may be negative for a moment: orphans may be adopted before they are counted. */
bool weft_i_many_orphans(weft_domain *domain, int batches)
{
    size_t count = weft_i_load(&domain->orphan_count, ORPHAN_A2);
    return (ptrdiff_t)count >= (ptrdiff_t)batches * WEFT_BATCH;
}

static void push(weft_domain *domain, weft_i_list *list)
{
    weft_i_list chain = *list;
    *list = (weft_i_list){0};
    weft_i_compiler_fence(); /* as in weft_i_list_splice */
    if (!chain.head)
        return;
    /* relaxed: overwritten before it is used, or confirmed by the compare-and-swap */
    weft_i_hook *head = weft_i_load(&domain->orphans, memory_order_relaxed);
    do
        chain.tail->next = head;
    while (!weft_i_cas(&domain->orphans, &head, chain.head, ORPHAN_R1,
                       memory_order_relaxed)); /* relaxed: a failure is overwritten, too */
    weft_i_count_orphans(domain, chain.count);
}

void weft_i_push_orphans(weft_domain *domain, weft_i_bags *bags)
{
    for (int b = 0; b < WEFT_I_BAGS; b++)
        push(domain, &bags->of[b]);
}

void weft_i_retire_orphan(weft_domain *domain, weft_i_hook *hook)
{
    weft_i_list one = {0};
    weft_i_list_push(&one, hook);
    /* relaxed: figures */
    (void)weft_i_fetch_add(&domain->shared.counters.granted, 1, memory_order_relaxed);
    (void)weft_i_fetch_add(&domain->shared.counters.retired_bytes, weft_i_size_of(hook), memory_order_relaxed);
    push(domain, &one);
}

size_t weft_i_sort_adopted(weft_domain *domain, weft_i_bags *bags)
{
    size_t count = 0;
    for (weft_i_hook *hook; (hook = domain->adopted) != NULL; count++) {
        domain->adopted = hook->next;
        weft_i_compiler_fence(); /* a fork finds no object in two lists, and all but one in one of them */
        weft_i_list_push(&bags->of[hook->kind->bag], hook);
    }
    return count;
}

/* Takes the whole chain at once, so that there is no ABA. */
void weft_i_adopt(weft_domain *domain, weft_i_bags *bags)
{
    /* relaxed: a scan that misses some leaves them for the next; a barrier must miss none, and the lock `owners` orders
       it */
    if (!weft_i_load(&domain->orphans, memory_order_relaxed))
        return;
    domain->adopted = weft_i_exchange(&domain->orphans, NULL, ORPHAN_A1);
    weft_i_count_orphans(domain, (size_t)0 - weft_i_sort_adopted(domain, bags));
}
