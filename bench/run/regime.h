/*
 * Virtual machines move their cores: two of them may share a physical core for a while (near), or not (far), and a
 * cache line may be handed over within a chip or across chips. Contended figures differ by 2 to 4 times between these.
 * So a look, on two threads, stands before and after each round. It measures how much private work on one core slows
 * down private work on the other, which depends only on sharing a core; how long a line takes from core to core and
 * back; and the floor (floor-xadd, in pairs). It also measures whether the two threads had the cores to themselves:
 * while other programs run (busy), figures are worth little.
 */
#ifndef BENCH_REGIME_H
#define BENCH_REGIME_H

#include "bench/result/rows.h"

typedef struct bench_look {
    double floor_mops; /* 0: there is only one core */
    double slowdown;   /* of private work, 1: none */
    double round_trip_ns;
    double share; /* of the cores' time that these threads had */
} bench_look;

bench_look bench_look_now(void);

enum { BENCH_MOST_PROBES = 64 };

/* A look before and after a family, in the table and the JSON. */
typedef struct bench_probe {
    bench_family family;
    const char *when; /* "before", "after" */
    bench_look look;
    const char *regime; /* "near", "far"; "": there is only one core */
} bench_probe;

bench_probe bench_probe_now(bench_family family, const char *when);

/* Whether the cores were equally near to each other in both looks. */
bool bench_same_regime(const bench_look *a, const bench_look *b);

/*
 * Sets the row's regime, floor_mops, slowdown and round_trip_ns from the looks. With one thread, regime is only "busy"
 * or empty.
 */
void bench_regime(const bench_look *looks, unsigned count, bench_row *row);

#endif
