/* liburcu, memb flavour: its read lock with membarrier(2) on the reclaiming side. */
#define _LGPL_SOURCE
#include <urcu.h>

#include "bench/adapters/peers/urcu_flavour.h"

bench_inline void memb_leave(void *object, void *thread)
{
    (void)object;
    (void)thread;
    rcu_read_unlock();
}

URCU_FLAVOUR(memb, "urcu-memb", NULL,
             "liburcu's memb read lock, inlined; retirement by call_rcu, which reclaims in a thread of its own",
             memb_leave);
