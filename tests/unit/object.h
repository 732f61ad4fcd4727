/* An object that guards may hold, and that counts its reclamations. */
#ifndef WEFT_TESTS_UNIT_OBJECT_H
#define WEFT_TESTS_UNIT_OBJECT_H

#include "tests/unit/support.h"

typedef struct t_object {
    _Alignas(16) char room[256];
    weft_hook hook;
    atomic_int reclaimed;
} t_object;

static inline void t_retire(weft_domain *domain, t_object *o)
{
    CHECK(weft_retire(domain, o, t_count, &o->reclaimed) == 0);
}

/* Retires it with its size, so that pointers into it hold it. */
static inline void t_retire_sized(weft_domain *domain, t_object *o)
{
    weft_retire_hook(domain, &o->hook, o, sizeof o->room, t_count, &o->reclaimed);
}

/*
 * How often it was reclaimed, after all that can be reclaimed now. The caller's guards forbid a barrier, but no flush.
 */
static inline int t_reclaimed(weft_domain *domain, t_object *o)
{
    for (int i = 0; i < 3; i++)
        weft_domain_flush(domain);
    return atomic_load(&o->reclaimed);
}

#endif
