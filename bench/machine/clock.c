#include "bench/machine/clock.h"

double bench_ticks_per_ns(void)
{
    static double known;
    if (known == 0) {
        struct timespec wait = {.tv_nsec = 20000000};
        uint64_t ns = bench_now_ns(), ticks = bench_ticks();
        nanosleep(&wait, NULL);
        ticks = bench_ticks() - ticks;
        ns = bench_now_ns() - ns;
        known = (double)ticks / (double)ns;
    }
    return known;
}
