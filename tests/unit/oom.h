/*
 * Out of memory at every allocation of an operation, one after the other. The operation must say so and have done
 * nothing, or succeed because it did not need that memory. With memory back it must succeed. Nothing may leak.
 */
#ifndef WEFT_TESTS_UNIT_OOM_H
#define WEFT_TESTS_UNIT_OOM_H

#include "tests/unit/support.h"

typedef struct t_operation {
    const char *name;
    void *(*prepare)(weft_domain *domain);       /* with memory; makes what the operation works on */
    int (*operate)(void *subject);               /* 0 (or above), or -ENOMEM */
    void (*check)(void *subject, bool happened); /* asserts the state before the operation, or after it */
    void (*finish)(void *subject);
} t_operation;

/* Under one scheme, each time in a fresh domain. Fails unless memory was refused at least `least` times in all. */
void t_out_of_memory(weft_scheme scheme, const t_operation *operation, size_t least);

#endif
