/*
 * Measuring in a process of its own. What an implementation of another library does there, be it a crash or a loop
 * without end, ends that process and nothing else: the implementation is named, left out from there on, and the rest of
 * the work done in a new one. Nor does one piece of work find the memory of another.
 */
#ifndef BENCH_ISOLATE_H
#define BENCH_ISOLATE_H

#include "bench/run/suite.h"

/*
 * Runs work(suite, ctx) in a child, again and again until one comes to its end. Rows that the child finishes are in suite->rows, of the
 * child from the start and here as soon as they are sent; so work() skips what has rows. Ends early when the user interrupts.
 */
void bench_isolated(bench_suite *suite, void (*work)(bench_suite *suite, void *ctx), void *ctx);

#endif
