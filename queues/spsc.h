/*
 * weft_spsc: bounded FIFO ring for one producer and one consumer. Elements of any size lie in the ring itself.
 *
 * Source: L. Lamport, "Specifying concurrent program modules", TOPLAS 5(2), 1983, for the ring; each side keeps a copy of
 * the other's index, as in E. Rigtorp's SPSCQueue. WEFT_SPSC_STAMPED is in the manner of J. Giacomoni, T. Moseley,
 * M. Vachharajani, "FastForward for efficient pipeline parallelism", PPoPP 2008: the slot itself says whether it is full.
 *
 * When. One thread hands elements to one other thread, or one process to another. When not: more producers or more
 * consumers (weft_segq, weft_msq); no limit on how many may wait.
 *
 * Roles. One thread at a time is the producer: it calls try_push, push_many, reserve, commit. One thread at a time is the
 * consumer: it calls try_pop, pop_many, peek, release. They may be one thread. A role may pass to another thread if
 * something orders the two, such as a join or a mutex. Anybody may call size, capacity. create, init and destroy run
 * alone. No function may be interrupted by a handler that plays the same role.
 *
 * Cost. No memory after creation. The ring takes three cache lines of 128 bytes and capacity * element_size bytes. A
 * WEFT_SPSC_STAMPED one takes at least 4 bytes more per element (8 for elements of 8 bytes), and moves one cache line
 * instead of two from one thread to the other: with elements of 8 bytes it is up to twice as fast.
 *
 * Progress: wait-free. A push takes effect when it publishes (its index, or the slot's stamp), an answer "full" when it
 * reads the consumer's index (or the stamp); pop and "empty" likewise. push_many, pop_many, commit and release publish all
 * at once, except with WEFT_SPSC_STAMPED, where they are one push, or pop, after the other.
 * So pushes and pops are linearizable with the answers "full", and with the answers "empty", but not with both. If the
 * producer hears "full" right after a push, and the consumer at that moment "empty" right after a pop, each may have
 * looked before the other's store left its processor. Nothing is lost: who asks again, sees it. A fence in every call
 * would prevent that, and cost more than the call.
 * A NULL ring, or NULL where an element goes: false, 0, or nothing done. No function here is a cancellation point.
 *
 * Between processes (weft_spsc_init, weft_spsc_attach): a ring has no pointers, so that it may lie at another address in
 * each. If a process is killed, even in the middle of a push or pop, the other goes on and sees only whole elements; a new
 * process may attach and take the role over once the old one has ended. What was popped or not yet pushed is gone with the
 * killed process. Elements that it had peeked at and not released come again. The partner is trusted: it can write all
 * of the memory.
 */
#ifndef WEFT_QUEUES_SPSC_H
#define WEFT_QUEUES_SPSC_H

#include <weft/base/typed.h>

WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_spsc weft_spsc;

enum {
    /*
     * The memory of the elements is mapped twice, one mapping behind the other, so that what reserve and peek give never
     * ends at the end of the ring. It is rounded up to a common multiple of a page and element_size. After a fork,
     * parent and child share the ring.
    */
    WEFT_SPSC_CONTIGUOUS = 1,
    /* Each slot has a stamp. Faster for one element at a time; reserve and peek give one element at a time. */
    WEFT_SPSC_STAMPED = 2
};

/*
 * Makes a ring for `capacity` elements, exactly. -EINVAL: `out` NULL, capacity or element_size 0, more bytes than half
 * the address space, unknown flags, or both flags. -ENOMEM. With WEFT_SPSC_CONTIGUOUS also what memfd_create, ftruncate
 * or mmap refuse: -ENOSYS (a kernel before 3.17), -EPERM (a sandbox), -EMFILE, -ENFILE. On error *out is NULL. Blocks as
 * malloc does.
 */
WEFT_API WEFT_NODISCARD int weft_spsc_create(weft_spsc **out, size_t capacity, size_t element_size, unsigned flags);

/* How many bytes weft_spsc_init needs. 0: it would refuse these arguments. */
WEFT_API WEFT_NODISCARD size_t weft_spsc_bytes(size_t capacity, size_t element_size, unsigned flags);

/*
 * Makes a ring in `bytes` of the caller's memory, aligned to 128 bytes; it may be shared between processes. *out is in it.
 * 0, or -EINVAL: NULL, wrong alignment, less than weft_spsc_bytes, or what weft_spsc_create refuses, including
 * WEFT_SPSC_CONTIGUOUS. Nobody may use a ring that was there before.
 */
WEFT_API WEFT_NODISCARD int weft_spsc_init(weft_spsc **out, void *memory, size_t bytes, size_t capacity,
                                           size_t element_size, unsigned flags);

