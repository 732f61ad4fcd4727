/* liburcu, qsbr flavour: there is nothing to enter; a thread tells now and then that it reads nothing. */
#define _LGPL_SOURCE
#include <urcu-qsbr.h>

#include "bench/adapters/peers/urcu_flavour.h"

enum { QUIESCENT = 64 }; /* sections between two of these */

bench_inline void qsbr_leave(void *object, void *thread)
{
    (void)object;
    rcu_read_unlock();
    if (++*(unsigned *)thread % QUIESCENT == 0)
        rcu_quiescent_state();
}

URCU_FLAVOUR(qsbr, "urcu-qsbr", "needs quiescent states",
             "liburcu's qsbr, inlined: nothing to enter, a quiescent state once in 64 sections; call_rcu", qsbr_leave);
