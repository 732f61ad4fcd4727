/*
 * A linked list under one lock, first in first out: the obvious queue, written well. Nodes are allocated before the
 * lock is taken and freed after it is released. Everything is static.
 */
#include "bench/adapters/baselines/locks.h"
#include "bench/measure/loops_container.h"

#include <errno.h>
#include <stdlib.h>

typedef struct list_node {
    struct list_node *next;
    void *value;
} list_node;

typedef struct list_queue {
    _Alignas(BENCH_LINE) base_lock lock;
    list_node *first, **last; /* on the lock's line, which its holder has anyway */
} list_queue;

static int list_create(void **out, const bench_setup *setup)
{
    list_queue *queue = aligned_alloc(BENCH_LINE, sizeof *queue);
    (void)setup;
    if (!(*out = queue))
        return -ENOMEM;
    base_lock_init(&queue->lock);
    queue->first = NULL;
    queue->last = &queue->first;
    return 0;
}

BENCH_OP bool list_put(void *object, void *thread, void *value)
{
    list_queue *queue = object;
    list_node *node = malloc(sizeof *node);
    (void)thread;
    if (!node)
        return false;
    node->next = NULL;
    node->value = value;
    base_lock_take(&queue->lock);
    *queue->last = node;
    queue->last = &node->next;
    base_lock_leave(&queue->lock);
    return true;
}

BENCH_OP bool list_take(void *object, void *thread, void **value)
{
    list_queue *queue = object;
    (void)thread;
    base_lock_take(&queue->lock);
    list_node *node = queue->first;
    if (node && !(queue->first = node->next))
        queue->last = &queue->first;
    base_lock_leave(&queue->lock);
    if (!node)
        return false;
    *value = node->value;
    free(node);
    return true;
}

static void list_destroy(void *object)
{
    list_queue *queue = object;
    for (list_node *node = queue->first, *next; node; node = next) {
        next = node->next;
        free(node);
    }
    base_lock_destroy(&queue->lock);
    free(queue);
}

BENCH_CONTAINER(list, list_put, list_take);

#define LIST_QUEUE(in_name, in_family, in_note)                                                                        \
    {                                                                                                                  \
        .name = (in_name), .family = (in_family), .role = BENCH_BASELINE, .limits = "may wait", .note = (in_note),     \
        .create = list_create, .destroy = list_destroy, .thread_begin = bench_no_thread_begin,                         \
        .thread_end = bench_no_thread_end, .container = &list_ops, .drive = list_drive,                                \
    }
