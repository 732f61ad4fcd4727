/*
 * liburcu's queues, stack and hash table, under its memb flavour: wfcqueue (dequeues under its mutex), lfqueue (RCU around
 * each operation, nodes freed by call_rcu), lfstack (pops under RCU, or under its mutex), lfht (grows and shrinks by
 * itself; it counts its entries, without which it would grow without bound).
 */
#define _LGPL_SOURCE
#include <urcu.h>

#include "bench/measure/loops_map.h"

#include <errno.h>
#include <stdlib.h>
#include <urcu/compiler.h>
#include <urcu/lfstack.h>
#include <urcu/rculfhash.h>
#include <urcu/rculfqueue.h>
#include <urcu/wfcqueue.h>

typedef struct item {
    union {
        struct cds_wfcq_node wait_free;
        struct cds_lfq_node_rcu lock_free;
        struct cds_lfs_node stacked;
        struct cds_lfht_node hashed;
    };
    struct rcu_head head;
    uint64_t key;
    void *value;
} item;

static item *item_new(void *value)
{
    item *i = malloc(sizeof *i);
    if (i)
        i->value = value;
    return i;
}

static void item_free(struct rcu_head *head)
{
    free(caa_container_of(head, item, head));
}

/* A thread registers once, however many objects it uses. */
static __thread unsigned registered;

static void *begin(void *object)
{
    if (registered++ == 0)
        rcu_register_thread();
    return object;
}

static void end(void *object, void *thread)
{
    (void)object;
    (void)thread;
    if (--registered == 0)
        rcu_unregister_thread();
}

#define CONTAINER(prefix, kind, shown, limited, says)                                                                  \
    BENCH_CONTAINER(prefix, prefix##_put, prefix##_take);                                                              \
    const bench_impl bench_urcu_##prefix = {                                                                           \
        .name = shown,                                                                                                 \
        .family = kind,                                                                                                \
        .role = BENCH_PEER,                                                                                            \
        .limits = limited,                                                                                             \
        .note = says,                                                                                                  \
        .create = prefix##_create,                                                                                     \
        .destroy = prefix##_destroy,                                                                                   \
        .thread_begin = begin,                                                                                         \
        .thread_end = end,                                                                                             \
        .container = &prefix##_ops,                                                                                    \
        .drive = prefix##_drive,                                                                                       \
    }

/* ---- wfcqueue ---- */

typedef struct wfcq {
    BENCH_ALIGNED(BENCH_LINE) struct cds_wfcq_head head;
    BENCH_ALIGNED(BENCH_LINE) struct cds_wfcq_tail tail;
} wfcq;

static int wfcq_create(void **out, const bench_setup *setup)
{
    wfcq *q = aligned_alloc(BENCH_LINE, sizeof *q);
    (void)setup;
    if (!(*out = q))
        return -ENOMEM;
    cds_wfcq_init(&q->head, &q->tail);
    return 0;
}

BENCH_OP bool wfcq_put(void *object, void *thread, void *value)
{
    wfcq *q = object;
    item *i = item_new(value);
    (void)thread;
    if (!i)
        return false;
    cds_wfcq_node_init(&i->wait_free);
    (void)cds_wfcq_enqueue(&q->head, &q->tail, &i->wait_free);
    return true;
}

BENCH_OP bool wfcq_take(void *object, void *thread, void **value)
{
    wfcq *q = object;
    struct cds_wfcq_node *node = cds_wfcq_dequeue_blocking(&q->head, &q->tail);
    (void)thread;
    if (!node)
        return false;
    item *i = caa_container_of(node, item, wait_free);
    *value = i->value;
    free(i);
    return true;
}

static void wfcq_destroy(void *object)
{
    void *value;
    while (wfcq_take(object, NULL, &value))
        ;
    cds_wfcq_destroy(&((wfcq *)object)->head, &((wfcq *)object)->tail);
    free(object);
}

CONTAINER(wfcq, BENCH_QUEUE, "urcu-wfcqueue", "may wait",
          "liburcu wfcqueue: wait-free enqueues, dequeues under its mutex");

/* ---- lfqueue ---- */

static int lfq_create(void **out, const bench_setup *setup)
{
    struct cds_lfq_queue_rcu *q = aligned_alloc(BENCH_LINE, BENCH_LINE * 2);
    (void)setup;
    if (!(*out = q))
        return -ENOMEM;
    cds_lfq_init_rcu(q, call_rcu);
    return 0;
}

BENCH_OP bool lfq_put(void *object, void *thread, void *value)
{
    item *i = item_new(value);
    (void)thread;
    if (!i)
        return false;
    cds_lfq_node_init_rcu(&i->lock_free);
    rcu_read_lock();
    cds_lfq_enqueue_rcu(object, &i->lock_free);
    rcu_read_unlock();
    return true;
}

BENCH_OP bool lfq_take(void *object, void *thread, void **value)
{
    (void)thread;
    rcu_read_lock();
    struct cds_lfq_node_rcu *node = cds_lfq_dequeue_rcu(object);
    rcu_read_unlock();
    if (!node)
        return false;
    item *i = caa_container_of(node, item, lock_free);
    *value = i->value;
    call_rcu(&i->head, item_free);
    return true;
}

static void lfq_destroy(void *object)
{
    void *value;
    rcu_register_thread();
    while (lfq_take(object, NULL, &value))
        ;
    (void)cds_lfq_destroy_rcu(object);
    rcu_barrier();
    rcu_unregister_thread();
    free(object);
}

