#include "bench/run/suite.h"

#include "bench/machine/clock.h"
#include "bench/run/options_check.h"
#include "bench/measure/random.h"
#include "bench/run/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)

/* ---- rows ---- */

_Noreturn void bench_suite_out_of_memory(void)
{
    bench_say("error: out of memory");
    exit(1);
}

void bench_suite_fault(bench_suite *suite, const bench_row *row)
{
    bool ours = row->role != BENCH_PEER;
    bench_progress_clear(&suite->watch->progress);
    bench_say("%s: %s, %s %s, %u threads: %s", ours ? "error" : "note",
              bench_label_of(row->implementation, row->scheme).text, bench_family_names[row->family], row->workload,
              row->threads, row->fault);
    suite->watch->failed |= ours;
}

void bench_suite_name_row(const bench_suite *suite, const bench_point *point, const bench_impl *impl, bench_row *row)
{
    *row = (bench_row){.what = point->what,
                       .family = point->family,
                       .keys = point->keys,
                       .huge_pages = suite->huge_pages,
                       .group = point->group,
                       .threads = point->threads,
                       .work_ns = point->work_ns,
                       .open = point->open,
                       .crowded = point->threads > bench_cores(),
                       .role = impl->role,
                       .rounds = suite->options->rounds,
                       .stalled = point->workload->kind == BENCH_STALLED};
    snprintf(row->workload, sizeof row->workload, "%s", point->workload->name);
    snprintf(row->distribution, sizeof row->distribution, "%s",
             point->keys == 0 ? ""
             : point->draws   ? "zipf"
                              : "uniform");
    snprintf(row->implementation, sizeof row->implementation, "%s", impl->name);
    snprintf(row->scheme, sizeof row->scheme, "%s", impl->scheme ? impl->scheme : "");
    snprintf(row->fault, sizeof row->fault, "%s", bench_watch_fault(suite->watch, impl));
}

static void finish_latency(bench_row *row)
{
    static const double shares[] = {0.5, 0.9, 0.99, 0.999, 0.9999};
    double *const to[] = {&row->p50_ns, &row->p90_ns, &row->p99_ns, &row->p999_ns, &row->p9999_ns};
    double per_ns = bench_ticks_per_ns();
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        *to[i] = (double)bench_histogram_at(row->histogram, shares[i]) / per_ns;
    row->max_ns = (double)row->histogram->max / per_ns;
}

static void finish_row(bench_row *row)
{
    if (row->fault[0]) { /* a wrong result has no speed */
        row->rounds = 0;
        free(row->histogram);
        row->histogram = NULL;
        return;
    }
    row->speed = bench_interval_of(row->mops, row->rounds);
    row->mops_min = row->mops_max = row->mops[0];
    for (unsigned r = 1; r < row->rounds; r++) {
        row->mops_min = row->mops[r] < row->mops_min ? row->mops[r] : row->mops_min;
        row->mops_max = row->mops[r] > row->mops_max ? row->mops[r] : row->mops_max;
    }
    row->thread_least = bench_median(row->least, row->rounds);
    row->thread_most = bench_median(row->most, row->rounds);
    if (row->family == BENCH_RECLAIM && row->speed.median > 0)
        row->ns_median = 1000 / row->speed.median * (row->crowded ? bench_cores() : row->threads);
    if (row->histogram)
        finish_latency(row);
}

void bench_suite_keep(bench_suite *suite, const bench_row *rows, unsigned count)
{
    size_t first = suite->rows.count;
    for (unsigned i = 0; i < count; i++)
        if (!bench_rows_add(&suite->rows, &rows[i]))
            bench_suite_out_of_memory();
    bench_rows_ratios(&suite->rows, first);
    suite->watch->progress.kept = suite->watch->progress.done;
    if (suite->rows_to && !bench_rows_send(&suite->rows, first, suite->rows_to))
        exit(1); /* the parent is gone */
}

bench_row *bench_suite_begin_point(bench_suite *suite, const bench_point *point)
{
    bench_row *rows = calloc(point->count, sizeof *rows);
    if (!rows)
        bench_suite_out_of_memory();
    for (unsigned i = 0; i < point->count; i++)
        bench_suite_name_row(suite, point, point->impls[i], &rows[i]);
    bool wanted = point->count > 0 && !bench_rows_have_point(&suite->rows, &rows[0], NULL);
    if (wanted && suite->counting)
        suite->watch->progress.total += point->count * suite->options->rounds;
    if (wanted && !suite->counting)
        return rows;
    free(rows);
    return NULL;
}

void bench_suite_end_point(bench_suite *suite, const bench_point *point, bench_row *rows)
{
    for (unsigned i = 0; i < point->count; i++)
        finish_row(&rows[i]);
    bench_suite_keep(suite, rows, point->count);
    free(rows);
}

/* ---- one point ---- */

typedef struct samples {
    const bench_point *point;
    bench_row *rows;
} samples;

static void show(bench_suite *suite, const bench_point *point, const bench_row *row)
{
    bench_progress_show(&suite->watch->progress, "%s %s, %s, %u thread%s%s", bench_family_names[point->family],
                        row->workload, bench_label_of(row->implementation, row->scheme).text, row->threads,
                        row->threads > 1 ? "s" : "",
                        point->what == BENCH_SPEED ? ""
                        : point->open              ? ", latency at a set rate"
                                                   : ", latency");
}

