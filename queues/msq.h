/*
 * weft_msq: unbounded FIFO queue, any number of producers and consumers.
 *
 * Source: M. Michael, M. Scott, "Simple, Fast, and Practical Non-Blocking and Blocking Concurrent Queue Algorithms",
 * PODC 1996, figure 1; counted pointers are replaced by the domain's reclamation (Michael 2004, figure 6).
 *
 * When. Passing items between threads when their number has no natural limit. When not: with a limit, a ring is faster;
 * with one consumer, a mailbox.
 *
 * Cost. 32 bytes per element (plus the allocator's own), recycled through the thread's cache: under steady load no
 * call to the allocator. Two compare-and-swaps to enqueue, one to dequeue, without contention.
 *
 * All operations may run together, except create and destroy. Linearizable: enqueue at the compare-and-swap that
 * links its node; dequeue at the one that moves the head; an empty answer at the read of the dummy's NULL next.
 * Progress: lock-free. A NULL queue: -EINVAL, false, or nothing done. NULL is a value like any other. No function here
 * is a cancellation point, except inside your own code that it calls (the allocator, `drain`, reclaim callbacks).
 */
#ifndef WEFT_QUEUES_MSQ_H
#define WEFT_QUEUES_MSQ_H

#include <weft/base/typed.h>
#include <weft/reclaim/domain.h>

WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_msq weft_msq;

/* NULL domain: the default one. -ENOMEM; -EINVAL: `out` NULL. On error *out is NULL. Blocks as malloc does. */
WEFT_API WEFT_NODISCARD int weft_msq_create(weft_msq **out, weft_domain *domain);

/* Adds a value at the tail. 0, or -ENOMEM: nothing has happened. */
WEFT_API WEFT_NODISCARD int weft_msq_enqueue(weft_msq *queue, void *value);

/*
 * Adds `count` values in order, with nothing between them. They are linked in one step, which is the linearization
 * point of all. 0, or -ENOMEM: none was added. -EINVAL: `values` NULL with a count above 0. Count 0: 0, nothing done.
 */
WEFT_API WEFT_NODISCARD int weft_msq_enqueue_many(weft_msq *queue, void *const *values, size_t count);

/* Takes the value at the head into *value. False: empty, or `value` NULL. */
WEFT_API WEFT_NODISCARD bool weft_msq_try_dequeue(weft_msq *queue, void **value);

/* True if there was no value at some moment during the call; a NULL queue is empty. */
WEFT_API WEFT_NODISCARD bool weft_msq_is_empty(weft_msq *queue);

/*
 * Frees the queue. `drain(value, ctx)` gets the values still inside, oldest first (NULL: they are dropped). No other
 * thread may be using the queue. Its nodes may outlive the call in the domain.
 */
WEFT_API void weft_msq_destroy(weft_msq *queue, void (*drain)(void *value, void *ctx), void *ctx);

WEFT_END_DECLS

#ifndef __cplusplus
/* A typed view: <weft/base/typed.h>. */
#define WEFT_MSQ_OF(name, type) WEFT_I_CONTAINER_OF(name, type, weft_msq, enqueue, try_dequeue)
#endif

#endif
