#include "bench/suite.h"

#include "bench/clock.h"
#include "bench/null.h"
#include "bench/random.h"
#include "bench/zipf.h"

#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)

enum { QUICK_BUDGET_MS = 44000, QUICK_BUDGET_ALL_MS = 30000, QUICK_MOST_MS = 150, OVERHEAD_MS = 3 };

/* ---- the driver and the machine, of the moment ---- */

static double cost_of(const bench_impl *impl, const char *workload, const uint32_t *draws, bench_histogram *times)
{
    double ns[3];
    for (unsigned i = 0; i < 3; i++) {
        bench_measurement what = {.impl = impl, .workload = bench_workload_named(workload, impl->family), .threads = 1,
                                  .warm_ns = 2 * MS, .duration_ns = 15 * MS, .seed = i, .range = 1 << 20, .draws = draws,
                                  .times = times};
        bench_result result;
        ns[i] = bench_measure(&what, &result) == 0 && result.mops > 0 ? 1000 / result.mops : 0;
    }
    return bench_median(ns, 3);
}

void bench_suite_cost(bench_suite *suite)
{
    uint32_t *draws = bench_zipf_draws(1 << 20, 0.99, 1);
    bench_histogram *times = calloc(1, sizeof *times);
    suite->cost.container_ns = cost_of(&bench_null_container, "pairs", NULL, NULL);
    suite->cost.map_uniform_ns = cost_of(&bench_null_map, "90/5/5", NULL, NULL);
    if (draws)
        suite->cost.map_zipf_ns = cost_of(&bench_null_map, "90/5/5", draws, NULL);
    if (times && suite->options->latency) {
        cost_of(&bench_null_container, "pairs", NULL, times);
        suite->cost.latency_ns = (double)bench_histogram_at(times, 0.5) / bench_ticks_per_ns();
    }
    free(draws);
    free(times);
}

/* ---- one point ---- */

_Noreturn void bench_suite_out_of_memory(void)
{
    bench_say("error: out of memory");
    exit(1);
}

void bench_suite_fault(bench_suite *suite, const bench_row *row)
{
    bool ours = row->role != BENCH_PEER;
    bench_progress_clear(&suite->progress);
    bench_say("%s: %s%s%s, %s %s, %u threads: %s", ours ? "error" : "note", row->implementation, row->scheme[0] ? " " : "",
              row->scheme, bench_family_names[row->family], row->workload, row->threads, row->fault);
    suite->failed |= ours;
}

typedef struct samples {
    const bench_point *point;
    bench_histogram *times;
    bench_row *rows;
} samples;

void bench_suite_name_row(const bench_suite *suite, const bench_point *point, const bench_impl *impl, bench_row *row)
{
    *row = (bench_row){.family = point->family, .keys = point->keys, .huge_pages = suite->huge_pages, .threads = point->threads,
                       .crowded = point->threads > bench_cores(), .role = impl->role, .rounds = suite->options->rounds,
                       .stalled = point->workload->kind == BENCH_STALLED};
    snprintf(row->workload, sizeof row->workload, "%s", point->workload->name);
    snprintf(row->distribution, sizeof row->distribution, "%s", point->keys == 0 ? "" : point->draws ? "zipf" : "uniform");
    snprintf(row->implementation, sizeof row->implementation, "%s", impl->name);
    snprintf(row->scheme, sizeof row->scheme, "%s", impl->scheme ? impl->scheme : "");
}

