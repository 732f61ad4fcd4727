/* What the options name, and whether it goes together. */
#ifndef BENCH_OPTIONS_CHECK_H
#define BENCH_OPTIONS_CHECK_H

#include "bench/run/options.h"

/* What the names mean, whether all goes together, and defaults. */
bool bench_options_check(bench_options *options);

void bench_options_say_left_out(void); /* the peers that this program was built without, if any */

bool bench_wants_workload(const bench_options *options, const bench_workload *workload, bench_family family);

/* Whether that workload is measured with so much work: any where its threads can work, 0 elsewhere. */
bool bench_wants_work(const bench_workload *workload, unsigned work_ns);

/* Two threads that wait for each other need two processors: on one it would be the system's scheduler that is measured. */
bool bench_round_trip_possible(void);

bool bench_wants_name(const bench_options *options, const char *implementation);

#endif