CONTAINER(lfq, BENCH_QUEUE, "urcu-lfqueue", NULL,
          "liburcu rculfqueue: Michael and Scott's with dummies, RCU, nodes freed by call_rcu");

/* ---- lfstack ---- */

static int lfs_create(void **out, const bench_setup *setup)
{
    struct cds_lfs_stack *s = aligned_alloc(BENCH_LINE, BENCH_LINE * 2);
    (void)setup;
    if (!(*out = s))
        return -ENOMEM;
    cds_lfs_init(s);
    return 0;
}

BENCH_OP bool lfs_put(void *object, void *thread, void *value)
{
    item *i = item_new(value);
    (void)thread;
    if (!i)
        return false;
    cds_lfs_node_init(&i->stacked);
    (void)cds_lfs_push((struct cds_lfs_stack *)object, &i->stacked);
    return true;
}

/* The function with __ takes no mutex; RCU protects instead. */
BENCH_OP bool lfs_take(void *object, void *thread, void **value)
{
    (void)thread;
    rcu_read_lock();
    struct cds_lfs_node *node = __cds_lfs_pop((struct cds_lfs_stack *)object);
    rcu_read_unlock();
    if (!node)
        return false;
    item *i = caa_container_of(node, item, stacked);
    *value = i->value;
    call_rcu(&i->head, item_free);
    return true;
}

BENCH_OP bool lfs_locked_take(void *object, void *thread, void **value)
{
    struct cds_lfs_node *node = cds_lfs_pop_blocking(object);
    (void)thread;
    if (!node)
        return false;
    item *i = caa_container_of(node, item, stacked);
    *value = i->value;
    free(i);
    return true;
}

static void lfs_destroy(void *object)
{
    void *value;
    while (lfs_locked_take(object, NULL, &value))
        ;
    rcu_register_thread();
    rcu_barrier();
    rcu_unregister_thread();
    cds_lfs_destroy(object);
    free(object);
}

CONTAINER(lfs, BENCH_STACK, "urcu-lfstack", NULL, "liburcu lfstack, pops under RCU, nodes freed by call_rcu");

#define lfs_locked_create lfs_create
#define lfs_locked_put lfs_put
#define lfs_locked_destroy lfs_destroy
CONTAINER(lfs_locked, BENCH_STACK, "urcu-lfstack-mutex", "may wait", "liburcu lfstack, pops under its mutex");

/* ---- lfht ---- */

static int lfht_create(void **out, const bench_setup *setup)
{
    (void)setup;
    *out = cds_lfht_new(1024, 1, 0, CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING, NULL);
    return *out ? 0 : -ENOMEM;
}

static int same(struct cds_lfht_node *node, const void *key)
{
    return caa_container_of(node, item, hashed)->key == *(const uint64_t *)key;
}

static struct cds_lfht_node *lookup(void *object, uint64_t key)
{
    struct cds_lfht_iter it;
    cds_lfht_lookup(object, bench_mix(key), same, &key, &it);
    return cds_lfht_iter_get_node(&it);
}

BENCH_OP void *lfht_get(void *object, void *thread, uint64_t key)
{
    (void)thread;
    rcu_read_lock();
    struct cds_lfht_node *node = lookup(object, key);
    void *value = node ? caa_container_of(node, item, hashed)->value : NULL;
    rcu_read_unlock();
    return value;
}

BENCH_OP bool lfht_insert(void *object, void *thread, uint64_t key, void *value)
{
    item *i = item_new(value);
    (void)thread;
    if (!i)
        return false;
    i->key = key;
    cds_lfht_node_init(&i->hashed);
    rcu_read_lock();
    bool added = cds_lfht_add_unique(object, bench_mix(key), same, &key, &i->hashed) == &i->hashed;
    rcu_read_unlock();
    if (!added)
        free(i);
    return added;
}

BENCH_OP bool lfht_remove(void *object, void *thread, uint64_t key)
{
    (void)thread;
    rcu_read_lock();
    struct cds_lfht_node *node = lookup(object, key);
    bool removed = node && cds_lfht_del(object, node) == 0;
    rcu_read_unlock();
    if (removed)
        call_rcu(&caa_container_of(node, item, hashed)->head, item_free);
    return removed;
}

static size_t lfht_size(void *object, void *thread)
{
    long before, after;
    unsigned long count;
    (void)thread;
    rcu_read_lock();
    cds_lfht_count_nodes(object, &before, &count, &after);
    rcu_read_unlock();
    return count;
}

static void lfht_destroy(void *object)
{
    struct cds_lfht_iter it;
    struct cds_lfht_node *node;
    rcu_register_thread();
    cds_lfht_for_each(object, &it, node) if (cds_lfht_del(object, node) == 0)
        call_rcu(&caa_container_of(node, item, hashed)->head, item_free);
    rcu_barrier();
    rcu_unregister_thread();
    (void)cds_lfht_destroy(object, NULL);
}

BENCH_MAP_LOOPS(lfht, lfht_get, lfht_insert, lfht_remove, lfht_size);

const bench_impl bench_urcu_lfht = {
    .name = "urcu-lfht",
    .family = BENCH_MAP,
    .role = BENCH_PEER,
    .note = "liburcu rculfhash: split-ordered, AUTO_RESIZE and ACCOUNTING, memb flavour, nodes freed by call_rcu",
    .create = lfht_create,
    .destroy = lfht_destroy,
    .thread_begin = begin,
    .thread_end = end,
    .map = &lfht_ops,
    .drive = lfht_drive,
};
