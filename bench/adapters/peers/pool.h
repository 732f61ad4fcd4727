/*
 * Memory for peers whose nodes must stay mapped as long as the structure lives, because their operations read nodes
 * that others have already taken: nodes are recycled, and freed only at the end. Each thread has its own list. Beyond
 * two batches (as with a consumer), it moves a batch at a time to a list under a mutex, from which a thread that has
 * run out (a producer) takes batches. A steady load calls no allocator.
 */
#ifndef BENCH_PEERS_POOL_H
#define BENCH_PEERS_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

enum { POOL_BATCH = 64 };

/* The links of a free node, behind the peer's entry, so that late readers of the entry find it untouched. */
typedef struct pool_link {
    struct pool_link *next;  /* in a thread's list, or in a batch */
    struct pool_link *batch; /* the next batch, in a batch's first */
} pool_link;

typedef struct pool_node {
    _Alignas(16) unsigned char entry[32]; /* the peer's */
    pool_link link;
} pool_node;

typedef struct pool_block {
    struct pool_block *next;
    pool_node nodes[POOL_BATCH];
} pool_block;

typedef struct pool {
    pthread_mutex_t lock;
    pool_link *batches; /* full ones */
    pool_link *rest;    /* nodes of threads that have ended */
    pool_block *blocks; /* all memory */
} pool;

typedef struct pool_thread {
    pool *pool;
    pool_link *mine, *spare; /* `mine` in use; `spare`: a full batch, or NULL */
    size_t count;            /* in `mine` */
} pool_thread;

static inline void pool_init(pool *p)
{
    *p = (pool){.lock = PTHREAD_MUTEX_INITIALIZER};
}

static inline void pool_destroy(pool *p)
{
    for (pool_block *block = p->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    pthread_mutex_destroy(&p->lock);
}

static inline pool_thread *pool_thread_begin(pool *p)
{
    pool_thread *thread = aligned_alloc(128, 128);
    if (thread)
        *thread = (pool_thread){.pool = p};
    return thread;
}

static inline void pool_keep(pool *p, pool_link *list)
{
    while (list) {
        pool_link *next = list->next;
        list->next = p->rest;
        p->rest = list;
        list = next;
    }
}

static inline void pool_thread_end(pool_thread *thread)
{
    pthread_mutex_lock(&thread->pool->lock);
    pool_keep(thread->pool, thread->mine);
    pool_keep(thread->pool, thread->spare);
    pthread_mutex_unlock(&thread->pool->lock);
    free(thread);
}

/* Gets nodes for the thread: a full batch, else those that ended threads have left, else new ones. False: no memory. */
static __attribute__((noinline, unused)) bool pool_refill(pool_thread *thread)
{
    pool *p = thread->pool;
    pool_link *list = NULL;
    size_t count = POOL_BATCH;
    pthread_mutex_lock(&p->lock);
    if ((list = p->batches)) {
        p->batches = list->batch;
    } else if (p->rest) {
        for (count = 0; count < POOL_BATCH && p->rest; count++) {
            pool_link *link = p->rest;
            p->rest = link->next;
            link->next = list;
            list = link;
        }
    } else {
        pool_block *block = aligned_alloc(64, (sizeof *block + 63) / 64 * 64);
        for (size_t i = 0; block && i < POOL_BATCH; i++) {
            block->nodes[i].link.next = list;
            list = &block->nodes[i].link;
        }
        if (block) {
            block->next = p->blocks;
            p->blocks = block;
        }
    }
    pthread_mutex_unlock(&p->lock);
    thread->mine = list;
    thread->count = list ? count : 0;
    return list != NULL;
}

static inline void *pool_get(pool_thread *thread)
{
    if (!thread->mine) {
        thread->mine = thread->spare;
        thread->count = thread->spare ? POOL_BATCH : 0;
        thread->spare = NULL;
        if (!thread->mine && !pool_refill(thread))
            return NULL;
    }
    pool_link *link = thread->mine;
    thread->mine = link->next;
    thread->count--;
    return (char *)link - offsetof(pool_node, link);
}

static __attribute__((noinline, unused)) void pool_hand_over(pool_thread *thread)
{
    pool_link *full = thread->spare;
    thread->spare = thread->mine;
    thread->mine = NULL;
    thread->count = 0;
    if (!full)
        return;
    pthread_mutex_lock(&thread->pool->lock);
    full->batch = thread->pool->batches;
    thread->pool->batches = full;
    pthread_mutex_unlock(&thread->pool->lock);
}

static inline void pool_put(pool_thread *thread, void *node)
{
    pool_link *link = (pool_link *)(void *)((char *)node + offsetof(pool_node, link));
    if (thread->count == POOL_BATCH)
        pool_hand_over(thread);
    link->next = thread->mine;
    thread->mine = link;
    thread->count++;
}

#endif
