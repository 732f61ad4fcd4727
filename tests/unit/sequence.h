/* Queue and stack behind one table, for tests that hold for both: what goes in comes out once, in a known order. */
#ifndef WEFT_TESTS_UNIT_SEQUENCE_H
#define WEFT_TESTS_UNIT_SEQUENCE_H

#include "tests/unit/support.h"

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

extern const t_sequence t_queue, t_stack;
extern t_case t_queue_hazard, t_queue_epoch, t_stack_hazard, t_stack_epoch;

#define T_SEQUENCES(test)                                                                                              \
    T_CASE(test, "queue, hazard", &t_queue_hazard), T_CASE(test, "queue, epoch", &t_queue_epoch),                      \
        T_CASE(test, "stack, hazard", &t_stack_hazard), T_CASE(test, "stack, epoch", &t_stack_epoch)

/* A fresh sequence of the environment's kind in its domain. */
void *t_sequence_new(const t_env *env);

/* Takes one value, which must be there. */
uintptr_t t_take(const t_sequence *kind, void *sequence);

#endif
