/* liburcu, qsbr flavour: entering does nothing; a thread announces a quiescent state from time to time. */
#define _LGPL_SOURCE
#include <urcu-qsbr.h>

#include "bench/adapters/peers/urcu_flavour.h"

enum { QUIESCENT = 64 }; /* sections between two quiescent states */

bench_inline void qsbr_leave(void *object, void *thread)
{
    (void)object;
    rcu_read_unlock();
    if (++*(unsigned *)thread % QUIESCENT == 0)
        rcu_quiescent_state();
}

URCU_FLAVOUR(qsbr, "urcu-qsbr", "needs quiescent states",
             "liburcu's qsbr, inlined: nothing to enter, a quiescent state once in 64 sections; call_rcu", qsbr_leave);
