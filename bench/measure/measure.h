/* One measurement: threads made, pinned, warmed up, started together, stopped, and what they moved checked. */
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
    bench_histogram *times; /* single operations are timed and added here; NULL: they are not */
    double rate; /* with times: M operations per second that are due, all threads together; 0: at their own pace */
    /* maps: made and filled by the caller, and used again and again */
    void *object;
    uint64_t range;
    const uint32_t *draws; /* NULL: uniform */
    uint64_t *entries;     /* what the map holds, before and after */
} bench_measurement;

/* 0, or -errno when it could not be measured at all (no memory, no threads). */
int bench_measure(const bench_measurement *what, bench_result *result);

/* A thread handle's life around one action of the calling thread, for filling and checking. False: no memory. */
bool bench_fill_map(const bench_impl *impl, void *object, uint64_t entries, uint64_t range, uint64_t seed);

/* Looks every key below `range` up. False, and why in `fault`: the map is not what `entries` says. */
bool bench_check_map(const bench_impl *impl, void *object, uint64_t entries, uint64_t range, char *fault, size_t size);

#endif
