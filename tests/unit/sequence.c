#include "tests/unit/sequence.h"

enum { QUEUE = false, STACK = true };

#define SEQUENCE(KIND, container, put_it, take_it, unused)                                                             \
    static int container##_create(void **out, weft_domain *domain)                                                     \
    {                                                                                                                  \
        return weft_##container##_create((weft_##container **)out, domain);                                            \
    }                                                                                                                  \
    static int container##_put(void *sequence, void *value)                                                            \
    {                                                                                                                  \
        return weft_##container##_##put_it(sequence, value);                                                           \
    }                                                                                                                  \
    static int container##_put_many(void *sequence, void *const *values, size_t count)                                 \
    {                                                                                                                  \
        return weft_##container##_##put_it##_many(sequence, values, count);                                            \
    }                                                                                                                  \
    static bool container##_try_take(void *sequence, void **value)                                                     \
    {                                                                                                                  \
        return weft_##container##_##take_it(sequence, value);                                                          \
    }                                                                                                                  \
    static bool container##_is_empty(void *sequence)                                                                   \
    {                                                                                                                  \
        return weft_##container##_is_empty(sequence);                                                                  \
    }                                                                                                                  \
    static void container##_destroy(void *sequence, void (*drain)(void *value, void *ctx), void *ctx)                  \
    {                                                                                                                  \
        weft_##container##_destroy(sequence, drain, ctx);                                                              \
    }                                                                                                                  \
    const t_sequence t_##container = {                                                                                 \
        #container,           KIND,                                                                                    \
        container##_create,   container##_put,                                                                         \
        container##_put_many, container##_try_take,                                                                    \
        container##_is_empty, container##_destroy,                                                                     \
    };                                                                                                                 \
    t_case t_##container##_hazard = {WEFT_HAZARD, &t_##container};                                                     \
    t_case t_##container##_epoch = {WEFT_EPOCH, &t_##container};

WEFT_CONTAINERS(SEQUENCE, 0)

void *t_sequence_new(const t_env *env)
{
    const t_sequence *kind = env->what;
    void *sequence = NULL;
    CHECK(kind->create(&sequence, env->domain) == 0);
    CHECK(sequence != NULL);
    return sequence;
}

uintptr_t t_take(const t_sequence *kind, void *sequence)
{
    void *value = NULL;
    CHECK(kind->try_take(sequence, &value));
    return t_int(value);
}
