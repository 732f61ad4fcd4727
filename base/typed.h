/*
 * Typed views of the structures, for C. All have one form: WEFT_X_OF(name, type...) declares a type `name` and a static
 * inline function name_VERB for each weft_x_VERB (of queues and stacks except the _many), with your types instead of
 * void *. Use it at file scope, once per name:
 *
 *     WEFT_X_OF(order_queue, struct order *);           // X: a queue; its header has the macro
 *     ...
 *     order_queue *queue;
 *     struct order *order;
 *     if (order_queue_create(&queue, NULL) != 0) ...
 *     if (order_queue_enqueue(queue, order) != 0) ...   // only a struct order * compiles
 *     while (order_queue_try_dequeue(queue, &order)) ...
 *
 * A type is a pointer, or an integer or enumeration no wider than one; where elements are copied, any type. Each
 * function does what the untyped one does (weft_x_enqueue...). The objects are the same: name_untyped(object) is the
 * weft_x * for functions without a typed form. C++ has <weft/weft.hpp> instead.
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

/* The typed functions of a queue or stack. The typedef at the end needs the semicolon that follows the macro's use. */
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

/* The typed functions where elements are objects of any type, which are copied: they are passed by address. */
#define WEFT_I_RING_OF(name, type, structure)                                                                          \
    typedef struct name name;                                                                                          \
    weft_i_typed structure *name##_untyped(name *typed) { return (structure *)(void *)typed; }                         \
    WEFT_NODISCARD weft_i_typed int name##_create(name **out, size_t capacity, unsigned flags)                         \
    {                                                                                                                  \
        structure *made = NULL;                                                                                        \
        int error = structure##_create(out ? &made : NULL, capacity, sizeof(type), flags);                             \
        if (out)                                                                                                       \
            *out = (name *)(void *)made;                                                                               \
        return error;                                                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_try_push(name *typed, type const *element)                                 \
    {                                                                                                                  \
        return structure##_try_push(name##_untyped(typed), element);                                                   \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_try_pop(name *typed, type *element)                                        \
    {                                                                                                                  \
        return structure##_try_pop(name##_untyped(typed), element);                                                    \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed size_t name##_push_many(name *typed, type const *elements, size_t count)               \
    {                                                                                                                  \
        return structure##_push_many(name##_untyped(typed), elements, count);                                          \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed size_t name##_pop_many(name *typed, type *elements, size_t count)                      \
    {                                                                                                                  \
        return structure##_pop_many(name##_untyped(typed), elements, count);                                           \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed size_t name##_size(name *typed) { return structure##_size(name##_untyped(typed)); }    \
    WEFT_NODISCARD weft_i_typed size_t name##_capacity(name *typed)                                                    \
    {                                                                                                                  \
        return structure##_capacity(name##_untyped(typed));                                                            \
    }                                                                                                                  \
    weft_i_typed void name##_destroy(name *typed) { structure##_destroy(name##_untyped(typed)); }                      \
    typedef name name##_i_end
/* clang-format on */

#endif
