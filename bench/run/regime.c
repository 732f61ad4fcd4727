#include "bench/run/regime.h"

#include "bench/measure/measure.h"
#include "bench/adapters/null.h"

#include <stddef.h>
#include <string.h>

#define MS UINT64_C(1000000)

extern const bench_impl bench_floor_queue;

/* Sharing a core costs private loops 1.2 to 1.9; separate cores show 0.97 to 1.05. */
static const double shared_slowdown = 1.12;

/* A smaller share of two cores: other programs were running. */
static const double own_share = 0.85;

static double pairs(const bench_impl *impl, unsigned threads, uint64_t ns, double *share)
{
    bench_measurement what = {.impl = impl,
                              .workload = bench_workload_named("pairs", BENCH_QUEUE),
                              .threads = threads,
                              .warm_ns = MS / 2,
                              .duration_ns = ns};
    bench_result result;
    if (bench_measure(&what, &result) != 0)
        return 0;
    *share += result.share / 2;
    return result.mops;
}

bench_look bench_look_now(void)
{
    bench_look look = {0};
    if (bench_cores() < 2)
        return look;
    double ignored = 0;
    look.floor_mops = pairs(&bench_floor_queue, 2, 5 * MS, &look.share);
    double together = pairs(&bench_private, 2, 2 * MS, &look.share) / 2;
    double alone = pairs(&bench_private, 1, 2 * MS, &ignored);
    look.slowdown = together > 0 ? alone / together : 0;
    double turns = pairs(&bench_ping_pong, 2, 2 * MS, &ignored);
    look.round_trip_ns = turns > 0 ? 2000 / turns : 0;
    return look;
}

bench_probe bench_probe_now(bench_family family, const char *when)
{
    bench_look look = bench_look_now();
    return (bench_probe){family, when, look,
                         bench_cores() < 2                  ? ""
                         : look.slowdown >= shared_slowdown ? "near"
                                                            : "far"};
}

/* Twice the round trip counts as another place: 100 ns and 500 ns were seen, and nothing between. */
bool bench_same_regime(const bench_look *a, const bench_look *b)
{
    double ratio = b->round_trip_ns > 0 ? a->round_trip_ns / b->round_trip_ns : 1;
    return (a->slowdown >= shared_slowdown) == (b->slowdown >= shared_slowdown) && ratio < 2 && ratio > 0.5;
}

/* The median of one member of the looks. */
static double median_of(const bench_look *looks, unsigned count, size_t member)
{
    double values[BENCH_MOST_ROUNDS];
    for (unsigned i = 0; i < count; i++)
        values[i] = *(const double *)((const char *)&looks[i] + member);
    return bench_median(values, count);
}

void bench_regime(const bench_look *looks, unsigned count, bench_row *row)
{
    unsigned shared = 0, busy = 0;
    for (unsigned i = 0; i < count; i++) {
        shared += looks[i].slowdown >= shared_slowdown;
        busy += looks[i].floor_mops > 0 && looks[i].share < own_share;
    }
    if (looks[0].floor_mops <= 0)
        return;
    row->floor_mops = median_of(looks, count, offsetof(bench_look, floor_mops));
    row->slowdown = median_of(looks, count, offsetof(bench_look, slowdown));
    row->round_trip_ns = median_of(looks, count, offsetof(bench_look, round_trip_ns));
    /* one round in five may be disturbed by a short-lived program */
    if (busy * 5 > count)
        strcpy(row->regime, "busy");
    else if (row->threads > 1)
        strcpy(row->regime, shared * 5 <= count ? "far" : shared * 5 >= count * 4 ? "near" : "mixed");
}
