/* Gives back all memory of the library, at a program's end. */
#include <weft/reclaim/cache.h>
#include <weft/reclaim/callback.h>
#include <weft/reclaim/figures.h>
#include <weft/reclaim/life.h>
#include <weft/reclaim/registry.h>
#include <weft/reclaim/slots.h>

#include <errno.h>

/*
 * How long each barrier may wait before in_use looks again: callbacks may have made structures or domains meanwhile,
 * and no guard is waited for without end.
 */
enum { LOOKS_AGAIN_NS = 1000000 };

/*
 * The argument for a thread that is just ending. The last thing that its exit hook does with its record is to give it
 * back (RECORD_R4); after that it reads no record and no place. So a caller that finds the record free (RECORD_A4)
 * comes after all that, whether the thread has been joined or not; one that finds it owned returns -EBUSY. A thread
 * that takes a record after this look uses the library meanwhile, which the contract excludes. The same holds for a
 * thread that uses it after its exit hook, in destructors of other keys: pthread_join returns after those.
 */
static bool others_have_records(void)
{
    weft_i_record *own = weft_i_record_peek();
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        if (r != own && weft_i_record_owned(r))
            return true;
    return false;
}

/* Other domains must be gone, since their places point to records. */
static bool others_are_registered(const weft_domain *domain)
{
    weft_i_lock_domains();
    bool others = weft_i_first_domain() != domain; /* the default one is the last of the list */
    weft_i_unlock_domains();
    return others;
}

static bool in_use(weft_domain *domain)
{
    return others_have_records() || others_are_registered(domain) || weft_i_domain_used(domain) ||
           weft_i_guards_held(domain, 0);
}

/* Adds the place's figures to the domain's own, so that statistics go on from where they were. */
static void keep_figures(weft_domain *domain, weft_i_local *local)
{
    weft_i_counters *kept = &domain->shared.counters, *c = &local->counters;
    /* relaxed: figures, as all that follow */
    (void)weft_i_fetch_add(&kept->granted, weft_i_retired(local), memory_order_relaxed);
    (void)weft_i_fetch_add(&kept->reclaimed, weft_i_load(&c->reclaimed, memory_order_relaxed), memory_order_relaxed);
    (void)weft_i_fetch_add(&kept->retired_bytes, weft_i_load(&c->retired_bytes, memory_order_relaxed),
                           memory_order_relaxed);
    (void)weft_i_fetch_add(&kept->reclaimed_bytes, weft_i_load(&c->reclaimed_bytes, memory_order_relaxed),
                           memory_order_relaxed);
    (void)weft_i_fetch_add(&kept->allocated, weft_i_load(&c->allocated, memory_order_relaxed), memory_order_relaxed);
}

/*
 * Empties the lists of records and places before anything is freed, so that code called by `free` finds none of them.
 */
static void give_back(weft_domain *domain)
{
    weft_i_record_drop();
    weft_i_record *all = weft_i_records_take();
    weft_i_local *places = weft_i_place_after(domain, &domain->barrier);
    /* relaxed: no other thread uses the library */
    weft_i_store(&domain->locals, NULL, memory_order_relaxed);
    weft_i_trim_depot(domain);
    for (weft_i_local *l = places, *next; l; l = next) {
        next = weft_i_place_after(domain, l);
        weft_i_trim(l);
        keep_figures(domain, l);
        weft_i_free(domain, l, sizeof *l);
    }
    for (weft_i_record *r = all, *next; r; r = next) {
        next = r->next;
        weft_i_sys_free(r);
    }
}

int weft_shutdown(void)
{
    weft_domain *domain = weft_default_domain();
    if (weft_i_in_callback())
        return -EBUSY;
    while (!in_use(domain)) {
        if (weft_i_nothing_left(domain)) {
            give_back(domain);
            return 0;
        }
        (void)!weft_domain_barrier(domain, LOOKS_AGAIN_NS);
    }
    return -EBUSY;
}
