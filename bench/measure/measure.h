/* One measurement: makes threads, pins them, warms up, starts them together, stops them, and checks the results. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "bench/measure/figures.h"
#include "bench/measure/histogram.h"
#include "bench/machine/topology.h"
#include "bench/measure/workload.h"

typedef struct bench_measurement {
    const bench_impl *impl;
    const bench_workload *workload;
    unsigned threads;
    uint64_t warm_ns, duration_ns;
    uint64_t seed;
    unsigned work_ns;       /* of private work after each operation */
    bench_histogram *times; /* times of single operations are added here; NULL: they are not timed */
    double rate; /* with times: M operations per second that are due, all threads together; 0: no operation is due */
    /* maps: the caller makes and fills one for many measurements */
    void *object;
    uint64_t range;        /* of keys; fill: inserts half as many */
    const uint32_t *draws; /* NULL: uniform */
    uint64_t *entries;     /* what the map holds, before and after */
} bench_measurement;

/* 0, or -errno: nothing could be measured (no memory, no threads). */
int bench_measure(const bench_measurement *what, bench_result *result);

enum { BENCH_FILL_NS = 20000 }; /* for an insert into the slowest map, about */

/* Inserts `entries` random keys below `range`. False: no memory, or too few inserts succeeded. */
bool bench_fill_map(const bench_impl *impl, void *object, uint64_t entries, uint64_t range, uint64_t seed);

/*
 * Looks up every key below `range`. False, and why in `fault`: entries, size or a value are wrong, or there is no
 * memory.
 */
bool bench_check_map(const bench_impl *impl, void *object, uint64_t entries, uint64_t range, char *fault, size_t size);

#endif
