/*
 * weft_segq: unbounded FIFO queue, any number of producers and consumers. It can be closed.
 *
 * Source: A. Correia, P. Ramalhete, "FAAArrayQueue - MPMC lock-free queue", concurrencyfreaks.blogspot.com, November
 * 2016: a list of arrays whose cells are used once. Here any pointer is a value, and memory is the domain's.
 *
 * When. Passing items between threads when their number has no natural limit; the queue to take when in doubt. When not:
 * with few items, since an empty queue has 16.75 KiB: weft_msq; with a limit, a ring; with one consumer, a mailbox.
 *
 * Cost. 8.2 bytes per element, in segments of 2048 that are recycled through the threads' caches: under steady load no
 * call to the allocator. A fetch-and-add and a compare-and-swap to enqueue, a fetch-and-add to dequeue.
 *
 * Garbage. Under WEFT_HAZARD each thread holds at most one segment back, and scans after 8 that it has retired. So with
 * t threads at most t * (2 + 2 * 8) segments of 16.4 KiB wait. 16 more are kept in each thread's cache, and four times 16
 * in the domain. Segments of ended threads, and of threads that had no memory for a place in the domain, count as other
 * objects do: up to two batches of 1024 may wait. Under WEFT_EPOCH there is no bound while a guard is held.
 *
 * All operations may run together, except create and destroy. Linearizable: values are in the order of their cells'
 * numbers. An enqueue takes effect at the fetch-and-add that gave it the number of the cell in which its value came to
 * stand (but after an is_empty that saw the cell empty), or at the compare-and-swap that links the segment that begins
 * with the value. A dequeue takes effect at the fetch-and-add that gave it that number, or right after that enqueue if
 * this is later. An empty answer: at the read of the number of cells given, or of the link behind a used-up segment.
 * Closing: at the compare-and-swap that links the end. -EPIPE and is_closed: at the read of that link.
 * Progress: lock-free. A NULL queue: -EINVAL, false, 0, or nothing done. NULL is a value like any other. No function
 * here is a cancellation point, except inside your own code that it calls (the allocator, `drain`, reclaim callbacks).
 */
#ifndef WEFT_QUEUES_SEGQ_H
#define WEFT_QUEUES_SEGQ_H

#include <weft/base/typed.h>
#include <weft/reclaim/domain.h>

WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_segq weft_segq;

/* NULL domain: the default one. -ENOMEM; -EINVAL: `out` NULL. On error *out is NULL. Blocks as malloc does. */
WEFT_API WEFT_NODISCARD int weft_segq_create(weft_segq **out, weft_domain *domain);

/* Adds a value at the tail. 0, or nothing has happened: -ENOMEM; -EPIPE: the queue is closed. */
WEFT_API WEFT_NODISCARD int weft_segq_enqueue(weft_segq *queue, void *value);

/*
 * Adds `count` values in their order. Each is an enqueue of its own: others may see the first before the last is there,
 * and other producers' values may come between. (Up to 2048 take their places by one fetch-and-add, so that this is
 * rare.) 0: all were added. -ENOMEM, -EPIPE, or -EINVAL (`values` NULL with a count above 0; a count above INT_MAX): none
 * was. Above 0: only so many, the first ones, were added: the queue was closed meanwhile (ask weft_segq_is_closed), or
 * there was no memory when other producers had taken the places. The others stay yours.
 */
WEFT_API WEFT_NODISCARD int weft_segq_enqueue_many(weft_segq *queue, void *const *values, size_t count);

/* Takes the value at the head into *value. False: empty, or `value` NULL. */
WEFT_API WEFT_NODISCARD bool weft_segq_try_dequeue(weft_segq *queue, void **value);

/*
 * Takes up to `count` values, oldest first; each is a dequeue of its own. Returns how many. Fewer than `count`: then it
 * was empty. 0 also for a NULL queue or NULL values. It may run reclaim callbacks; if one ends the thread, the values
 * taken are in `values`, and nobody learns how many.
 */
WEFT_API WEFT_NODISCARD size_t weft_segq_dequeue_many(weft_segq *queue, void **values, size_t count);

/*
 * From now on enqueue is refused; what is inside can be taken. Closing again does nothing. An enqueue that runs beside
 * it is before or after it. Lock-free.
 */
WEFT_API void weft_segq_close(weft_segq *queue);

/*
 * Once this is true, an empty answer of a dequeue or of is_empty that begins later is final: no dequeue that begins after
 * that answer gets a value. One that has begun before may still get one.
 */
WEFT_API WEFT_NODISCARD bool weft_segq_is_closed(weft_segq *queue);

/* True if there was no value at some moment during the call; a NULL queue is empty. */
WEFT_API WEFT_NODISCARD bool weft_segq_is_empty(weft_segq *queue);

/*
 * Frees the queue. `drain(value, ctx)` gets the values still inside, oldest first (NULL: they are dropped). No other
 * thread may be using the queue. Its segments may outlive the call in the domain.
 */
WEFT_API void weft_segq_destroy(weft_segq *queue, void (*drain)(void *value, void *ctx), void *ctx);

WEFT_END_DECLS

#ifndef __cplusplus
/* A typed view: <weft/base/typed.h>. */
#define WEFT_SEGQ_OF(name, type)                                                                                       \
    WEFT_I_CONTAINER_OF(name, type, weft_segq, enqueue, try_dequeue);                                                  \
    weft_i_typed void name##_close(name *typed)                                                                        \
    {                                                                                                                  \
        weft_segq_close(name##_untyped(typed));                                                                        \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_is_closed(name *typed)                                                     \
    {                                                                                                                  \
        return weft_segq_is_closed(name##_untyped(typed));                                                             \
    }                                                                                                                  \
    typedef name name##_i_closes
#endif

#endif
