/* The threads of one measurement, and the phases they go through together. */
#ifndef BENCH_TEAM_H
#define BENCH_TEAM_H

#include "bench/measure/figures.h"
#include "bench/measure/worker.h"

#include <pthread.h>

enum bench_phase { BENCH_IDLE, BENCH_WARM, BENCH_WARMED, BENCH_MEASURED, BENCH_STOPPED, BENCH_FLUSH, BENCH_END };

typedef struct bench_team {
    bench_control control;
    pthread_t *ids;
    unsigned started;
    bool warm; /* a phase of warming up comes first */
    uint64_t started_ns, stopped_ns;
    int error; /* the first of the workers' */
} bench_team;

/* Makes the workers; the caller fills them in before bench_team_start. 0 or -ENOMEM. */
int bench_team_create(bench_team *team, unsigned threads);
void bench_team_destroy(bench_team *team);

/* Starts the threads; each calls thread_begin, and waits. 0, or -errno: all threads have ended again. */
int bench_team_start(bench_team *team);

/* Lets the threads run for these times; started_ns and stopped_ns are the ends of the measured time. */
void bench_team_run(bench_team *team, uint64_t warm_ns, uint64_t duration_ns);

/* Lets the threads run until each has done its fixed amount. */
void bench_team_finish(bench_team *team);

/* Each thread calls flush (reclaim). */
void bench_team_flush(bench_team *team);

/* Each thread calls thread_end and ends. */
void bench_team_join(bench_team *team);

/*
 * Adds the operations of the measured phase, in all and per thread, and the share of the cores. After bench_team_join.
 */
void bench_team_count(const bench_team *team, bench_result *result);

#endif
