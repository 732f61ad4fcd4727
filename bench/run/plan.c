#include "bench/run/plan.h"

#include "bench/run/isolate.h"
#include "bench/run/options_check.h"
#include "bench/run/suite_latency.h"
#include "bench/run/suite_maps.h"
#include "bench/run/suite_memory.h"
#include "bench/run/suite_words.h"

#define MS UINT64_C(1000000)

enum { QUICK_BUDGET_MS = 44000, QUICK_BUDGET_ALL_MS = 30000, QUICK_MOST_MS = 150, OVERHEAD_MS = 3, PEERS_MS = 50 };

static void all_points(bench_suite *suite, void *ctx)
{
    const bench_options *o = suite->options;
    bench_family family = *(const bench_family *)ctx;
    const bench_impl *impls[BENCH_MOST_IMPLS];
    for (const bench_workload *w = bench_workloads; w->name; w++) {
        if (!bench_wants_workload(o, w, family))
            continue;
        bench_point point = {.family = family, .workload = w, .impls = impls};
        point.count = bench_suite_impls(suite, family, w, impls);
        for (unsigned t = 0; t < o->thread_count && w->kind != BENCH_ROUND_TRIP; t++) {
            point.threads = o->threads[t];
            if (bench_workload_fits(w, point.threads))
                bench_suite_point_working(suite, point);
        }
        bench_suite_latency(suite, point);
    }
}

static void whole_family(bench_suite *suite, bench_family family)
{
    if (family == BENCH_MAP)
        bench_suite_maps(suite);
    else if (family == BENCH_WORDS)
        bench_suite_words(suite);
    else
        bench_isolated(suite, all_points, &family);
    bool grows = family == BENCH_QUEUE || family == BENCH_STACK || family == BENCH_MAP || family == BENCH_RECLAIM;
    if (suite->options->memory && grows)
        bench_suite_memory(suite, family);
}

static void count_family(bench_suite *suite, void *ctx)
{
    whole_family(suite, *(const bench_family *)ctx);
}

unsigned bench_suite_count(bench_suite *suite, bench_family family)
{
    return bench_suite_pending(suite, count_family, &family);
}

/* --quick spends a fixed time on a family, however many measurements it has. */
static void choose_duration(bench_suite *suite, bench_family family)
{
    const bench_options *o = suite->options;
    uint64_t ms = o->duration_ms ? o->duration_ms : o->peers ? PEERS_MS : 100;
    if (o->quick && o->duration_ms == 0) {
        unsigned count = bench_suite_count(suite, family);
        uint64_t budget = o->family_asked ? QUICK_BUDGET_MS : QUICK_BUDGET_ALL_MS;
        if (family == BENCH_MAP)
            budget = budget * 2 / 3; /* filling and checking take the rest */
        ms = budget / (count ? count : 1);
        ms = ms > OVERHEAD_MS ? (ms - OVERHEAD_MS) * 5 / 6 : 1; /* a sixth goes to warming up */
        ms = ms < 10 ? 10 : ms > QUICK_MOST_MS ? QUICK_MOST_MS : ms;
    }
    suite->duration_ns = ms * MS;
}

static void probe(bench_suite *suite, bench_family family, const char *when)
{
    if (suite->probe_count < BENCH_MOST_PROBES)
        suite->probes[suite->probe_count++] = bench_probe_now(family, when);
}

void bench_suite_family(bench_suite *suite, bench_family family)
{
    if (bench_suite_count(suite, family) == 0)
        return; /* all rows exist already */
    choose_duration(suite, family);
    probe(suite, family, "before");
    whole_family(suite, family);
    probe(suite, family, "after");
}
