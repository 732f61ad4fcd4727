/* Memory that the bench and its measuring child share, by which it knows who is to blame; and interruptions. */
#ifndef BENCH_WATCH_H
#define BENCH_WATCH_H

#include "bench/run/progress.h"
#include "bench/result/rows.h"

#include <stdatomic.h>

enum { BENCH_NOBODY = -1 };
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

/* From here on, SIGINT, SIGTERM and SIGHUP are only noted. bench_interrupted: the one that came, 0 none. */
void bench_catch_interrupts(void);
int bench_interrupted(void);

#endif
