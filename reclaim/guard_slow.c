/*
 * The slow half of guards: the first use in a thread, nested guards, and guards without a slot.
 */
#include <weft/reclaim/life.h>
#include <weft/reclaim/linked.h>
#include <weft/reclaim/misuse.h>

static bool owns(const weft_i_thread *thread, const weft_i_slot *slot)
{
    return (uintptr_t)slot - (uintptr_t)thread->slot < sizeof thread->slot;
}

/* The first slot if it is free, or else one for a nested guard. NULL: all are in use, or there is no record. */
static weft_i_slot *find_slot(weft_i_record *record)
{
    if (!record)
        return NULL;
    /* relaxed: this thread's own */
    if (!weft_i_load(&record->thread.slot[0].domain, memory_order_relaxed))
        return &record->thread.slot[0];
    return weft_i_record_take_slot(record);
}

static void tag(weft_guard *guard, weft_scheme scheme)
{
    guard->slot = (weft_i_slot *)(void *)((uintptr_t)guard->slot | (scheme == WEFT_EPOCH));
}

void weft_i_enter_slow(weft_guard *guard, weft_domain *domain)
{
    domain = domain ? domain : weft_default_domain();
    weft_scheme scheme = weft_i_scheme(domain);
    guard->slot = find_slot(weft_i_record_get());
    if (guard->slot) {
        weft_i_store(&guard->slot->domain, (void *)domain, WEFT_GUARD_R1);
        weft_i_compiler_fence(); /* as in weft_i_begin */
    } else {
        weft_i_link_guard(guard, domain);
    }
    if (scheme == WEFT_EPOCH)
        weft_i_publish_epoch(weft_i_hold_of(guard), domain);
    tag(guard, scheme);
}

void weft_i_leave_slow(weft_guard *guard)
{
    weft_i_hold hold = weft_i_hold_of(guard);
    if (hold.slot == &guard->own) {
        weft_i_unlink_guard(guard, weft_i_domain_of(hold));
    } else if (owns(hold.thread, hold.slot)) {
        weft_i_store(&hold.slot->words.word[0], NULL, WEFT_GUARD_R4);
        weft_i_store(&hold.slot->domain, NULL, WEFT_GUARD_R5);
        weft_i_record_give_slot((weft_i_record *)hold.thread, hold.slot);
    } /* else the thread's exit hook has left the guard */
}

void(weft_i_check_guard)(const weft_guard *guard) /* in parentheses, since it may be a macro that does nothing */
{
    if (!guard->slot)
        weft_i_misused("a guard is used or left that has been left already");
    const weft_i_slot *slot = (const weft_i_slot *)(const void *)((uintptr_t)guard->slot & ~(uintptr_t)1);
    if (slot != &guard->own && !owns(weft_i_self(), slot))
        weft_i_misused("a guard is used or left by a thread that did not enter it");
}

void(weft_i_check_domain)(const weft_domain *domain)
{
    weft_i_check_forks(weft_i_self());
    if (domain->alive != WEFT_I_ALIVE)
        weft_i_misused("a domain is used that has been destroyed, or never was created");
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
