/* Memory that the bench and its measuring child share: it tells which implementation is to blame. And interruptions. */
#ifndef BENCH_WATCH_H
#define BENCH_WATCH_H

#include "bench/run/progress.h"
#include "bench/result/rows.h"

#include <stdatomic.h>

enum { BENCH_NOBODY = -1 };
enum { BENCH_MOST_IMPLS = 128 };

typedef struct bench_watch {
    _Atomic(int) running;       /* index in bench_impls of the one that the child is in or was in last; -1: none yet */
    _Atomic(uint64_t) until_ns; /* by when the call must have returned; UINT64_MAX: none is running */
    _Atomic(bool) finished;     /* the child came to the end of its work */
    uint64_t limit_ns;
    bench_progress progress;
    bool failed;                      /* an implementation of ours, or a baseline, gave a wrong result */
    uint64_t words_total, words_ns;   /* of the words counted by one thread, reading included */
    char fault[BENCH_MOST_IMPLS][96]; /* why it is left out from here on; "": it is not */
} bench_watch;

/* NULL: no memory. */
bench_watch *bench_watch_create(void);
void bench_watch_destroy(bench_watch *watch);

/*
 * Around every measurement of an implementation. `ns`: the time that it is meant to take; limit_ns is added for start
 * and end.
 */
void bench_watch_begin(bench_watch *watch, const bench_impl *impl, uint64_t ns);
void bench_watch_end(bench_watch *watch);

/* Why an implementation is left out; "": it is not. */
const char *bench_watch_fault(const bench_watch *watch, const bench_impl *impl);

/* Leaves an implementation out from here on, and says so. */
__attribute__((format(printf, 3, 4))) void bench_leave_out(bench_watch *watch, const bench_impl *impl, const char *why,
                                                           ...);

/* From here on, SIGINT, SIGTERM and SIGHUP are only noted. bench_interrupted: the one that came, 0 none. */
void bench_catch_interrupts(void);
int bench_interrupted(void);

#endif
