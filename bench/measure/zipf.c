/*
 * Rejection-inversion, W. Hörmann, G. Derflinger, "Rejection-Inversion to Generate Variates from Monotone Discrete
 * Distributions", ACM TOMACS 6(3), 1996: exact for any range, without a table of it.
 */
#include "bench/measure/zipf.h"

#include "bench/measure/random.h"

#include <math.h>
#include <stdlib.h>

/* The integral of x^-e, and its inverse, for e != 1. */
static double integral(double x, double exponent)
{
    return (pow(x, 1 - exponent) - 1) / (1 - exponent);
}

static double inverse(double y, double exponent)
{
    return pow(1 + y * (1 - exponent), 1 / (1 - exponent));
}

uint32_t *bench_zipf_draws(uint64_t range, double exponent, uint64_t seed)
{
    uint32_t *draws = malloc(BENCH_ZIPF_DRAWS * sizeof *draws);
    uint64_t state = bench_seed(seed);
    double n = (double)range;
    double low = integral(1.5, exponent) - 1;
    double high = integral(n + 0.5, exponent);
    double sure = 2 - inverse(integral(2.5, exponent) - pow(2, -exponent), exponent);
    if (!draws)
        return NULL;
    for (size_t i = 0; i < BENCH_ZIPF_DRAWS;) {
        double u = high + (double)(bench_random(&state) >> 11) * 0x1p-53 * (low - high);
        double x = inverse(u, exponent);
        double k = floor(x + 0.5);
        k = k < 1 ? 1 : k > n ? n : k;
        if (k - x <= sure || u >= integral(k + 0.5, exponent) - pow(k, -exponent))
            draws[i++] = (uint32_t)(k - 1);
    }
    return draws;
}
