/*
 * weft_ring: bounded FIFO ring for any number of producers and consumers. Elements of any size lie in the ring itself.
 *
 * Source: R. Nikolaev's NCQ (DISC 2019, section 4) and P. Tsigas and Y. Zhang (SPAA 2001), with an exchange of slots that is
 * ours: docs/design/0002-ring.md.
 *
 * When. A bounded queue between threads: a queue of jobs that must not grow, a pool of buffers, a log that keeps the
 * newest (force_push). When not: one producer and one consumer (weft_spsc is faster); no limit on how many may wait
 * (weft_segq).
 *
 * Cost. No memory after creation. The ring takes 2.5 KiB, capacity * (element_size + a word) bytes, and 16 elements more.
 * A push or pop is two read-modify-writes, of which one is on a cache line that other threads seldom use, and two stores;
 * by the only producer or consumer just the stores.
 *
 * Progress: lock-free. A thread that stops anywhere stops nobody: all others push and pop on, and in order, and the ring
 * stays as large as it was. A push takes effect when its compare-and-swap puts the element into the ring, a pop when it
 * takes it out. "Full" and "empty" take effect when they read the entry where the next element would go, or come from.
 * All functions may be called in signal handlers, except create and destroy, and, with a flag, what only one thread at a
 * time may call, if the handler interrupts one such call.
 *
 * What is linearizable: pushes, pops and both answers together, as operations of a queue of `capacity` places. Slots that
 * are reserved or taken count as elements there, until commit, abort or give_back returns. So do those of pushes and pops
 * beyond 16 at the same moment, and of pushes beside holders, until others see that they have returned. With a flag, a "full" and an "empty" may
 * have no common order, as weft_spsc says.
 *
 * Holders. reserve gives a slot to be written in place, take one to be read in place, for as long as one likes: it costs
 * the ring this one place, and hides nothing. An element has its place in the order by commit, not by reserve. Any thread
 * may hold any number of slots, and hand one to another thread that commits, aborts or gives it back.
 *
 * After a fork the child has a copy of the ring. What threads that vanished had in hand is lost to it: a spare slot of a push
 * or pop, and the place of a slot that was held.
 *
 * A NULL ring, or NULL where an element goes: false, 0, NULL, or nothing done. Nothing here is a cancellation point.
 *
 * Word size. An entry counts laps in the bits that its slot leaves free. Where words have 32 bits, a thread must not stand
 * still within one call while others push 2^29 elements.
 */
#ifndef WEFT_QUEUES_RING_H
#define WEFT_QUEUES_RING_H

#include <weft/base/typed.h>

WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_ring weft_ring;

/* They make the calls they name cheaper: a store instead of read-modify-writes. */
enum {
    /* One thread at a time calls try_push, push_many, force_push, reserve, commit, abort. */
    WEFT_RING_ONE_PRODUCER = 1,
    /* One thread at a time calls try_pop, pop_many, take, and nobody but this one force_push. */
    WEFT_RING_ONE_CONSUMER = 2
};

/*
 * Makes a ring for `capacity` elements, exactly. -EINVAL: `out` NULL, capacity or element_size 0, more bytes than an
 * eighth of the address space, or unknown flags. -ENOMEM. On error *out is NULL. Blocks as malloc does.
 */
WEFT_API WEFT_NODISCARD int weft_ring_create(weft_ring **out, size_t capacity, size_t element_size, unsigned flags);

/* Copies the element into the ring. False: full. */
WEFT_API WEFT_NODISCARD bool weft_ring_try_push(weft_ring *ring, const void *element);

/* Copies the oldest element out of the ring. False: empty. */
WEFT_API WEFT_NODISCARD bool weft_ring_try_pop(weft_ring *ring, void *element);

/* One push after the other, until the ring is full. Returns how many; others' elements may lie between them. */
WEFT_API WEFT_NODISCARD size_t weft_ring_push_many(weft_ring *ring, const void *elements, size_t count);

/* One pop after the other, until the ring is empty. Returns how many. */
WEFT_API WEFT_NODISCARD size_t weft_ring_pop_many(weft_ring *ring, void *elements, size_t count);

/*
 * Pushes, even if the ring is full: then the oldest element makes room, in the same step. True: it did, and is in
 * *displaced (NULL: it is dropped). While slots are reserved or taken there may be two steps, a pop and a push, and pops
 * in between (also beyond 16 calls at once); and if all slots are, *displaced is the element itself, which was not pushed. False: there was room, or the
 * ring or the element is NULL.
 */
WEFT_API bool weft_ring_force_push(weft_ring *ring, const void *element, void *displaced);

/* A slot to be written in place, aligned as an element in an array. NULL: full. It is the caller's until commit or abort. */
WEFT_API WEFT_NODISCARD void *weft_ring_reserve(weft_ring *ring);

/* Pushes what is in the slot. Cannot fail. Nothing done: the slot is not one of the ring's. */
WEFT_API void weft_ring_commit(weft_ring *ring, void *slot);

/* Gives the slot back as it was. */
WEFT_API void weft_ring_abort(weft_ring *ring, void *slot);

/* Pops the oldest element in place. NULL: empty. It is the caller's until give_back. */
WEFT_API WEFT_NODISCARD void *weft_ring_take(weft_ring *ring);

/* The taken element's place is free again. */
WEFT_API void weft_ring_give_back(weft_ring *ring, void *slot);

/* From 0 to the capacity, without slots that are reserved or taken; exact while nobody pushes or pops. */
WEFT_API WEFT_NODISCARD size_t weft_ring_size(weft_ring *ring);

/* As it was created; 0 for NULL. */
WEFT_API WEFT_NODISCARD size_t weft_ring_capacity(weft_ring *ring);

/* Frees the ring with its elements, which are dropped. No slot may be held. */
WEFT_API void weft_ring_destroy(weft_ring *ring);

WEFT_END_DECLS

#ifndef __cplusplus
/*
 * A typed view: <weft/base/typed.h>. The type is any object type: WEFT_RING_OF(job_ring, struct job).
 */
#define WEFT_RING_OF(name, type)                                                                                       \
    WEFT_I_RING_OF(name, type, weft_ring);                                                                             \
    weft_i_typed bool name##_force_push(name *typed, type const *element, type *displaced)                             \
    {                                                                                                                  \
        return weft_ring_force_push(name##_untyped(typed), element, displaced);                                        \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed type *name##_reserve(name *typed)                                                      \
    {                                                                                                                  \
        return (type *)weft_ring_reserve(name##_untyped(typed));                                                       \
    }                                                                                                                  \
    weft_i_typed void name##_commit(name *typed, type *slot)                                                           \
    {                                                                                                                  \
        weft_ring_commit(name##_untyped(typed), slot);                                                                 \
    }                                                                                                                  \
    weft_i_typed void name##_abort(name *typed, type *slot)                                                            \
    {                                                                                                                  \
        weft_ring_abort(name##_untyped(typed), slot);                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed type *name##_take(name *typed)                                                         \
    {                                                                                                                  \
        return (type *)weft_ring_take(name##_untyped(typed));                                                          \
    }                                                                                                                  \
    weft_i_typed void name##_give_back(name *typed, type *slot)                                                        \
    {                                                                                                                  \
        weft_ring_give_back(name##_untyped(typed), slot);                                                              \
    }                                                                                                                  \
    typedef name name##_i_slots
#endif

#endif
