/* liburcu, bp flavour: like memb, but a thread's first read lock registers the thread. */
#define _LGPL_SOURCE
#include <urcu-bp.h>

#include "bench/adapters/peers/urcu_flavour.h"

bench_inline void bp_leave(void *object, void *thread)
{
    (void)object;
    (void)thread;
    rcu_read_unlock();
}

URCU_FLAVOUR(bp, "urcu-bp", NULL,
             "liburcu's bp read lock, inlined; retirement by call_rcu, which reclaims in a thread of its own",
             bp_leave);
