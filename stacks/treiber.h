/*
 * weft_treiber: unbounded LIFO stack, any number of threads.
 *
 * Source: R. K. Treiber, "Systems Programming: Coping with Parallelism", IBM RJ 5118, 1986; reclamation by the domain
 * (Michael 2004, figure 5), which also rules out ABA: a protected node is not reused.
 *
 * When. Free lists, object pools, work whose order does not matter and whose caches are warm. When not: if fairness is
 * needed (the oldest value may wait for ever), or first in, first out.
 *
 * Cost. 32 bytes per element (plus the allocator's own), recycled through the thread's cache: under steady load no
 * call to the allocator. One compare-and-swap per push and per pop without contention.
 *
 * All operations may run together, except create and destroy. Linearizable: push and pop at their
 * compare-and-swap, pop_all at its exchange, an empty answer at the read of NULL. Progress: lock-free; pop_all takes
 * its values in one step that never fails, and then calls `each` and retires their nodes. A NULL stack: -EINVAL,
 * false, or nothing done. NULL is a value like any other. No function here is a cancellation point, except inside your
 * own code that it calls (the allocator, callbacks).
 */
#ifndef WEFT_STACKS_TREIBER_H
#define WEFT_STACKS_TREIBER_H

#include <weft/base/typed.h>
#include <weft/reclaim/domain.h>

WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_treiber weft_treiber;

/* NULL domain: the default one. -ENOMEM; -EINVAL: `out` NULL. On error *out is NULL. Blocks as malloc does. */
WEFT_API WEFT_NODISCARD int weft_treiber_create(weft_treiber **out, weft_domain *domain);

/* Puts a value on top. 0, or -ENOMEM: nothing has happened. */
WEFT_API WEFT_NODISCARD int weft_treiber_push(weft_treiber *stack, void *value);

/*
 * Puts `count` values on top as if pushed in order, with nothing between them: values[count - 1] ends on top. They are
 * linked in one step. 0, or -ENOMEM: none was pushed. -EINVAL: `values` NULL with a count above 0. Count 0: 0, nothing
 * done.
 */
WEFT_API WEFT_NODISCARD int weft_treiber_push_many(weft_treiber *stack, void *const *values, size_t count);

/* Takes the value on top into *value. False: empty, or `value` NULL. */
WEFT_API WEFT_NODISCARD bool weft_treiber_try_pop(weft_treiber *stack, void **value);

/*
 * Takes all values in one step, then calls `each(value, ctx)` from the top down (NULL: drops them). Returns how many.
 * Their nodes are retired after the last call. If `each` ends its thread, the values that it has not been given are
 * lost, and the memory of all the nodes. If a reclaim callback does so meanwhile, no value is lost, but the memory of
 * the nodes not yet retired.
 */
WEFT_API size_t weft_treiber_pop_all(weft_treiber *stack, void (*each)(void *value, void *ctx), void *ctx);

/* True if there was no value at some moment during the call; a NULL stack is empty. */
WEFT_API WEFT_NODISCARD bool weft_treiber_is_empty(weft_treiber *stack);

/*
 * Frees the stack. `drain(value, ctx)` gets the values still inside, from the top down (NULL: they are dropped). No
 * other thread may be using the stack. Its nodes may outlive the call in the domain.
 */
WEFT_API void weft_treiber_destroy(weft_treiber *stack, void (*drain)(void *value, void *ctx), void *ctx);

WEFT_END_DECLS

/* clang-format off */
#ifndef __cplusplus
/* A typed view: <weft/base/typed.h>. */
#define WEFT_TREIBER_OF(name, type)                                                                                    \
    WEFT_I_CONTAINER_OF(name, type, weft_treiber, push, try_pop);                                                      \
    weft_i_typed size_t name##_pop_all(name *typed, void (*each)(type value, void *ctx), void *ctx)                    \
    {                                                                                                                  \
        name##_i_each call = {each, ctx};                                                                              \
        return weft_treiber_pop_all(name##_untyped(typed), each ? name##_i_call : NULL, &call);                        \
    }                                                                                                                  \
    typedef name name##_i_end_2
#endif
/* clang-format on */

#endif
