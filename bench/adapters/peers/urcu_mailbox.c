/* liburcu's wfcqueue with one consumer, which then needs no mutex. Nodes are recycled (pool.h). */
#define _LGPL_SOURCE
#include "bench/measure/loops_container.h"
#include "bench/adapters/peers/pool.h"

#include <errno.h>
#include <urcu/compiler.h>
#include <urcu/wfcqueue.h>

typedef struct item {
    struct cds_wfcq_node node;
    void *value;
} item;

_Static_assert(sizeof(item) <= sizeof(((pool_node *)0)->entry), "room for an item");

typedef struct queue {
    BENCH_ALIGNED(BENCH_LINE) struct __cds_wfcq_head head;
    BENCH_ALIGNED(BENCH_LINE) struct cds_wfcq_tail tail;
    BENCH_ALIGNED(BENCH_LINE) pool items;
} queue;

static int queue_create(void **out, const bench_setup *setup)
{
    queue *q = aligned_alloc(BENCH_LINE, sizeof *q);
    (void)setup;
    if (!(*out = q))
        return -ENOMEM;
    __cds_wfcq_init(&q->head, &q->tail);
    pool_init(&q->items);
    return 0;
}

static void queue_destroy(void *object)
{
    pool_destroy(&((queue *)object)->items);
    free(object);
}

static void *queue_thread_begin(void *object)
{
    return pool_thread_begin(&((queue *)object)->items);
}

static void queue_thread_end(void *object, void *thread)
{
    (void)object;
    pool_thread_end(thread);
}

BENCH_OP bool queue_put(void *object, void *thread, void *value)
{
    queue *q = object;
    item *i = pool_get(thread);
    if (!i)
        return false;
    i->value = value;
    cds_wfcq_node_init(&i->node);
    (void)cds_wfcq_enqueue(&q->head, &q->tail, &i->node);
    return true;
}

BENCH_OP bool queue_take(void *object, void *thread, void **value)
{
    queue *q = object;
    struct cds_wfcq_node *node = __cds_wfcq_dequeue_blocking(&q->head, &q->tail);
    if (!node)
        return false;
    item *i = caa_container_of(node, item, node);
    *value = i->value;
    pool_put(thread, i);
    return true;
}

BENCH_CONTAINER(queue, queue_put, queue_take);

const bench_impl bench_urcu_mailbox = {
    .name = "urcu-wfcqueue",
    .family = BENCH_MAILBOX,
    .role = BENCH_PEER,
    .limits = "one consumer, may wait",
    .note = "liburcu wfcqueue: wait-free enqueues; the one consumer waits for a late link",
    .create = queue_create,
    .destroy = queue_destroy,
    .thread_begin = queue_thread_begin,
    .thread_end = queue_thread_end,
    .container = &queue_ops,
    .drive = queue_drive,
};
