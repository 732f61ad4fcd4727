/* All implementations, in the order of the tables: Weft, the baselines (a mutex first), the peers, the floor. */
#include "bench/adapter.h"

#include <stdlib.h>

#ifndef BENCH_WITHOUT_WEFT
#define WEFT_IMPLS(X)                                                                                                  \
    X(weft_msq_hazard) X(weft_msq_epoch) X(weft_treiber_hazard) X(weft_treiber_epoch) X(weft_map_hazard)               \
    X(weft_map_epoch) X(weft_reclaim_hazard) X(weft_reclaim_epoch) X(words_weft_hazard) X(words_weft_epoch) X(words_mutex)
#else
#define WEFT_IMPLS(X)
#endif

#define BASELINES(X)                                                                                                   \
    X(mutex_queue) X(spin_queue) X(mutex_stack) X(spin_stack) X(mutex_map) X(sharded_map) X(rwlock_map)

#define PEERS(X) X(ck_fifo) X(ck_stack) X(ck_ht) X(ck_epoch) X(ck_hp) X(urcu_memb)

#define FLOORS(X) X(floor_queue) X(floor_stack) X(plain)

#define DECLARE(name) extern const bench_impl bench_##name;
#define LIST(name) &bench_##name,

WEFT_IMPLS(DECLARE) BASELINES(DECLARE) PEERS(DECLARE) FLOORS(DECLARE)

const bench_impl *const bench_impls[] = {WEFT_IMPLS(LIST) BASELINES(LIST) PEERS(LIST) FLOORS(LIST) NULL};

void *bench_no_thread_begin(void *object)
{
    return object;
}

void bench_no_thread_end(void *object, void *thread)
{
    (void)object;
    (void)thread;
}

void bench_object_free(bench_object *object)
{
    object->value = 0; /* so that a reader who still looks at it can tell */
    __atomic_fetch_add(object->reclaimed, 1, __ATOMIC_RELAXED);
    free(object);
}