static void note_result(bench_suite *suite, bench_row *row, unsigned round, const bench_result *result,
                        bench_look *look)
{
    row->mops[round] = result->mops;
    row->least[round] = result->least_mops;
    row->most[round] = result->most_mops;
    /* threads of these never sleep, so their processor time shows whether they had the cores to themselves */
    if ((row->role == BENCH_WEFT || row->role == BENCH_FLOOR) && !row->stalled && result->share < look->share)
        look->share = result->share;
    row->empty += result->empty;
    if (result->pending_peak > row->pending_peak)
        row->pending_peak = result->pending_peak;
    if (result->pending_end > row->pending_end)
        row->pending_end = result->pending_end;
    if (result->fault[0]) {
        snprintf(row->fault, sizeof row->fault, "%s", result->fault);
        bench_suite_fault(suite, row);
    }
}

static void measure_round(bench_suite *suite, void *ctx, unsigned i, unsigned round, bench_look *look)
{
    const samples *s = ctx;
    const bench_point *point = s->point;
    bench_row *row = &s->rows[i];
    uint64_t warm = suite->duration_ns / 5 < 20 * MS ? suite->duration_ns / 5 : 20 * MS;
    bench_measurement what = {.impl = point->impls[i],
                              .workload = point->workload,
                              .threads = point->threads,
                              .warm_ns = warm,
                              .duration_ns = suite->duration_ns,
                              .seed = suite->seed,
                              .work_ns = row->work_ns,
                              .times = row->histogram,
                              .rate = row->rate,
                              .range = point->keys * 2,
                              .draws = point->draws};
    bench_result result;
    if (row->fault[0] == '\0') {
        if (point->objects) {
            what.object = point->objects[i];
            what.entries = &point->entries[i];
        }
        show(suite, point, row);
        bench_watch_begin(suite->watch, point->impls[i],
                          point->workload->kind == BENCH_FILL ? point->keys * BENCH_FILL_NS
                                                              : warm + suite->duration_ns);
        int error = bench_measure(&what, &result);
        bench_watch_end(suite->watch);
        if (error != 0)
            snprintf(result.fault, sizeof result.fault, "could not be measured: %s", strerror(-error));
        note_result(suite, row, round, &result, look);
    }
    suite->watch->progress.done++;
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
        suite->watch->progress.total += moved ? count : 0;
    }
    for (unsigned i = 0; i < count; i++) {
        rows[i].repeated = repeated;
        bench_regime(looks, rounds, &rows[i]);
    }
}

/*
 * The rate for open latency: half of what the mutex did closed; without a mutex, half of what the slowest did. All
 * should reach it, most of them easily.
 */
static double rate_of(const bench_suite *suite, const bench_row *open)
{
    bench_row closed = *open;
    double rate = 0;
    closed.open = false;
    for (size_t i = 0; i < suite->rows.count; i++) {
        const bench_row *row = &suite->rows.row[i];
        bool mutex = strncmp(row->implementation, "mutex-", 6) == 0;
        if (!bench_rows_same_point(row, &closed) || row->fault[0])
            continue;
        if (mutex)
            return row->speed.median / 2;
        if (rate == 0 || row->speed.median / 2 < rate)
            rate = row->speed.median / 2;
    }
    return rate;
}

void bench_suite_point(bench_suite *suite, const bench_point *point)
{
    samples s = {.point = point, .rows = bench_suite_begin_point(suite, point)};
    if (!s.rows)
        return;
    double rate = suite->options->rate > 0 ? suite->options->rate : rate_of(suite, &s.rows[0]);
    for (unsigned i = 0; i < point->count && point->what == BENCH_LATENCY; i++) {
        s.rows[i].rate = point->open ? rate : 0;
        if (!(s.rows[i].histogram = calloc(1, sizeof *s.rows[i].histogram)))
            bench_suite_out_of_memory();
    }
    bench_suite_rounds(suite, s.rows, point->count, measure_round, &s);
    bench_suite_end_point(suite, point, s.rows);
}

void bench_suite_point_working(bench_suite *suite, bench_point point)
{
    for (unsigned i = 0; i < suite->options->work_count; i++) {
        point.work_ns = suite->options->work_ns[i];
        if (bench_wants_work(point.workload, point.work_ns))
            bench_suite_point(suite, &point);
    }
}

/* ---- families ---- */

bool bench_can(const bench_impl *impl, const bench_workload *workload)
{
    switch (workload->kind) {
    case BENCH_STALLED:
        return impl->reclaim && impl->reclaim->retire;
    case BENCH_FILL:
        return !impl->limits || !strstr(impl->limits, "fixed buckets");
    case BENCH_ROUND_TRIP:
        return impl->role != BENCH_FLOOR; /* it has no values to send */
    default:
        return true;
    }
}

unsigned bench_suite_impls(const bench_suite *suite, bench_family family, const bench_workload *workload,
                           const bench_impl **out)
{
    unsigned count = 0;
    for (const bench_impl **at = bench_impls; *at && count < BENCH_MOST_IMPLS; at++) {
        const bench_impl *impl = *at;
        bool always = impl->role == BENCH_FLOOR && impl->container;
        if (impl->family == family && bench_can(impl, workload) &&
            (always || bench_wants_name(suite->options, impl->name)))
            out[count++] = impl;
    }
    return count;
}

unsigned bench_suite_pending(bench_suite *suite, void (*work)(bench_suite *suite, void *ctx), void *ctx)
{
    unsigned before = suite->watch->progress.total;
    bool counting = suite->counting;
    suite->counting = true;
    work(suite, ctx);
    suite->counting = counting;
    unsigned count = suite->watch->progress.total - before;
    suite->watch->progress.total = before;
    return count;
}
