/* One line on standard error: what is running, how much is done, how long the rest will take. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stdint.h>

typedef struct bench_progress {
    unsigned done, total; /* measurements */
    unsigned kept;        /* those done whose rows are kept */
    uint64_t started_ns, shown_ns;
    int terminal; /* 1: the line is rewritten; 0: a new line now and then; set by the first bench_progress_show */
} bench_progress;

/* Before measurement `done` + 1. */
void bench_progress_show(bench_progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Clears the line before something else is printed. */
void bench_progress_clear(bench_progress *progress);

#endif
