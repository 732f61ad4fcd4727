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
    _Static_assert(_Generic((type)0, float: 0, double: 0, default: 1), "expected a pointer or an integer, not " #type)

/* A word of any such type, and back. */
#define WEFT_I_WORD(value) ((void *)(uintptr_t)(value))
#define WEFT_I_TYPED(type, word) ((type)(uintptr_t)(word))

/* A user's function of one typed value, called by one of an untyped value. */
#define WEFT_I_TYPED_EACH(name, type)                                                                                  \
    typedef struct name##_i_each {                                                                                     \
        void (*function)(type value, void *ctx);                                                                       \
        void *ctx;                                                                                                     \
    } name##_i_each;                                                                                                   \
    weft_i_typed void name##_i_call(void *value, void *each)                                                           \
    {                                                                                                                  \
        ((name##_i_each *)each)->function(WEFT_I_TYPED(type, value), ((name##_i_each *)each)->ctx);                    \
    }

#endif
