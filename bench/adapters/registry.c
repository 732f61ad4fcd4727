/* All implementations, in the order of the tables: Weft, the baselines (a mutex first), the peers, the floor. */
#include "bench/adapters/ring_forms.h"
#include "bench/measure/adapter.h"

#include <stdlib.h>

/* clang-format off */
#ifndef BENCH_WITHOUT_WEFT
#define CONTAINER(KIND, name, put, take, X) X(weft_##name##_hazard) X(weft_##name##_epoch)
#define RING(FAMILY, name, form, suffix, flags, X) X(weft_##form)
#define OTHER(KIND, name, X) OTHER_##KIND(name, X)
#define OTHER_MAILBOX(name, X) X(weft_##name)
#define OTHER_DEQUE(name, X) X(weft_##name##_hazard) X(weft_##name##_epoch)
#define MAP(KIND, name, X) X(weft_##name##_hazard) X(weft_##name##_epoch)
#define WEFT_IMPLS(X)                                                                                                  \
    WEFT_CONTAINERS(CONTAINER, X) WEFT_RING_FORMS(RING, X) WEFT_OTHERS(OTHER, X) WEFT_MAPS(MAP, X)                     \
    X(weft_reclaim_hazard) X(weft_reclaim_epoch) X(words_weft_hazard) X(words_weft_epoch) X(words_mutex)
#else
#define WEFT_IMPLS(X)
#endif

#define BASELINES(X)                                                                                                   \
    X(mutex_queue) X(spin_queue) X(mutex_stack) X(spin_stack) X(mutex_ring) X(spin_ring) X(mutex_spsc) X(spin_spsc)    \
    X(mutex_mailbox) X(spin_mailbox) X(mutex_deque) X(spin_deque) X(mutex_map) X(sharded_map) X(rwlock_map)

#define PEERS(X)                                                                                                       \
    X(ck_fifo) X(ck_hp_fifo) X(urcu_wfcq) X(urcu_lfq) X(boost_queue) X(cds_msqueue) X(cds_moir) X(cds_optimistic)      \
    X(cds_fcqueue) X(xenium_ms_hazard) X(xenium_ms_epoch) X(xenium_ramalhete) X(moodycamel) X(moodycamel_tokens)       \
    X(tbb_queue) X(glib_queue)                                                                                         \
    X(ck_stack) X(ck_hp_stack) X(urcu_lfs) X(urcu_lfs_locked) X(boost_stack) X(cds_treiber) X(cds_elimination)         \
    X(cds_fcstack)                                                                                                     \
    X(ck_mpmc) X(boost_ring) X(cds_cycle) X(xenium_vyukov) X(tbb_ring)                                                 \
    X(readerwriterqueue) X(boost_spsc) X(ck_spsc) X(glib_spsc) X(pipe)                                                 \
    X(urcu_mailbox) X(moodycamel_mailbox) X(glib_mailbox) X(xenium_chase)                                              \
    X(std_mutex_map) X(std_shared_map) X(std_sharded_map) X(ck_ht) X(urcu_lfht) X(cds_michael_hp) X(cds_michael_rcu)   \
    X(cds_split_hp) X(cds_split_rcu) X(cds_feldman_hp) X(cds_feldman_rcu) X(xenium_hm_hazard) X(xenium_hm_epoch)       \
    X(xenium_vyukov_map) X(tbb_hash_map) X(tbb_unordered)                                                              \
    X(ck_epoch) X(ck_hp) X(urcu_memb) X(urcu_bp) X(urcu_qsbr) X(cds_hp) X(cds_dhp) X(cds_rcu) X(xenium_hazard)         \
    X(xenium_epoch) X(xenium_debra) X(xenium_stamp)

#define FLOORS(X) X(floor_queue) X(floor_stack) X(plain)

/* Weak: the build decides which peers are linked. */
#define DECLARE(name) extern const bench_impl bench_##name __attribute__((weak));
#define LIST(name)    {#name, &bench_##name},

WEFT_IMPLS(DECLARE) BASELINES(DECLARE) PEERS(DECLARE) FLOORS(DECLARE)
    /* clang-format on */

    static const struct {
    const char *name;
    const bench_impl *impl;
} known[] = {WEFT_IMPLS(LIST) BASELINES(LIST) PEERS(LIST) FLOORS(LIST)};

enum { KNOWN = sizeof known / sizeof *known };

const bench_impl *bench_impls[KNOWN + 1];
const char *bench_left_out[KNOWN + 1];

__attribute__((constructor)) static void look_what_is_linked(void)
{
    size_t linked = 0, missing = 0;
    for (size_t i = 0; i < KNOWN; i++)
        if (known[i].impl)
            bench_impls[linked++] = known[i].impl;
        else
            bench_left_out[missing++] = known[i].name;
}

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
    object->value = 0; /* so that a late reader sees the fault */
    __atomic_fetch_add(object->reclaimed, 1, __ATOMIC_RELAXED);
    free(object);
}
