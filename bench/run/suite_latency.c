/*
 * Latency, in separate runs: closed (each operation begins when the one before has ended) and open (operations are due
 * at set times, and a time counts from when its operation was due). Closed figures suffer from "coordinated omission"
 * (G. Tene).
 */
#include "bench/run/suite_latency.h"

#include "bench/run/options_check.h"
/*
 * The first workload of a family, 90/5/5, read and round-trip, unless others were named. A round trip has only times.
 */
static bool wants_latency(const bench_options *options, const bench_workload *workload)
{
    if (workload->kind == BENCH_ROUND_TRIP)
        return bench_round_trip_possible() && (options->latency || options->workloads.count > 0);
    if (!options->latency || workload->kind == BENCH_STALLED || workload->kind == BENCH_PROGRAM)
        return false;
    return options->workloads.count > 0 || workload->kind == BENCH_FILL || workload->burst == 1 ||
           workload->get_share == 90 || workload->read;
}

void bench_suite_latency(bench_suite *suite, bench_point point)
{
    static const unsigned all[] = {1, 2, 4, 8, 32};
    const bench_options *o = suite->options;
    const unsigned *threads = o->threads_asked ? o->threads : all;
    unsigned count = o->threads_asked ? o->thread_count : sizeof all / sizeof *all;
    bool can_be_due = point.workload->kind == BENCH_MIXED || point.workload->kind == BENCH_LOOKUPS;
    if (!wants_latency(o, point.workload))
        return;
    point.what = BENCH_LATENCY;
    for (unsigned t = 0; t < count; t++) {
        point.threads = threads[t];
        if (!bench_workload_fits(point.workload, point.threads))
            continue;
        for (unsigned w = 0; w < o->work_count; w++) {
            point.work_ns = o->work_ns[w];
            if (!bench_wants_work(point.workload, point.work_ns))
                continue;
            point.open = false;
            bench_suite_point(suite, &point);
            point.open = true;
            if (can_be_due)
                bench_suite_point(suite, &point);
        }
    }
}
