/*
 * liburcu, memb flavour: its read lock with membarrier(2) on the reclaiming side. _LGPL_SOURCE inlines its read lock,
 * which its licence allows to LGPL-compatible code such as this. Retirement is call_rcu, carried out by liburcu's thread.
 */
#define _LGPL_SOURCE
#include "bench/loops_reclaim.h"

#include <errno.h>
#include <urcu/urcu-memb.h>

static int urcu_create(void **out, const bench_setup *setup)
{
    static int anything;
    (void)setup;
    *out = &anything;
    return 0;
}

static void urcu_destroy(void *object)
{
    (void)object;
    urcu_memb_barrier();
}

static void *urcu_thread_begin(void *object)
{
    urcu_memb_register_thread();
    return object;
}

static void urcu_thread_end(void *object, void *thread)
{
    (void)object;
    (void)thread;
    urcu_memb_unregister_thread();
}

bench_inline void urcu_enter(void *object, void *thread)
{
    (void)object;
    (void)thread;
    urcu_memb_read_lock();
}

bench_inline void urcu_leave(void *object, void *thread)
{
    (void)object;
    (void)thread;
    urcu_memb_read_unlock();
}

bench_inline bench_object *urcu_protect(void *object, void *thread, bench_cell *cell)
{
    (void)object;
    (void)thread;
    return __atomic_load_n(&cell->pointer, __ATOMIC_ACQUIRE);
}

static void urcu_reclaim(struct rcu_head *head)
{
    bench_object_free((bench_object *)(void *)head);
}

static void urcu_retire(void *object, void *thread, bench_object *what)
{
    (void)object;
    (void)thread;
    _Static_assert(sizeof(struct rcu_head) <= sizeof what->room, "room for the head");
    urcu_memb_call_rcu((struct rcu_head *)(void *)what->room, urcu_reclaim);
}

/* Nothing can be hastened: call_rcu's thread is at it. */
static void urcu_flush(void *object, void *thread)
{
    (void)object;
    (void)thread;
}

BENCH_RECLAIM_LOOPS(urcu, urcu_enter, urcu_leave, urcu_protect, urcu_retire, urcu_flush);

const bench_impl bench_urcu_memb = {
    .name = "urcu-memb",
    .family = BENCH_RECLAIM,
    .role = BENCH_PEER,
    .note = "liburcu's memb read lock, inlined; retirement by call_rcu, which reclaims in a thread of its own",
    .create = urcu_create,
    .destroy = urcu_destroy,
    .thread_begin = urcu_thread_begin,
    .thread_end = urcu_thread_end,
    .reclaim = &urcu_ops,
    .drive = urcu_drive,
};
