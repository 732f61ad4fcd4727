/*
 * What was measured: one row per implementation and point. Plain data except the histogram, so that a child can send
 * it.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "bench/measure/adapter.h"
#include "bench/measure/histogram.h"
#include "bench/measure/statistics.h"

enum { BENCH_MOST_ROUNDS = 100 };

/* What a row contains; each kind is measured in separate runs. */
typedef enum bench_what { BENCH_SPEED, BENCH_LATENCY, BENCH_MEMORY, BENCH_WHATS } bench_what;

typedef struct bench_row {
    bench_what what;
    /* the point */
    bench_family family;
    char workload[16];
    uint64_t keys;         /* maps; else 0 */
    char distribution[12]; /* maps; else "" */
    bool huge_pages;
    unsigned group; /* if all maps do not fit into memory together: the part of them, from 1; else 0 */
    unsigned threads;
    unsigned work_ns;  /* private work after each operation */
    bool open;         /* latency: operations are due at set times, at `rate`; else each begins when the last ended */
    bool crowded;      /* more threads than cores */
    char regime[8];    /* "near", "far", "mixed"; "busy": other programs ran; "": one thread, or one core */
    double floor_mops; /* regime.h: medians over the rounds; 0: none */
    double slowdown, round_trip_ns;
    /* who */
    char implementation[24];
    char scheme[12]; /* "": none */
    bench_role role;
    /* speed */
    unsigned rounds, repeated; /* rounds: 0 with a fault; repeated: those in which the machine changed its regime */
    double mops[BENCH_MOST_ROUNDS];
    double least[BENCH_MOST_ROUNDS], most[BENCH_MOST_ROUNDS]; /* of the slowest and fastest thread */
    bench_interval speed;
    double mops_min, mops_max, thread_least, thread_most; /* thread_*: medians of least and most */
    double ns_median;                                     /* reclaim; else 0 */
    bench_interval to_mutex, to_best_peer;                /* ratios round by round; 0: there is none */
    char best_peer[24];                                   /* by the median */
    bool stalled;
    uint64_t pending_peak, pending_end;
    uint64_t words_total, words_distinct;
    /* latency */
    double rate;                /* open: M operations per second that were due, all threads together */
    bench_histogram *histogram; /* the rows' own; NULL: none */
    double p50_ns, p90_ns, p99_ns, p999_ns, p9999_ns, max_ns;
    /* memory: bytes that the allocator has given out (rss: that the process has), less those at the start */
    uint64_t elements; /* held at rest */
    double bytes_per_element, rss_per_element;
    uint64_t bytes_emptied;                    /* when all elements have been taken out again */
    uint64_t bytes_peak, bytes_left, rss_peak; /* under load (reclaim: stalled), and when the object was destroyed */
    /* what is wrong */
    uint64_t empty;  /* takes of a peer that said empty when it was not */
    char fault[160]; /* "": none; else the row has no figures */
} bench_row;

typedef struct bench_rows {
    bench_row *row;
    size_t count, room;
} bench_rows;

/* The displayed name of an implementation: its name, and its scheme if it has one (NULL and "": none). */
typedef struct bench_label {
    char text[48];
} bench_label;

bench_label bench_label_of(const char *name, const char *scheme);

/* Appends a copy, which takes over the histogram. False: no memory. */
bool bench_rows_add(bench_rows *rows, const bench_row *row);
void bench_rows_free(bench_rows *rows);

/* One past the last row that has the point of rows->row[first]; rows of one point stand together. */
size_t bench_rows_point_end(const bench_rows *rows, size_t first);
bool bench_rows_same_point(const bench_row *a, const bench_row *b);

/* Whether there are rows of `point`, of `impl` only unless it is NULL; and whether `impl` has any rows. */
bool bench_rows_have_point(const bench_rows *rows, const bench_row *point, const bench_impl *impl);
bool bench_rows_have(const bench_rows *rows, const bench_impl *impl);

/* Computes the ratios of the rows from `first` to the end, which must be those of one point. */
void bench_rows_ratios(bench_rows *rows, size_t first);

/*
 * Sends the rows from `first` on to another process; receives them whole or not at all. False: cannot be written, or
 * has ended.
 */
bool bench_rows_send(const bench_rows *rows, size_t first, int file);
bool bench_rows_receive(bench_rows *rows, int file);

#endif
