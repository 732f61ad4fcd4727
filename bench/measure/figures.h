/* What one measurement gives. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdint.h>

typedef struct bench_result {
    double mops;
    double least_mops, most_mops; /* of the slowest and the fastest thread */
    uint64_t operations;
    double share;          /* processor time, as a share of the cores that the threads could have had */
    uint64_t empty;        /* takes that said empty although the container could not be empty */
    uint64_t pending_peak; /* stalled: the most objects that were retired and not reclaimed */
    uint64_t pending_end;  /* stalled: those that were left after a flush at the end, the reader still inside */
    char fault[160];       /* "": none */
} bench_result;

#endif
