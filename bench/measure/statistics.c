#include "bench/measure/statistics.h"

#include "bench/measure/random.h"

#include <stdlib.h>
#include <string.h>

enum { RESAMPLINGS = 2000, MOST = 100 };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *samples, size_t count)
{
    qsort(samples, count, sizeof *samples, compare);
    return count == 0 ? 0 : count % 2 ? samples[count / 2] : (samples[count / 2 - 1] + samples[count / 2]) / 2;
}

bench_interval bench_interval_of(const double *samples, size_t count)
{
    double drawn[MOST], medians[RESAMPLINGS];
    uint64_t random = bench_seed(count);
    if (count == 0 || count > MOST)
        return (bench_interval){0};
    for (size_t i = 0; i < RESAMPLINGS; i++) {
        for (size_t n = 0; n < count; n++)
            drawn[n] = samples[bench_scale((uint32_t)(bench_random(&random) >> 32), count)];
        medians[i] = bench_median(drawn, count);
    }
    memcpy(drawn, samples, count * sizeof *samples);
    double median = bench_median(drawn, count);
    (void)bench_median(medians, RESAMPLINGS);
    return (bench_interval){median, medians[RESAMPLINGS / 40], medians[RESAMPLINGS - 1 - RESAMPLINGS / 40]};
}

bool bench_is_clear(const bench_interval *ratio)
{
    return ratio->low > 1 || (ratio->high < 1 && ratio->high > 0);
}
