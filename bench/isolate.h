/*
 * Measuring in a process of its own. What an implementation of another library does there, be it a crash or a loop
 * without end, ends that process and nothing else: the implementation is named, left out from there on, and the rest of
 * the work done in a new one. Nor does one piece of work find the memory of another.
 */
#ifndef BENCH_ISOLATE_H
#define BENCH_ISOLATE_H

#include "bench/progress.h"
#include "bench/rows.h"

#include <stdatomic.h>

typedef struct bench_suite bench_suite;

enum { BENCH_MOST_IMPLS = 128 };

/* Memory that the process and its child share. */
typedef struct bench_watch {
    _Atomic(int) running;       /* index in bench_impls of what the child is in or was in last; -1: nothing yet */
    _Atomic(uint64_t) until_ns; /* by when it must have come out; UINT64_MAX: it is out */
    _Atomic(bool) finished;     /* the child came to the end of its work */
    uint64_t limit_ns;
    bench_progress progress;
    bool failed;                      /* an implementation of ours, or a baseline, gave a wrong result */
    uint64_t words_total, words_ns;   /* words, by one thread alone, reading included */
    char fault[BENCH_MOST_IMPLS][96]; /* why it is left out from here on; "": it is not */
} bench_watch;

/* NULL: no memory. */
bench_watch *bench_watch_create(void);
void bench_watch_destroy(bench_watch *watch);

/* Around every call of an implementation. `ns`: what it is given to do, beyond what any takes to begin and to end. */
void bench_watch_begin(bench_watch *watch, const bench_impl *impl, uint64_t ns);
void bench_watch_end(bench_watch *watch);

/* Why it is left out; "": it is not. */
const char *bench_watch_fault(const bench_watch *watch, const bench_impl *impl);

/* Leaves it out from here on, and says so. */
__attribute__((format(printf, 3, 4))) void bench_leave_out(bench_watch *watch, const bench_impl *impl, const char *why,
                                                           ...);

/*
 * Runs work(suite, ctx) in a child, again and again until one comes to its end. Rows that the child finishes are in suite->rows, of the
 * child from the start and here as soon as they are sent; so work() skips what has rows. Ends early when the user interrupts.
 */
void bench_isolated(bench_suite *suite, void (*work)(bench_suite *suite, void *ctx), void *ctx);

/* From here on, SIGINT, SIGTERM and SIGHUP are only noted. bench_interrupted: the one that came, 0 none. */
void bench_catch_interrupts(void);
int bench_interrupted(void);

#endif
