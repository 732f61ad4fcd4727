/* Containers behind one table, for tests that hold for all: what goes in comes out once, in a known order. */
#ifndef WEFT_TESTS_UNIT_SEQUENCE_H
#define WEFT_TESTS_UNIT_SEQUENCE_H

#include "tests/unit/support.h"

#include "structures.def"

typedef struct t_sequence {
    const char *name;
    bool lifo;
    int (*create)(void **out, weft_domain *domain);
    int (*put)(void *sequence, void *value);
    int (*put_many)(void *sequence, void *const *values, size_t count);
    bool (*try_take)(void *sequence, void **value);
    bool (*is_empty)(void *sequence);
    void (*destroy)(void *sequence, void (*drain)(void *value, void *ctx), void *ctx);
} t_sequence;

/* t_msq, and t_msq_hazard and t_msq_epoch for a test's table, and so on. */
#define T_DECLARE_SEQUENCE(KIND, container, put_it, take_it, unused)                                                   \
    extern const t_sequence t_##container;                                                                             \
    extern t_case t_##container##_hazard, t_##container##_epoch;
WEFT_CONTAINERS(T_DECLARE_SEQUENCE, 0)

/* The test for each of them under each scheme. */
#define T_SEQUENCES(test) WEFT_CONTAINERS_BETWEEN(WEFT_COMMA, T_SEQUENCE_CASES, test)
#define T_SEQUENCE_CASES(KIND, container, put_it, take_it, test)                                                       \
    T_CASE(test, #container ", hazard", &t_##container##_hazard),                                                      \
        T_CASE(test, #container ", epoch", &t_##container##_epoch)

/* A fresh sequence of the environment's kind in its domain. */
void *t_sequence_new(const t_env *env);

/* Takes one value, which must be there. */
uintptr_t t_take(const t_sequence *kind, void *sequence);

#endif
