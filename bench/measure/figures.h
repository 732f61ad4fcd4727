/* What one measurement gives. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdint.h>

typedef struct bench_result {
    double mops;
    double least_mops, most_mops; /* of a thread */
    uint64_t operations;
    double share;          /* of the cores it could have had, by processor time */
    uint64_t empty;        /* takes that said empty when it cannot have been */
    uint64_t pending_peak; /* stalled: most that were retired and not reclaimed */
    uint64_t pending_end;  /* stalled: what was left when all was retired, after a flush, the reader still inside */
    char fault[160];       /* "": what came out is what went in */
} bench_result;

#endif
