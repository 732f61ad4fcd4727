/* Points: what is measured in interleaved rounds, and the rows that result. */
#ifndef BENCH_SUITE_H
#define BENCH_SUITE_H

#include "bench/measure/measure.h"
#include "bench/run/options.h"
#include "bench/run/regime.h"
#include "bench/result/rows.h"
#include "bench/run/watch.h"
#include "bench/adapters/words/corpus.h"

/* The driver's own cost in ns per operation, which every figure contains; latency_ns is part of every single time. */
typedef struct bench_driver_cost {
    double container_ns, map_uniform_ns, map_zipf_ns, latency_ns;
    double work_turns_per_ns; /* as calibrated; 0: no --work */
    double
        work_ns[BENCH_MOST]; /* of a queue's or stack's operation with the work after it; in the order of the options */
} bench_driver_cost;

typedef struct bench_suite {
    const bench_options *options;
    bench_rows rows;
    bench_probe probes[BENCH_MOST_PROBES]; /* before and after each family */
    unsigned probe_count;
    bench_watch *watch;
    int rows_to; /* in a child: where finished rows go; else 0 */
    bench_driver_cost cost;
    uint64_t duration_ns;
    bool counting; /* nothing is measured: only progress.total is incremented */
    bool huge_pages;
    uint64_t seed;
    corpus *text; /* words */
} bench_suite;

/* One point: what is measured in interleaved rounds, for all implementations of one family. */
typedef struct bench_point {
    bench_what what;
    bench_family family;
    const bench_workload *workload;
    unsigned threads;
    const bench_impl *const *impls;
    unsigned count;
    unsigned work_ns; /* after each operation */
    bool open;        /* latency: operations are due at a set rate */
    /* maps */
    uint64_t keys;
    unsigned group;        /* as in a row */
    const uint32_t *draws; /* NULL: uniform */
    void *const *objects;  /* one per implementation */
    uint64_t *entries;
} bench_point;

/* How many measurements work(suite, ctx) would make, without the rows that exist already. */
unsigned bench_suite_pending(bench_suite *suite, void (*work)(bench_suite *suite, void *ctx), void *ctx);

/* Measures a point unless it has rows. */
void bench_suite_point(bench_suite *suite, const bench_point *point);

/* The same with each amount of work that was asked for. */
void bench_suite_point_working(bench_suite *suite, bench_point point);

/* Whether the workload means anything for that implementation. */
bool bench_can(const bench_impl *impl, const bench_workload *workload);

/* The family's implementations that were asked for. */
unsigned bench_suite_impls(const bench_suite *suite, bench_family family, const bench_workload *workload,
                           const bench_impl **out);

/* Initialises a row with its point and implementation. */
void bench_suite_name_row(const bench_suite *suite, const bench_point *point, const bench_impl *impl, bench_row *row);

/* A row for each implementation; NULL: the point has its rows already, has no implementation, or is only counted. */
bench_row *bench_suite_begin_point(bench_suite *suite, const bench_point *point);

/* Computes the figures, keeps the rows and frees the array. */
void bench_suite_end_point(bench_suite *suite, const bench_point *point, bench_row *rows);

/* Keeps the rows of a point, and sends them to the parent. */
void bench_suite_keep(bench_suite *suite, const bench_row *rows, unsigned count);

/* Measures implementation i in that round; lowers look->share to the share of the cores that this run had. */
typedef void bench_round_function(bench_suite *suite, void *ctx, unsigned i, unsigned round, bench_look *look);

/*
 * Measures each implementation once in each round, in a new random order. A round with several threads that began in
 * one regime of the machine and ended in another is measured again; at most as many rounds are repeated as there are
 * rounds.
 */
void bench_suite_rounds(bench_suite *suite, bench_row *rows, unsigned count, bench_round_function *measure, void *ctx);

_Noreturn void bench_suite_out_of_memory(void);

/* Prints a wrong result; one of Weft or a baseline makes the bench fail. */
void bench_suite_fault(bench_suite *suite, const bench_row *row);

#endif
