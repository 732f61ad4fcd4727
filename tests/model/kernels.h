/* Weft's structures on the machine: what each thread does, and whether an order of it all explains what they got. */
#ifndef WEFT_TESTS_MODEL_KERNELS_H
#define WEFT_TESTS_MODEL_KERNELS_H

#include "tests/linear/check.h"
#include "tests/model/machine.h"

enum { KERNEL_THREADS = 3, KERNEL_OPERATIONS = 4 };

typedef struct kernel_case {
    const char *name;
    lin_type type;
    bool epochs, no_membarrier;
    bool ends;              /* threads' exit hooks run inside, too */
    unsigned threads;
    unsigned before;        /* values put in by setup */
    const char *does[KERNEL_THREADS]; /* a letter each: + put, - take; of maps: i insert, r remove, g get, with a digit, the key */
    uint64_t executions;    /* that it takes */
    bool broken_membarrier; /* a seeded bug */
} kernel_case;

extern const kernel_case kernel_cases[];
extern const size_t kernel_case_count;

void kernel_run(const kernel_case *c, const model_options *options, model_result *out);

/* Named orders: as shipped, or one of them weaker. */
typedef struct kernel_order {
    const char *name;
    int order;
} kernel_order;
extern const kernel_order kernel_orders[];
extern const size_t kernel_order_count;
void kernel_orders_reset(void);
void kernel_order_set(size_t which, int order);

#endif
