/*
 * Virtual machines move their cores about: two of them may share a physical core for a while (near), or not (far), and a
 * line may be handed over within a chip or across chips; contended figures differ by 2 to 4 times between those. So each
 * round of a contended point begins with a look, on two threads: how much private work slows down beside other private
 * work, which depends on nothing but sharing a core; what a line takes from core to core and back; and the floor
 * (floor-xadd, in pairs). And whether the two threads had the cores to themselves: when other programs run beside the
 * bench (busy), its figures are worth little.
 */
#ifndef BENCH_REGIME_H
#define BENCH_REGIME_H

#include "bench/result/rows.h"

typedef struct bench_look {
    double floor_mops; /* 0: there is but one core */
    double slowdown;   /* of private work, 1: none */
    double round_trip_ns;
    double share; /* of the cores that these threads had */
} bench_look;

bench_look bench_look_now(void);

enum { BENCH_MOST_PROBES = 64 };

/* A look before and after a family, in the table and the JSON. */
typedef struct bench_probe {
    bench_family family;
    const char *when; /* "before", "after" */
    bench_look look;
    const char *regime; /* "near", "far"; "": there is but one core */
} bench_probe;

bench_probe bench_probe_now(bench_family family, const char *when);

/* Whether the cores were as near to one another at both. */
bool bench_same_regime(const bench_look *a, const bench_look *b);

/* What a point's rounds have seen: row->regime, floor_mops, slowdown, round_trip_ns. With one thread only whether it was busy. */
void bench_regime(const bench_look *looks, unsigned count, bench_row *row);

#endif
