/*
 * weft_deque: work-stealing deque. Its owner pushes and pops at one end, last in, first out; any other thread steals at the
 * other end, first in, first out.
 *
 * Source: D. Chase, Y. Lev, "Dynamic circular work-stealing deque", SPAA 2005, in the C11 form of N. M. Le, A. Pop,
 * A. Cohen, F. Zappa Nardelli, "Correct and efficient work-stealing for weak memory models", PPoPP 2013, with the
 * corrections that became known since. A pop passes its full fence only while thieves come; the first one interrupts the
 * owner by membarrier(2), so that it does. Arrays are retired through the domain.
 *
 * When. A pool of workers: each has a deque of its own, and one that has nothing to do steals from another. When not: items
 * must come in their order (weft_segq); one thread puts and others take (weft_segq).
 *
 * Roles. One thread at a time is the owner: it calls push, try_pop, and steal_half into this deque. The role may pass to
 * another thread if something orders the two. Anybody, the owner included, may call try_steal, and steal_half from it.
 * create and destroy run alone.
 *
 * Cost. 8 bytes an element, in an array of a power of two, 64 at least; it doubles when it is full, which is when push may
 * fail. It is halved when at most a quarter of it was needed each time between 64 successive moments at which the owner found the
 * deque empty. Push and pop are plain reads and writes of lines that the owner has, but for the last element. A thief that
 * comes after long interrupts the threads that run (5 to 50 us); from then on each pop passes a full fence and a steal costs
 * a fence and a compare-and-swap, until 256 pops successively have met no thief. Old arrays wait in the domain for thieves
 * that still read them.
 *
 * Linearizable. A push takes effect when it stores the new bottom; a pop when it stores the lower one, or, of the last
 * element, at its compare-and-swap of top; a steal at its compare-and-swap of top; an empty answer at a read of bottom or
 * top.
 * Progress: push and pop are wait-free, but for the allocator's part and the copying when the array changes; a steal is
 * lock-free, but for a mutex that the process's first heavy fence takes, and each one after membarrier was refused late.
 * A NULL deque: -EINVAL, false, 0, or nothing done. NULL is a value like any other. No function here is a
 * cancellation point, except inside your own code that it calls (the allocator, `drain`, reclaim callbacks).
 */
#ifndef WEFT_QUEUES_DEQUE_H
#define WEFT_QUEUES_DEQUE_H

#include <weft/base/typed.h>
#include <weft/reclaim/domain.h>

WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_deque weft_deque;

/* NULL domain: the default one. -ENOMEM; -EINVAL: `out` NULL. On error *out is NULL. Blocks as malloc does. */
WEFT_API WEFT_NODISCARD int weft_deque_create(weft_deque **out, weft_domain *domain);

/*
 * The owner: adds a value at its end. 0; -ENOMEM, then nothing has happened. May run reclaim callbacks when it grows; they,
 * and the allocator, may call as the owner.
 */
WEFT_API WEFT_NODISCARD int weft_deque_push(weft_deque *deque, void *value);

/* The owner: takes the value that it pushed last. False: empty, or `value` NULL. May run reclaim callbacks if empty. */
WEFT_API WEFT_NODISCARD bool weft_deque_try_pop(weft_deque *deque, void **value);

/*
 * Takes the oldest value. False: empty, or `value` NULL; also if membarrier was refused late, while some thread has not yet
 * passed a fence since, where the system has no other way to interrupt it.
 */
WEFT_API WEFT_NODISCARD bool weft_deque_try_steal(weft_deque *deque, void **value);

/*
 * The owner of `to`: steals the older half of `from`, rounded up, and pushes it into `to` in the same order. Each is a steal
 * and a push of its own; together they interrupt the owner once at most, unless it pops 256 times between two of them.
 * Returns how many. Fewer than half: others took them, or `to` had no memory. 0 also if the two are one. Lock-free.
 */
WEFT_API size_t weft_deque_steal_half(weft_deque *from, weft_deque *to);

/*
 * Frees the deque. `drain(value, ctx)` gets the values still inside, oldest first (NULL: they are dropped). No other
 * thread may be using it. Old arrays may outlive the call in the domain.
 */
WEFT_API void weft_deque_destroy(weft_deque *deque, void (*drain)(void *value, void *ctx), void *ctx);

WEFT_END_DECLS

#ifndef __cplusplus
/* A typed view: <weft/base/typed.h>. */
/* clang-format off */
#define WEFT_DEQUE_OF(name, type)                                                                                      \
    WEFT_I_TYPED_CHECK(type);                                                                                          \
    typedef struct name name;                                                                                          \
    typedef struct name##_i_each {                                                                                     \
        void (*function)(type value, void *ctx);                                                                       \
        void *ctx;                                                                                                     \
    } name##_i_each;                                                                                                   \
    weft_i_typed void name##_i_call(void *value, void *each)                                                           \
    {                                                                                                                  \
        ((name##_i_each *)each)->function(WEFT_I_TYPED(type, value), ((name##_i_each *)each)->ctx);                    \
    }                                                                                                                  \
    weft_i_typed weft_deque *name##_untyped(name *typed) { return (weft_deque *)(void *)typed; }                       \
    WEFT_NODISCARD weft_i_typed int name##_create(name **out, weft_domain *domain)                                     \
    {                                                                                                                  \
        weft_deque *made = NULL;                                                                                       \
        int error = weft_deque_create(out ? &made : NULL, domain);                                                     \
        if (out)                                                                                                       \
            *out = (name *)(void *)made;                                                                               \
        return error;                                                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_push(name *typed, type value)                                               \
    {                                                                                                                  \
        return weft_deque_push(name##_untyped(typed), WEFT_I_WORD(value));                                             \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_try_pop(name *typed, type *value)                                          \
    {                                                                                                                  \
        void *word;                                                                                                    \
        if (!value || !weft_deque_try_pop(name##_untyped(typed), &word))                                               \
            return false;                                                                                              \
        *value = WEFT_I_TYPED(type, word);                                                                             \
        return true;                                                                                                   \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_try_steal(name *typed, type *value)                                        \
    {                                                                                                                  \
        void *word;                                                                                                    \
        if (!value || !weft_deque_try_steal(name##_untyped(typed), &word))                                             \
            return false;                                                                                              \
        *value = WEFT_I_TYPED(type, word);                                                                             \
        return true;                                                                                                   \
    }                                                                                                                  \
    weft_i_typed size_t name##_steal_half(name *from, name *to)                                                        \
    {                                                                                                                  \
        return weft_deque_steal_half(name##_untyped(from), name##_untyped(to));                                        \
    }                                                                                                                  \
    weft_i_typed void name##_destroy(name *typed, void (*drain)(type value, void *ctx), void *ctx)                     \
    {                                                                                                                  \
        name##_i_each call = {drain, ctx};                                                                             \
        weft_deque_destroy(name##_untyped(typed), drain ? name##_i_call : NULL, &call);                                \
    }                                                                                                                  \
    typedef name name##_i_end
/* clang-format on */
#endif

#endif
