/* Tests that hold for all containers. */
#ifndef WEFT_TESTS_UNIT_SEQUENCE_H
#define WEFT_TESTS_UNIT_SEQUENCE_H

#include "tests/unit/support.h"

#include "tests/support/containers.h"

/* The test for each container under each scheme, or for one. */
#define T_SEQUENCES(test) WEFT_CONTAINERS_BETWEEN(WEFT_COMMA, T_SEQUENCE_CASES, test)
#define T_SEQUENCE_CASES(KIND, name, put_it, take_it, test) T_SEQUENCE(test, name)
#define T_SEQUENCE(test, name)                                                                                         \
    T_CASE(test, #name ", hazard", (&(t_case){WEFT_HAZARD, &containers[CONTAINER_##name]})),                           \
        T_CASE(test, #name ", epoch", (&(t_case){WEFT_EPOCH, &containers[CONTAINER_##name]}))

/* A fresh container of the environment's kind in its domain. */
void *t_sequence_new(const t_env *env);

/* Takes one value, which must be there. */
uintptr_t t_take(const container *kind, void *sequence);

#endif
