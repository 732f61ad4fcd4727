/* Implementations for calibration, which hold no values (baselines/null.c). */
#ifndef BENCH_NULL_H
#define BENCH_NULL_H

#include "bench/measure/adapter.h"

extern const bench_impl bench_null_container;
extern const bench_impl bench_null_map;
/* Its puts work in registers: two threads share nothing, except perhaps a core. */
extern const bench_impl bench_private;
/* Two threads take turns at writing one word: each turn is an operation, two are a round trip of its cache line. */
extern const bench_impl bench_ping_pong;

#endif
