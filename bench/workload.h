/* The workloads by name. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "bench/adapter.h"

typedef enum bench_kind {
    BENCH_MIXED,        /* every thread puts and takes, `burst` at a time */
    BENCH_ONE_TO_ONE,   /* half of the threads put, the others take */
    BENCH_ONE_TO_THREE, /* a quarter of the threads put, the others take */
    BENCH_ONE_TO_MANY,  /* one thread puts, the others take */
    BENCH_MANY_TO_ONE,  /* one thread takes, the others put */
    BENCH_LOOKUPS,      /* map: shares of get, insert and remove */
    BENCH_SECTIONS,     /* reclaim: enter and leave, with a protected read or without */
    BENCH_STALLED,      /* reclaim: retire while one more thread stays inside */
    BENCH_PROGRAM       /* words */
} bench_kind;

typedef struct bench_workload {
    const char *name;
    bench_kind kind;
    unsigned families;    /* 1 << bench_family */
    unsigned least;       /* threads */
    unsigned burst;
    unsigned get_share, insert_share;
    bool read;
} bench_workload;

enum { BENCH_PREFILL = 1000, BENCH_RETIREMENTS = 200000 };

/* Ended by a NULL name. */
extern const bench_workload bench_workloads[];
extern const char *const bench_family_names[BENCH_FAMILIES];

const bench_workload *bench_workload_named(const char *name, bench_family family);

#endif