/*
 * Finds the ring that weft_spsc_init has made in this memory, perhaps in another process. 0. -EAGAIN: the memory begins
 * with zeros, as new shared memory does: there is no ring yet. -EINVAL: NULL or wrong alignment, no ring, one of another
 * version of Weft or another word size, or one that is larger than `bytes`. On error *out is NULL.
 */
WEFT_API WEFT_NODISCARD int weft_spsc_attach(weft_spsc **out, void *memory, size_t bytes);

/* Copies the element into the ring. False: full. */
WEFT_API WEFT_NODISCARD bool weft_spsc_try_push(weft_spsc *ring, const void *element);

/* Copies the oldest element out of the ring. False: empty. */
WEFT_API WEFT_NODISCARD bool weft_spsc_try_pop(weft_spsc *ring, void *element);

/* Pushes the first of `count` elements, as many as there is room for. Returns how many. */
WEFT_API WEFT_NODISCARD size_t weft_spsc_push_many(weft_spsc *ring, const void *elements, size_t count);

/* Pops up to `count` elements, oldest first. Returns how many. */
WEFT_API WEFT_NODISCARD size_t weft_spsc_pop_many(weft_spsc *ring, void *elements, size_t count);

/*
 * Gives room for up to `count` elements in the ring, to be written in place. Returns for how many; *span is where. Fewer
 * than `count`: there is no more room, or, without WEFT_SPSC_CONTIGUOUS, no more before the ring's end. 0: full, and *span
 * is NULL. Nothing is pushed before commit. The room stays the producer's until then, or until its next push; a second
 * reserve gives the same.
 */
WEFT_API WEFT_NODISCARD size_t weft_spsc_reserve(weft_spsc *ring, size_t count, void **span);

/* Pushes the first `count` elements of what reserve has given; 0 pushes none. More than that: as many as there was room for. */
WEFT_API void weft_spsc_commit(weft_spsc *ring, size_t count);

/*
 * Gives up to `count` elements, oldest first, to be read in place. Returns how many; *span is where. Fewer than `count`:
 * there are no more, or, without WEFT_SPSC_CONTIGUOUS, no more before the ring's end. 0: empty, and *span is NULL. They
 * stay in the ring until release.
 */
WEFT_API WEFT_NODISCARD size_t weft_spsc_peek(weft_spsc *ring, size_t count, const void **span);

/* Removes the oldest `count` elements; their room is the producer's again. More than there are: all. */
WEFT_API void weft_spsc_release(weft_spsc *ring, size_t count);

/* From 0 to the capacity; exact while nobody pushes or pops. */
WEFT_API WEFT_NODISCARD size_t weft_spsc_size(weft_spsc *ring);

/* As it was created; 0 for NULL. */
WEFT_API WEFT_NODISCARD size_t weft_spsc_capacity(weft_spsc *ring);

/*
 * Frees a ring of weft_spsc_create with its elements. One of weft_spsc_init or weft_spsc_attach stays as it is: its
 * memory is the caller's, who frees it when both sides are done.
 */
WEFT_API void weft_spsc_destroy(weft_spsc *ring);

WEFT_END_DECLS

#ifndef __cplusplus
/*
 * A typed view: <weft/base/typed.h>. The type is any object type: WEFT_SPSC_OF(sample_ring, struct sample).
 */
#define WEFT_SPSC_OF(name, type)                                                                                       \
    WEFT_I_RING_OF(name, type, weft_spsc);                                                                             \
    WEFT_NODISCARD weft_i_typed size_t name##_reserve(name *typed, size_t count, type **span)                          \
    {                                                                                                                  \
        void *place = NULL;                                                                                            \
        size_t room = weft_spsc_reserve(name##_untyped(typed), count, span ? &place : NULL);                           \
        if (span)                                                                                                      \
            *span = (type *)place;                                                                                     \
        return room;                                                                                                   \
    }                                                                                                                  \
    weft_i_typed void name##_commit(name *typed, size_t count)                                                         \
    {                                                                                                                  \
        weft_spsc_commit(name##_untyped(typed), count);                                                                \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed size_t name##_peek(name *typed, size_t count, type const **span)                       \
    {                                                                                                                  \
        const void *place = NULL;                                                                                      \
        size_t filled = weft_spsc_peek(name##_untyped(typed), count, span ? &place : NULL);                            \
        if (span)                                                                                                      \
            *span = (type const *)place;                                                                               \
        return filled;                                                                                                 \
    }                                                                                                                  \
    weft_i_typed void name##_release(name *typed, size_t count)                                                        \
    {                                                                                                                  \
        weft_spsc_release(name##_untyped(typed), count);                                                               \
    }                                                                                                                  \
    typedef name name##_i_spans
#endif

#endif
