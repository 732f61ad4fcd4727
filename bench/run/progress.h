/* What runs, how far it is, how long it will take: one line on standard error. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stdint.h>

typedef struct bench_progress {
    unsigned done, total; /* measurements */
    unsigned kept;        /* of those done, what has rows */
    uint64_t started_ns, shown_ns;
    int terminal; /* 1: the line is rewritten; 0: a new one, now and then; -1: not known yet */
} bench_progress;

/* Before measurement `done` + 1. */
void bench_progress_show(bench_progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes the line away before something else is printed. */
void bench_progress_clear(bench_progress *progress);

#endif