/* `look`: whose threads never sleep tells whether they had the cores to themselves. */
static void measure_one(bench_suite *suite, const bench_point *point, unsigned i, double *mops, bench_look *look,
                        bench_histogram *times, bench_row *row)
{
    uint64_t warm = suite->duration_ns / 5 < 20 * MS ? suite->duration_ns / 5 : 20 * MS;
    bench_measurement what = {.impl = point->impls[i], .workload = point->workload, .threads = point->threads, .warm_ns = warm,
                              .duration_ns = suite->duration_ns, .seed = suite->seed, .times = times, .range = point->keys * 2,
                              .draws = point->draws};
    bench_result result;
    if (point->objects) {
        what.object = point->objects[i];
        what.entries = &point->entries[i];
    }
    bench_progress_show(&suite->progress, "%s %s, %s%s%s, %u thread%s%s", bench_family_names[point->family], row->workload,
                        row->implementation, row->scheme[0] ? " " : "", row->scheme, row->threads, row->threads > 1 ? "s" : "",
                        times ? ", latency" : "");
    int error = bench_measure(&what, &result);
    suite->progress.done++;
    if (error != 0)
        snprintf(result.fault, sizeof result.fault, "could not be measured: %s", strerror(-error));
    if (mops)
        *mops = result.mops;
    if (look && (row->role == BENCH_WEFT || row->role == BENCH_FLOOR) && !row->stalled && result.share < look->share)
        look->share = result.share;
    row->empty += result.empty;
    if (result.pending_peak > row->pending_peak)
        row->pending_peak = result.pending_peak;
    if (result.pending_end > row->pending_end)
        row->pending_end = result.pending_end;
    if (result.fault[0] && !row->fault[0]) {
        snprintf(row->fault, sizeof row->fault, "%s", result.fault);
        bench_suite_fault(suite, row);
    }
}

static void shuffle(bench_suite *suite, unsigned *order, unsigned count)
{
    uint64_t random = bench_seed(suite->seed);
    for (unsigned i = 0; i < count; i++) {
        unsigned other = (unsigned)bench_scale((uint32_t)(bench_random(&random) >> 32), i + 1);
        order[i] = order[other];
        order[other] = i;
    }
}

void bench_suite_rounds(bench_suite *suite, bench_row *rows, unsigned count, bench_round_function *measure, void *ctx)
{
    unsigned rounds = suite->options->rounds, order[BENCH_MOST_IMPLS], repeated = 0;
    bench_look looks[BENCH_MOST_ROUNDS], before = bench_look_now();
    for (unsigned r = 0; r < rounds; suite->seed++) {
        looks[r] = before;
        shuffle(suite, order, count);
        for (unsigned n = 0; n < count; n++)
            measure(suite, ctx, order[n], r, &looks[r]);
        before = bench_look_now();
        bool moved = rows[0].threads > 1 && !bench_same_regime(&looks[r], &before) && repeated < rounds;
        repeated += moved;
        r += !moved;
        suite->progress.total += moved ? count : 0;
    }
    for (unsigned i = 0; i < count; i++) {
        rows[i].repeated = repeated;
        bench_regime(looks, rounds, &rows[i]);
    }
}

static void measure_round(bench_suite *suite, void *ctx, unsigned i, unsigned round, bench_look *look)
{
    const samples *s = ctx;
    measure_one(suite, s->point, i, &s->rows[i].mops[round], look, NULL, &s->rows[i]);
}

/* Times of single operations come from rounds of their own. */
static void run_rounds(bench_suite *suite, samples *s)
{
    unsigned order[BENCH_MOST_IMPLS];
    const bench_point *point = s->point;
    bench_suite_rounds(suite, s->rows, point->count, measure_round, s);
    for (unsigned r = 0; r < suite->options->rounds && s->times; r++, suite->seed++) {
        shuffle(suite, order, point->count);
        for (unsigned n = 0; n < point->count; n++)
            measure_one(suite, point, order[n], NULL, NULL, &s->times[order[n]], &s->rows[order[n]]);
    }
}

void bench_suite_finish_row(const bench_suite *suite, const bench_histogram *times, bench_row *row)
{
    row->speed = bench_interval_of(row->mops, row->rounds);
    row->mops_min = row->mops_max = row->mops[0];
    for (unsigned r = 1; r < row->rounds; r++) {
        row->mops_min = row->mops[r] < row->mops_min ? row->mops[r] : row->mops_min;
        row->mops_max = row->mops[r] > row->mops_max ? row->mops[r] : row->mops_max;
    }
    if (row->family == BENCH_RECLAIM && row->speed.median > 0)
        row->ns_median = 1000 / row->speed.median * (row->crowded ? bench_cores() : row->threads);
    if (times && times->total > 0 && suite->options->latency) {
        double per_ns = bench_ticks_per_ns();
        row->latency = true;
        row->p50_ns = (double)bench_histogram_at(times, 0.5) / per_ns;
        row->p99_ns = (double)bench_histogram_at(times, 0.99) / per_ns;
        row->p90_ns = (double)bench_histogram_at(times, 0.9) / per_ns;
        row->p9999_ns = (double)bench_histogram_at(times, 0.9999) / per_ns;
        row->p999_ns = (double)bench_histogram_at(times, 0.999) / per_ns;
        row->max_ns = (double)times->max / per_ns;
    }
}

