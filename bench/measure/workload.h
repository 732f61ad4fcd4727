/* The workloads by name. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "bench/measure/adapter.h"

typedef enum bench_kind {
    BENCH_MIXED,        /* every thread puts and takes, `burst` at a time */
    BENCH_ONE_TO_ONE,   /* half of the threads put, the others take */
    BENCH_ONE_TO_THREE, /* a quarter of the threads put, the others take */
    BENCH_ONE_TO_MANY,  /* one thread puts, the others take */
    BENCH_MANY_TO_ONE,  /* one thread takes, the others put */
    BENCH_OWNER,        /* one thread puts and takes, the others steal, a microsecond after each try */
    BENCH_ROUND_TRIP,   /* one thread sends by one queue, the other replies by a second: times only */
    BENCH_LOOKUPS,      /* map: shares of get, insert and remove */
    BENCH_FILL,         /* map: inserts into a new one */
    BENCH_SECTIONS,     /* reclaim: enter and leave, with a protected read or without */
    BENCH_STALLED,      /* reclaim: retire while one more thread stays inside */
    BENCH_PROGRAM       /* words */
} bench_kind;

typedef struct bench_workload {
    const char *name;
    bench_kind kind;
    unsigned families;    /* 1 << bench_family */
    unsigned least, most; /* threads; most 0: any number */
    unsigned burst;
    unsigned get_share, insert_share;
    bool read;
} bench_workload;

enum { BENCH_PREFILL = 1000, BENCH_RETIREMENTS = 200000 };

/* Ended by a NULL name. */
extern const bench_workload bench_workloads[];
extern const char *const bench_family_names[BENCH_FAMILIES];

/* Whether the workload can run on so many threads, and whether its threads can work between operations (--work). */
bool bench_workload_fits(const bench_workload *workload, unsigned threads);
bool bench_workload_works(const bench_workload *workload);

const bench_workload *bench_workload_named(const char *name, bench_family family);

#endif
