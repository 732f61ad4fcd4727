/* Random numbers for the measured loops: about a nanosecond each, one state per thread. */
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include <stdint.h>

/* The finaliser of splitmix64: every bit of the result depends on every bit of the argument. */
static inline uint64_t bench_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Marsaglia's xorshift64, the upper bits scrambled by a multiplication; *state must not be 0. */
static inline uint64_t bench_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

static inline uint64_t bench_seed(uint64_t n)
{
    return bench_mix(n + UINT64_C(0x9e3779b97f4a7c15)) | 1;
}

/* 0 to range - 1, from 32 random bits; range at most 2^32. */
static inline uint64_t bench_scale(uint32_t bits, uint64_t range)
{
    return (bits * range) >> 32;
}

#endif
