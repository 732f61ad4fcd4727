/* What was measured: one row per implementation and point. Plain data, so that a child process can hand it over. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "bench/adapter.h"
#include "bench/statistics.h"

#include <stdio.h>

enum { BENCH_MOST_ROUNDS = 100 };

typedef struct bench_row {
    /* the point */
    bench_family family;
    char workload[16];
    uint64_t keys;         /* maps; else 0 */
    char distribution[12]; /* maps; else "" */
    bool huge_pages;
    unsigned threads;
    bool crowded;          /* more threads than cores */
    char regime[8];        /* "near", "far", "mixed"; "busy": other programs ran; "": one thread, or one core */
    double floor_mops;     /* regime.h: medians over the rounds; 0: none */
    double slowdown;
    /* who */
    char implementation[24];
    char scheme[12];       /* "": none */
    bench_role role;
    /* what */
    unsigned rounds, repeated; /* repeated: the machine changed its regime meanwhile */
    double mops[BENCH_MOST_ROUNDS];
    bench_interval speed;
    double mops_min, mops_max;
    double ns_median;      /* reclaim; else 0 */
    bench_interval to_mutex, to_best_peer; /* ratios round by round; 0: there is none */
    char best_peer[24];                    /* by its median */
    bool stalled;
    uint64_t pending_peak, pending_end;
    bool latency;
    double p50_ns, p90_ns, p99_ns, p999_ns, p9999_ns, max_ns;
    uint64_t empty;        /* false answers of a peer with that fault */
    uint64_t words_total, words_distinct;
    char fault[160];       /* "": none */
} bench_row;

typedef struct bench_rows {
    bench_row *row;
    size_t count, room;
} bench_rows;

/* Appends a copy. False: no memory. */
bool bench_rows_add(bench_rows *rows, const bench_row *row);

/* All rows of rows->row[first...] that share the point of that one stand together: one past the last of them. */
size_t bench_rows_point_end(const bench_rows *rows, size_t first);

/* Fills the ratios of the rows from `first` to the end, which are one point. */
void bench_rows_ratios(bench_rows *rows, size_t first);

bool bench_rows_write(const bench_rows *rows, size_t first, FILE *file);
bool bench_rows_read(bench_rows *rows, FILE *file);

#endif
