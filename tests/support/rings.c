#include "tests/support/rings.h"

#define FUNCTIONS(KIND, name, unused)                                                                                  \
    static int name##_create(void **out, size_t capacity, size_t element_size, unsigned flags)                         \
    {                                                                                                                  \
        return weft_##name##_create((weft_##name **)out, capacity, element_size, flags);                               \
    }                                                                                                                  \
    static bool name##_try_push(void *object, const void *element)                                                     \
    {                                                                                                                  \
        return weft_##name##_try_push(object, element);                                                                \
    }                                                                                                                  \
    static bool name##_try_pop(void *object, void *element)                                                            \
    {                                                                                                                  \
        return weft_##name##_try_pop(object, element);                                                                 \
    }                                                                                                                  \
    static size_t name##_push_many(void *object, const void *elements, size_t count)                                   \
    {                                                                                                                  \
        return weft_##name##_push_many(object, elements, count);                                                       \
    }                                                                                                                  \
    static size_t name##_pop_many(void *object, void *elements, size_t count)                                          \
    {                                                                                                                  \
        return weft_##name##_pop_many(object, elements, count);                                                        \
    }                                                                                                                  \
    static size_t name##_size(void *object)                                                                            \
    {                                                                                                                  \
        return weft_##name##_size(object);                                                                             \
    }                                                                                                                  \
    static void name##_destroy(void *object)                                                                           \
    {                                                                                                                  \
        weft_##name##_destroy(object);                                                                                 \
    }

WEFT_RINGS(FUNCTIONS, 0)

#define LISTED(KIND, name, unused)                                                                                     \
    {#name,           name##_create, name##_try_push, name##_try_pop, name##_push_many,                                \
     name##_pop_many, name##_size,   name##_destroy},

const ring rings[RINGS] = {WEFT_RINGS(LISTED, 0)};
