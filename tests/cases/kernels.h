/* Weft's structures and domains on the machine: what each thread does, and whether an order of it all explains what they got. */
#ifndef WEFT_TESTS_CASES_KERNELS_H
#define WEFT_TESTS_CASES_KERNELS_H

#include "check/history/check.h"
#include "check/model/machine.h"

enum { KERNEL_THREADS = 4 };

#define CELL NULL /* no structure: a domain, and objects that threads swap */

/* How a case differs from the usual. */
enum {
    FENCES = 1,    /* there is no membarrier */
    REFUSED = 2,   /* there is one until the threads run */
    ENDS = 4,      /* threads' exit hooks run inside, too */
    LATE = 8,      /* threads have no record before they begin */
    REUSE = 16,    /* freed memory is given out at once */
    RECYCLES = 32, /* nodes come back by caches and depots, not by the allocator */
    BROKEN = 64,   /* membarrier returns and does nothing: a seeded bug */
    COUNTED = 128, /* counters are choice points as all else is */
    SLOW = 256,    /* not for ./weft test */
    LARGE = 512,   /* too large to be explored to the end: for chance and priorities */
    WAITS = 1024,  /* scans wait for threads to come by; else they interrupt at once */
    HASTY = 2048   /* the same, for one retirement */
};

typedef struct kernel_case {
    const char *name;
    const char *structure; /* by its name in structures.def; or CELL */
    bool epochs;
    unsigned flags;
    unsigned before;                   /* values put in by setup: 1, 2, ... */
    const char *does[KERNEL_THREADS];  /* operations by their names (operations.h), with commas between them */
    uint64_t executions;               /* that it takes; 0: not explored to the end */
    const char *first[KERNEL_THREADS]; /* what each does in setup, alone */
} kernel_case;

extern const kernel_case kernel_cases[];
extern const size_t kernel_case_count;
const kernel_case *kernel_case_named(const char *name); /* NULL: none */

/* The case must not lie in static data that changes, which the machine puts back. */
void kernel_run(const kernel_case *c, const model_options *options, model_result *out);

/* Named orders: as shipped, or one of them weaker. */
typedef struct kernel_order {
    const char *name;
    int order;
} kernel_order;
extern const kernel_order kernel_orders[];
extern const size_t kernel_order_count;
size_t kernel_order_named(const char *name); /* kernel_order_count: none */
void kernel_orders_reset(void);
void kernel_order_set(size_t which, int order);
void kernel_uses(const kernel_case *c, bool *used); /* per order: in some of 600 executions, while threads run */

void kernel_list_operations(void); /* prints what cases are made of */

/* ---- private: between kernels.c and operations.c ---- */

/* Reads what the threads of a case do; ends the program where a case names an operation that its structure has not. */
void kernel_parse(const kernel_case *c);

const lin_spec *structure_spec(void); /* of the case that runs */

const kernel_case *kernel_running(void);
void kernel_set_up(void);
void kernel_do_all(void);
void kernel_take_down(void); /* empties the structure, and checks that nothing is left */

#endif
