#include "bench/run/cost.h"

#include "bench/machine/clock.h"
#include "bench/adapters/null.h"
#include "bench/run/options_check.h"
#include "bench/measure/work.h"
#include "bench/measure/zipf.h"

#include <stdlib.h>

#define MS UINT64_C(1000000)

static double cost_of(const bench_impl *impl, const char *workload, const uint32_t *draws, unsigned work_ns,
                      bench_histogram *times)
{
    double ns[3];
    for (unsigned i = 0; i < 3; i++) {
        bench_measurement what = {.impl = impl,
                                  .workload = bench_workload_named(workload, impl->family),
                                  .threads = 1,
                                  .warm_ns = 2 * MS,
                                  .duration_ns = 15 * MS,
                                  .seed = i,
                                  .range = 1 << 20,
                                  .draws = draws,
                                  .work_ns = work_ns,
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
    const bench_options *o = suite->options;
    suite->cost.container_ns = cost_of(&bench_null_container, "pairs", NULL, 0, NULL);
    suite->cost.map_uniform_ns = cost_of(&bench_null_map, "90/5/5", NULL, 0, NULL);
    for (unsigned i = 0; i < o->work_count; i++) {
        suite->cost.work_ns[i] = o->work_ns[i] ? cost_of(&bench_null_container, "pairs", NULL, o->work_ns[i], NULL)
                                               : suite->cost.container_ns;
        if (o->work_ns[i])
            suite->cost.work_turns_per_ns = bench_work_turns_per_ns();
    }
    if (draws)
        suite->cost.map_zipf_ns = cost_of(&bench_null_map, "90/5/5", draws, 0, NULL);
    bool round_trip =
        o->workloads.count > 0 && bench_wants_workload(o, bench_workload_named("round-trip", BENCH_QUEUE), BENCH_QUEUE);
    if (times && (o->latency || round_trip)) {
        cost_of(&bench_null_container, "pairs", NULL, 0, times);
        suite->cost.latency_ns = (double)bench_histogram_at(times, 0.5) / bench_ticks_per_ns();
    }
    free(draws);
    free(times);
}
