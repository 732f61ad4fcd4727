/*
 * A controlled machine for code written against the atomics seam: logical threads are fibers on one thread of the
 * system, and each atomic operation, fence, lock, start and join is a choice point of a depth-first search.
 *
 * Memory is that of the repaired C11 model (RC11: O. Lahav et al., PLDI 2017) as far as po and rf together are acyclic,
 * in the form of views (J. Kang et al., POPL 2017, without promises). Each location has its stores in modification
 * order; each thread has a view, the least position that it may still read at each location. A load reads any store from
 * there on; a store goes to any place from there on that does not part a read-modify-write from what it read. Release
 * and acquire hand views over; release sequences are those of C++20 (read-modify-writes only). seq_cst fences and accesses
 * go through one global view, in the order of execution (C11's S: of what RC11 allows where seq_cst and weaker accesses of one
 * location are mixed, some is not shown; nor is load buffering). membarrier(2) is a seq_cst fence in every thread.
 *
 * Happens-before is kept by vector clocks: plain accesses that race, with each other or with atomic ones, memory that is
 * freed while another thread's access to it is not ordered before, and uses after that are reported, whatever the
 * values. Plain accesses come from the compiler's instrumentation for thread sanitizers, whose functions are the machine's
 * here. Memory comes from an arena that is never used twice within an execution (or at once, where a case says so),
 * filled with a pattern that nobody mistakes for a value.
 *
 * The search: dynamic partial-order reduction with source sets and sleep sets (P. Abdulla et al., POPL 2014). Two steps depend on
 * each other if they touch one location and one of them writes, if both go through the global view, or one lock. What
 * else need not be shown twice: see m_is_due and calm_since. Instead: without reduction, within bounds, at random, or by
 * probabilistic concurrency testing (PCT: S. Burckhardt et al., ASPLOS 2010).
 */
#ifndef WEFT_CHECK_MODEL_MACHINE_H
#define WEFT_CHECK_MODEL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_THREADS = 6 };

typedef struct model_case {
    const char *name;
    unsigned threads;    /* beside the main one */
    void (*setup)(void); /* the main thread, alone; may be NULL */
    void (*thread[MODEL_THREADS - 1])(void);
    void (*finish)(void); /* the main thread, after all have ended; checks; may be NULL */
    bool no_membarrier;
    bool refused_membarrier; /* there is one in setup, and none after it */
    bool broken_membarrier;  /* it returns and does nothing: a seeded bug */
    bool interrupts;         /* refused, there is another way */
    bool reuse;              /* what is freed is given out again at once */
} model_case;

typedef struct model_result model_result;

typedef enum model_search { MODEL_ALL, MODEL_RANDOM, MODEL_PCT } model_search;

typedef struct model_options {
    uint64_t most;   /* executions; 0: all; at random there must be a limit */
    bool quiet;      /* a failure is not shown, and not made shorter */
    bool all_orders; /* without reduction: for the machine's own tests */
    bool bounded;    /* at most so many switches away from a thread that could go on, and loads and stores that pass
                        over later stores; without reduction */
    unsigned switches, stale;
    model_search search;
    uint64_t seed;        /* of MODEL_RANDOM and MODEL_PCT */
    unsigned depth;       /* of MODEL_PCT: 2 to 8 */
    const char *schedule; /* NULL, or the one execution to run, as a failure's result names it */
    void (*progress)(const model_result *so_far); /* every 4096 executions; may be NULL */
} model_options;

struct model_result {
    uint64_t executions, steps, longest; /* longest: steps of one */
    bool complete;                       /* all were explored */
    bool failed;
    bool misfit;         /* the schedule is not one of this case */
    char why[200];       /* it failed; or the first entry of the schedule that does not fit */
    char schedule[4000]; /* of the failure: STEP:tTHREAD, STEP:sSTORES (passed over) where it is not the usual */
};

void model_explore(const model_case *c, const model_options *options, model_result *out);

/* Within a case: fails the execution unless it holds. */
void model_check(bool condition, const char *what);
#define MODEL_CHECK(condition) model_check((condition), #condition)

void model_outcome(unsigned outcome); /* litmus tests: what this execution has shown, below 64 */
extern uint64_t model_outcomes;

unsigned model_thread(void);           /* 0: the main one */
uint32_t model_clock(unsigned thread); /* how much of that thread's past happens before what the caller does now */

/* In setup: what lies there is only counted, and decides nothing: no choice points, the last value is read. */
void model_figures(const void *from, size_t size);

bool model_is_alone(void); /* setup, or finish */
bool model_is_shown(void); /* the failure is being shown: a case may add to it on standard error */

uint32_t model_tick(void); /* a point in the caller's past that what it does from now on comes after */

/* In setup and finish: as that thread, whose thread-local data are then its own. */
void model_as(unsigned thread, void (*body)(void));
/* In a thread, last: runs the hook that model_key was given, as long as the thread has set its key, four times at most. */
void model_end_thread(void);
/* The same from anywhere in a thread, as pthread_exit does it: nothing comes after. */
void model_exit_thread(void) __attribute__((noreturn));

/* ---- what the seam calls; order: a memory_order's number ---- */

enum { MODEL_RELAXED, MODEL_ACQUIRE, MODEL_RELEASE, MODEL_ACQ_REL, MODEL_SEQ_CST };
const char *model_order_name(int order);

uint64_t model_load(const void *where, size_t size, int order, const char *file, int line);
void model_store(void *where, size_t size, uint64_t value, int order, const char *file, int line);
typedef enum model_rmw_kind { MODEL_ADD, MODEL_OR, MODEL_EXCHANGE } model_rmw_kind;
uint64_t model_rmw(void *where, size_t size, model_rmw_kind kind, uint64_t operand, int order, const char *file,
                   int line);
bool model_cas(void *where, size_t size, uint64_t *expected, uint64_t desired, int success, int failure,
               const char *file, int line);
void model_fence(int order, const char *file, int line);
void model_plain(const void *where, size_t size, bool write, const char *file, int line);
void *model_alloc(size_t size, size_t alignment);
void model_free(void *memory);
size_t model_unfreed(size_t but); /* blocks that nobody has freed; those of `but` bytes do not count */
void model_lock(void *mutex);
bool model_trylock(void *mutex);
void model_unlock(void *mutex);
void model_yield(void);
bool model_has_membarrier(void);
bool model_membarrier(void); /* false: refused */
bool model_interrupt_all(void);
int model_key(void (*hook)(void *value));
int model_set_key(void *value);

#endif