void bench_suite_point(bench_suite *suite, const bench_point *point)
{
    unsigned rounds = suite->options->rounds;
    bool latency = suite->options->latency && point->workload->kind != BENCH_STALLED;
    if (suite->counting) {
        suite->progress.total += point->count * rounds * (latency ? 2 : 1);
        return;
    }
    samples s = {.point = point, .rows = calloc(point->count, sizeof *s.rows)};
    if (latency)
        s.times = calloc(point->count, sizeof *s.times);
    if (!s.rows || (latency && !s.times))
        bench_suite_out_of_memory();
    for (unsigned i = 0; i < point->count; i++)
        bench_suite_name_row(suite, point, point->impls[i], &s.rows[i]);
    run_rounds(suite, &s);
    size_t first = suite->rows.count;
    for (unsigned i = 0; i < point->count; i++) {
        bench_suite_finish_row(suite, s.times ? &s.times[i] : NULL, &s.rows[i]);
        if (!bench_rows_add(&suite->rows, &s.rows[i]))
            bench_suite_out_of_memory();
    }
    bench_rows_ratios(&suite->rows, first);
    free(s.times);
    free(s.rows);
}

/* ---- families ---- */

unsigned bench_suite_impls(const bench_suite *suite, bench_family family, const bench_workload *workload, const bench_impl **out)
{
    unsigned count = 0;
    for (const bench_impl **at = bench_impls; *at && count < BENCH_MOST_IMPLS; at++) {
        const bench_impl *impl = *at;
        bool always = impl->role == BENCH_FLOOR && impl->container;
        bool able = workload->kind != BENCH_STALLED || (impl->reclaim && impl->reclaim->retire);
        if (impl->family == family && able && (always || bench_wants_name(suite->options, impl->name)))
            out[count++] = impl;
    }
    return count;
}

static void all_points(bench_suite *suite, bench_family family)
{
    const bench_options *o = suite->options;
    const bench_impl *impls[BENCH_MOST_IMPLS];
    for (const bench_workload *w = bench_workloads; w->name; w++) {
        if (!bench_wants_workload(o, w, family))
            continue;
        unsigned count = bench_suite_impls(suite, family, w, impls);
        for (unsigned t = 0; t < o->thread_count && count > 0; t++)
            if (o->threads[t] >= w->least)
                bench_suite_point(suite, &(bench_point){.family = family, .workload = w, .threads = o->threads[t], .impls = impls,
                                                        .count = count});
    }
}

unsigned bench_suite_count(bench_suite *suite, bench_family family)
{
    unsigned before = suite->progress.total;
    suite->counting = true;
    bench_suite_family(suite, family);
    suite->counting = false;
    unsigned count = suite->progress.total - before;
    suite->progress.total = before;
    return count;
}

/* --quick spends a fixed time on a family, whatever it consists of. */
static void choose_duration(bench_suite *suite, bench_family family)
{
    const bench_options *o = suite->options;
    uint64_t ms = o->duration_ms ? o->duration_ms : 100;
    if (o->quick && o->duration_ms == 0) {
        unsigned count = bench_suite_count(suite, family);
        uint64_t budget = o->family_asked ? QUICK_BUDGET_MS : QUICK_BUDGET_ALL_MS;
        if (family == BENCH_MAP)
            budget = budget * 2 / 3; /* filling and looking through takes the rest */
        ms = budget / (count ? count : 1);
        ms = ms > OVERHEAD_MS ? (ms - OVERHEAD_MS) * 5 / 6 : 1; /* a sixth goes to warming up */
        ms = ms < 10 ? 10 : ms > QUICK_MOST_MS ? QUICK_MOST_MS : ms;
    }
    suite->duration_ns = ms * MS;
}

void bench_suite_family(bench_suite *suite, bench_family family)
{
    if (!suite->counting)
        choose_duration(suite, family);
    if (family == BENCH_MAP)
        bench_suite_maps(suite);
    else if (family == BENCH_WORDS)
        bench_suite_words(suite);
    else
        all_points(suite, family);
}
