/*
 * Typed views of the structures, for C. One form for all: WEFT_X_OF(name, type...) declares a type `name` and a static inline
 * function name_VERB for each weft_x_VERB but the _many, with the types in the place of void *. At file scope, once per name:
 *
 *     WEFT_MSQ_OF(order_queue, struct order *);         // <weft/queues/msq.h>; also WEFT_TREIBER_OF, WEFT_MAP_OF
 *     ...
 *     order_queue *queue;
 *     struct order *order;
 *     if (order_queue_create(&queue, NULL) != 0) ...
 *     if (order_queue_enqueue(queue, order) != 0) ...   // anything else than a struct order * does not compile
 *     while (order_queue_try_dequeue(queue, &order)) ...
 *
 * A type is a pointer, or an integer or enumeration no wider than one. What the functions do, return and promise is what
 * theirs do (weft_msq_enqueue...). They are the same objects: name_untyped(x) is the weft_msq * for what has no typed form.
 * C++ has <weft/weft.hpp> instead.
 */
#ifndef WEFT_BASE_TYPED_H
#define WEFT_BASE_TYPED_H

#include <weft/base/defs.h>

#define weft_i_typed static inline __attribute__((unused))

#define WEFT_I_TYPED_CHECK(type)                                                                                       \
    _Static_assert(sizeof(type) <= sizeof(void *), "expected a pointer or an integer no wider than one, not " #type);  \
    _Static_assert(_Generic((type)0, float : 0, double : 0, default : 1),                                              \
                   "expected a pointer or an integer, not " #type)

/* A word of any such type, and back. */
#define WEFT_I_WORD(value) ((void *)(uintptr_t)(value))
#define WEFT_I_TYPED(type, word) ((type)(uintptr_t)(word))

/* What all that values are put into and taken from have. The typedef at the end is there to be ended by a semicolon. */
/* clang-format off */
#define WEFT_I_CONTAINER_OF(name, type, structure, put, take)                                                          \
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
    weft_i_typed structure *name##_untyped(name *typed) { return (structure *)(void *)typed; }                         \
    WEFT_NODISCARD weft_i_typed int name##_create(name **out, weft_domain *domain)                                     \
    {                                                                                                                  \
        structure *made = NULL;                                                                                        \
        int error = structure##_create(out ? &made : NULL, domain);                                                    \
        if (out)                                                                                                       \
            *out = (name *)(void *)made;                                                                               \
        return error;                                                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_##put(name *typed, type value)                                              \
    {                                                                                                                  \
        return structure##_##put(name##_untyped(typed), WEFT_I_WORD(value));                                           \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_##take(name *typed, type *value)                                           \
    {                                                                                                                  \
        void *word;                                                                                                    \
        if (!value || !structure##_##take(name##_untyped(typed), &word))                                               \
            return false;                                                                                              \
        *value = WEFT_I_TYPED(type, word);                                                                             \
        return true;                                                                                                   \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_is_empty(name *typed) { return structure##_is_empty(name##_untyped(typed)); }\
    weft_i_typed void name##_destroy(name *typed, void (*drain)(type value, void *ctx), void *ctx)                     \
    {                                                                                                                  \
        name##_i_each call = {drain, ctx};                                                                             \
        structure##_destroy(name##_untyped(typed), drain ? name##_i_call : NULL, &call);                               \
    }                                                                                                                  \
    typedef name name##_i_end
/* clang-format on */

#endif
