/*
 * The common part of the adapters of liburcu's flavours. Each first includes the header of its flavour, which defines
 * rcu_read_lock and the rest; _LGPL_SOURCE inlines the read locks, which the licence allows to LGPL-compatible code
 * such as this. Retirement is call_rcu; liburcu's thread runs the callbacks.
 */
#ifndef BENCH_PEERS_URCU_FLAVOUR_H
#define BENCH_PEERS_URCU_FLAVOUR_H

#include "bench/measure/loops_reclaim.h"

static int flavour_create(void **out, const bench_setup *setup)
{
    static int anything;
    (void)setup;
    *out = &anything;
    return 0;
}

static void flavour_destroy(void *object)
{
    (void)object;
    rcu_register_thread();
    rcu_barrier();
    rcu_unregister_thread();
}

/* The handle is a counter, for flavours that need one. */
static void *flavour_begin(void *object)
{
    (void)object;
    rcu_register_thread();
    return calloc(1, BENCH_LINE);
}

static void flavour_end(void *object, void *thread)
{
    (void)object;
    free(thread);
    rcu_unregister_thread();
}

bench_inline void flavour_enter(void *object, void *thread)
{
    (void)object;
    (void)thread;
    rcu_read_lock();
}

bench_inline bench_object *flavour_protect(void *object, void *thread, bench_cell *cell)
{
    (void)object;
    (void)thread;
    return __atomic_load_n(&cell->pointer, __ATOMIC_ACQUIRE);
}

static void flavour_reclaim(struct rcu_head *head)
{
    bench_object_free((bench_object *)(void *)head);
}

static void flavour_retire(void *object, void *thread, bench_object *what)
{
    (void)object;
    (void)thread;
    _Static_assert(sizeof(struct rcu_head) <= sizeof what->room, "room for the head");
    call_rcu((struct rcu_head *)(void *)what->room, flavour_reclaim);
}

/* Does nothing: only liburcu's own thread reclaims. */
static void flavour_flush(void *object, void *thread)
{
    (void)object;
    (void)thread;
}

#define URCU_FLAVOUR(flavour, shown, limited, says, leave)                                                             \
    BENCH_RECLAIM_LOOPS(flavour, flavour_enter, leave, flavour_protect, flavour_retire, flavour_flush);                \
    const bench_impl bench_urcu_##flavour = {                                                                          \
        .name = shown,                                                                                                 \
        .family = BENCH_RECLAIM,                                                                                       \
        .role = BENCH_PEER,                                                                                            \
        .limits = limited,                                                                                             \
        .note = says,                                                                                                  \
        .create = flavour_create,                                                                                      \
        .destroy = flavour_destroy,                                                                                    \
        .thread_begin = flavour_begin,                                                                                 \
        .thread_end = flavour_end,                                                                                     \
        .reclaim = &flavour##_ops,                                                                                     \
        .drive = flavour##_drive,                                                                                      \
    }

#endif
