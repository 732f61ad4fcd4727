/* Implementations that do nothing, or nothing together (baselines/null.c). */
#ifndef BENCH_NULL_H
#define BENCH_NULL_H

#include "bench/measure/adapter.h"

extern const bench_impl bench_null_container;
extern const bench_impl bench_null_map;
/* Its puts share nothing but, perhaps, a core. */
extern const bench_impl bench_private;
/* Two threads that take turns at one word: each turn is an operation, two are a round trip of its line. */
extern const bench_impl bench_ping_pong;

#endif
