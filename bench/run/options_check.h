/* Resolves the names in the options, and checks that the options are consistent. */
#ifndef BENCH_OPTIONS_CHECK_H
#define BENCH_OPTIONS_CHECK_H

#include "bench/run/options.h"

/* Does all of that, and sets defaults. False: one line was printed that says what is wrong. */
bool bench_options_check(bench_options *options);

void bench_options_say_left_out(void); /* names the peers that this program was built without, if any */

bool bench_wants_workload(const bench_options *options, const bench_workload *workload, bench_family family);

/* Whether that workload is measured with so much work: any amount if its threads can work, else only 0. */
bool bench_wants_work(const bench_workload *workload, unsigned work_ns);

/* Whether there are two processors: on one, a round trip would measure the system's scheduler. */
bool bench_round_trip_possible(void);

bool bench_wants_name(const bench_options *options, const char *implementation);

#endif
