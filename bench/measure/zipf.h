/*
 * Zipf-distributed ranks, drawn before the measurement: a draw costs several powers, more than the map operation that
 * uses it. So the measured loops go through a table of draws, each from its own starting point.
 */
#ifndef BENCH_ZIPF_H
#define BENCH_ZIPF_H

#include <stddef.h>
#include <stdint.h>

enum { BENCH_ZIPF_DRAWS = 1 << 20 }; /* 4 MiB of them, read in order */

/* BENCH_ZIPF_DRAWS ranks in [0, range), rank r with weight 1 / (r + 1)^exponent; freed by free; NULL: no memory. */
uint32_t *bench_zipf_draws(uint64_t range, double exponent, uint64_t seed);

#endif
