#include "tests/unit/sequence.h"

void *t_sequence_new(const t_env *env)
{
    const container *kind = env->what;
    void *sequence = NULL;
    CHECK(kind->create(&sequence, env->domain) == 0);
    CHECK(sequence != NULL);
    return sequence;
}

uintptr_t t_take(const container *kind, void *sequence)
{
    void *value = NULL;
    CHECK(kind->take(sequence, &value));
    return t_int(value);
}
