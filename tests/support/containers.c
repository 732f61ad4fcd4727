#include "tests/support/containers.h"

enum { QUEUE = false, STACK = true };

#define FUNCTIONS(KIND, name, put_it, take_it, unused)                                                                 \
    static int name##_create(void **out, weft_domain *domain)                                                          \
    {                                                                                                                  \
        return weft_##name##_create((weft_##name **)out, domain);                                                      \
    }                                                                                                                  \
    static int name##_put(void *object, void *value)                                                                   \
    {                                                                                                                  \
        return weft_##name##_##put_it(object, value);                                                                  \
    }                                                                                                                  \
    static int name##_put_many(void *object, void *const *values, size_t count)                                        \
    {                                                                                                                  \
        return weft_##name##_##put_it##_many(object, values, count);                                                   \
    }                                                                                                                  \
    static bool name##_take(void *object, void **value)                                                                \
    {                                                                                                                  \
        return weft_##name##_##take_it(object, value);                                                                 \
    }                                                                                                                  \
    static bool name##_is_empty(void *object)                                                                          \
    {                                                                                                                  \
        return weft_##name##_is_empty(object);                                                                         \
    }                                                                                                                  \
    static void name##_destroy(void *object, void (*drain)(void *value, void *ctx), void *ctx)                         \
    {                                                                                                                  \
        weft_##name##_destroy(object, drain, ctx);                                                                     \
    }

WEFT_CONTAINERS(FUNCTIONS, 0)

#define LISTED(KIND, name, put, take, unused)                                                                          \
    {                                                                                                                  \
#name, KIND, name##_create, name##_put, name##_put_many, name##_take, name##_is_empty, name##_destroy          \
    }

const container containers[CONTAINERS] = {WEFT_CONTAINERS_BETWEEN(WEFT_COMMA, LISTED, 0)};
