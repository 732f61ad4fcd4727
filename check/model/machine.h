/*
 * A controlled machine for code written against the atomics seam. Its logical threads are fibers on one system thread.
 * Each atomic operation, fence, lock, wait and start of a thread is a choice point of a depth-first search.
 *
 * The memory model is repaired C11 (RC11: O. Lahav et al., PLDI 2017): po and rf together are acyclic. It is
 * implemented by views (J. Kang et al., POPL 2017, without promises). Each location has its stores in modification
 * order. Each thread has a view: for each location, the lowest position that the thread may still read. A load reads
 * any store from there on. A store goes behind any store from there on, but never between a read-modify-write and the
 * store that it has read. Release and acquire hand views over; release sequences are those of C++20
 * (read-modify-writes only). seq_cst fences and accesses go through one global view, in the order of execution (C11's
 * S). Where seq_cst and weaker accesses to one location are mixed, some outcomes that RC11 allows are not shown. Load
 * buffering, which C11 allows, is not shown. membarrier(2) is a seq_cst fence between the caller and every other
 * thread.
 *
 * Happens-before is kept by vector clocks. The machine reports plain accesses that race with each other or with atomic
 * ones, a free that does not come after all other threads' accesses, and accesses to freed memory, whatever the values.
 * It sees plain accesses through the compiler's instrumentation for the thread sanitizer (instrument.c). Within an
 * execution the arena gives no memory out twice, unless a case asks for immediate reuse. New memory holds a pattern
 * that is easy to tell from a value.
 *
 * The search is dynamic partial-order reduction with source sets and sleep sets (P. Abdulla et al., POPL 2014). Two
 * steps depend on each other if they access one location and one of them writes, if both go through the global view
 * and one of them is a fence, or if they use one lock. For yields and membarrier see depend() in search.c; m_is_due
 * and calm_since reduce further. There are other searches: without reduction, within bounds, at random, and
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
    bool refused_membarrier; /* setup has it; later calls are refused */
    bool broken_membarrier;  /* it returns and does nothing: a seeded bug */
    bool interrupts;         /* interrupting all threads works as a heavy fence */
    bool reuse;              /* freed memory is given out again at once */
} model_case;

typedef struct model_result model_result;

typedef enum model_search { MODEL_ALL, MODEL_RANDOM, MODEL_PCT } model_search;

typedef struct model_options {
    uint64_t most;   /* executions at most; 0: all. A search at random needs a limit */
    bool quiet;      /* a failure is neither shown nor shortened */
    bool all_orders; /* without reduction: for the machine's own tests */
    bool bounded;    /* at most `switches` switches away from a thread that could go on, and `stale` loads and stores
                        that pass over later stores; without reduction */
    unsigned switches, stale;
    model_search search;
    uint64_t seed;        /* of MODEL_RANDOM and MODEL_PCT */
    unsigned depth;       /* of MODEL_PCT: 2 to 8 */
    const char *schedule; /* NULL, or the one execution to run: the `schedule` of a failure's result */
    void (*progress)(const model_result *so_far); /* every 4096 executions; may be NULL */
} model_options;

struct model_result {
    uint64_t executions, steps, longest; /* longest: steps of one */
    bool complete;                       /* all were explored */
    bool failed;
    bool misfit;         /* the schedule is not one of this case */
    char why[200];       /* why it failed; or the first entry of the schedule that does not fit */
    char schedule[4000]; /* of the failure, where a choice is not the usual one: STEPtTHREAD,STEPsSTORES_PASSED_OVER */
};

void model_explore(const model_case *c, const model_options *options, model_result *out);

/* Within a case: fails the execution unless it holds. */
void model_check(bool condition, const char *what);
#define MODEL_CHECK(condition) model_check((condition), #condition)

void model_outcome(unsigned outcome); /* litmus tests: this execution's outcome, below 64 */
extern uint64_t model_outcomes;

unsigned model_thread(void);           /* 0: the main one */
uint32_t model_clock(unsigned thread); /* how much of that thread's past happens before what the caller does now */

/*
 * In setup: this memory holds statistics, on which no decision depends. An access to it is no choice point, sees the
 * last value, and never races.
 */
void model_figures(const void *from, size_t size);

bool model_is_alone(void); /* setup, or finish */
bool model_is_shown(void); /* an execution is being shown: a case may add to it on standard error */

uint32_t model_tick(void); /* advances the caller's clock, and returns it: all that the caller does later is after it */

/* In setup and finish: runs the body as that thread, with that thread's thread-local data. */
void model_as(unsigned thread, void (*body)(void));
/* Last in a thread: runs the hook of model_key as long as the thread's key is set, four times at most. */
void model_end_thread(void);
/* The same from anywhere in a thread, as pthread_exit does it: the thread ends there. */
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
size_t model_unfreed(size_t but); /* blocks that were not freed; those of `but` bytes do not count */
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
