/*
 * Out of memory at every allocation of an operation, one after the other: the operation says so and has done
 * nothing, or succeeds because it did not need that memory; with memory back it succeeds; nothing leaks.
 */
#ifndef WEFT_TESTS_UNIT_OOM_H
#define WEFT_TESTS_UNIT_OOM_H

#include "tests/unit/support.h"

typedef struct t_operation {
    const char *name;
    void *(*prepare)(weft_domain *domain);       /* with memory; makes what the operation works on */
    int (*operate)(void *subject);               /* 0 (or above), or -ENOMEM */
    void (*check)(void *subject, bool happened); /* its state is that of before or of after */
    void (*finish)(void *subject);
} t_operation;

/* Under one scheme, each time in a fresh domain; fails unless memory was refused at least `least` times in all. */
void t_out_of_memory(weft_scheme scheme, const t_operation *operation, size_t least);

#endif
