/* Weft's structures and domains on the machine: what each thread does, and whether some order explains all answers. */
#ifndef WEFT_TESTS_CASES_KERNELS_H
#define WEFT_TESTS_CASES_KERNELS_H

#include "check/history/check.h"
#include "check/model/machine.h"

enum { KERNEL_THREADS = 4 };

#define CELL NULL /* no structure: a domain, and objects that threads swap */

/* How a case differs from the usual. */
enum {
    FENCES = 1,             /* there is no membarrier */
    REFUSED = 2,            /* membarrier works in setup, and is refused once the threads run */
    ENDS = 4,               /* threads end within the execution: their exit hooks run */
    LATE = 8,               /* threads have no record before they begin */
    REUSE = 16,             /* freed memory is given out again at once */
    RECYCLES = 32,          /* freed nodes go to caches and depots, not to the allocator */
    BROKEN = 64,            /* membarrier returns and does nothing: a seeded bug */
    COUNTED = 128,          /* accesses to counters are choice points, too */
    SLOW = 256,             /* not for ./weft test */
    LARGE = 512,            /* too large to be explored to the end: for searches at random and by priorities */
    WAITS = 1024,           /* scans wait for threads to pass a fence; otherwise they interrupt at once */
    HASTY = 2048,           /* the same, but only for one retirement */
    ONE = 4096,             /* a ring of capacity 1, instead of 2 */
    STAMPED = 8192,         /* weft_spsc with stamps */
    CLAIMED = 16384,        /* weft_ring: all spare slots are claimed by threads that never go on */
    ONE_PRODUCER = 1 << 15, /* weft_ring with that flag */
    ONE_CONSUMER = 1 << 16
};

typedef struct kernel_case {
    const char *name;
    const char *structure; /* its name in structures.def, or CELL */
    bool epochs;
    unsigned flags;
    unsigned before;                   /* values put in by setup: 1, 2, ... */
    const char *does[KERNEL_THREADS];  /* names of operations (operations.h), with commas between them */
    uint64_t executions;               /* of the whole search; 0: not explored to the end */
    const char *first[KERNEL_THREADS]; /* what each does in setup, alone */
} kernel_case;

extern const kernel_case kernel_cases[];
extern const size_t kernel_case_count;
const kernel_case *kernel_case_named(const char *name); /* NULL: none */

/* The case must not lie in writable static data, which the machine restores before each execution. */
void kernel_run(const kernel_case *c, const model_options *options, model_result *out);

/* Named orders: as shipped, or with one of them weakened. */
typedef struct kernel_order {
    const char *name;
    int order;
} kernel_order;
extern const kernel_order kernel_orders[];
extern const size_t kernel_order_count;
size_t kernel_order_named(const char *name); /* kernel_order_count: none */
void kernel_orders_reset(void);
void kernel_order_set(size_t which, int order);
void kernel_uses(const kernel_case *c, bool *used); /* per order: whether threads use it in some of 600 executions */

void kernel_list_operations(void); /* prints the operations that cases are made of */

/* ---- private: between kernels.c and operations.c ---- */

/* Parses what the threads of a case do; aborts if its structure does not have an operation. */
void kernel_parse(const kernel_case *c);

const kernel_case *kernel_running(void);
void kernel_set_up(void);
void kernel_do_all(void);
void kernel_take_down(void); /* empties the structure, and checks that nothing is left */

#endif
