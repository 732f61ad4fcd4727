/*
 * Measuring in a child process. If an implementation crashes or never comes back, only that process ends: the
 * implementation is named and left out from there on, and a new child does the rest of the work. Each piece of work
 * also starts with fresh memory.
 */
#ifndef BENCH_ISOLATE_H
#define BENCH_ISOLATE_H

#include "bench/run/suite.h"

/*
 * Runs work(suite, ctx) in a child, and in further ones until one finishes. A child sends its finished rows, which are
 * added to suite->rows here, so that the next child inherits them; work() skips what has rows. Ends early when the user
 * interrupts.
 */
void bench_isolated(bench_suite *suite, void (*work)(bench_suite *suite, void *ctx), void *ctx);

#endif
