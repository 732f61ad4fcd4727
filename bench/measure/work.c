#include "bench/measure/work.h"

#include "bench/machine/clock.h"

double bench_work_turns_per_ns(void)
{
    enum { TURNS = 20000, TRIES = 400 };
    static double known;
    if (known == 0) {
        uint64_t least = UINT64_MAX;
        for (unsigned i = 0; i < TRIES; i++) { /* a disturbed try takes longer, never shorter */
            uint64_t before = bench_now_ns();
            bench_work(TURNS);
            uint64_t took = bench_now_ns() - before;
            least = took < least ? took : least;
        }
        known = (double)TURNS / (double)(least ? least : 1);
    }
    return known;
}

uint64_t bench_work_turns(unsigned ns)
{
    if (ns == 0)
        return 0; /* needs no calibration */
    uint64_t turns = (uint64_t)(ns * bench_work_turns_per_ns() + 0.5);
    return turns ? turns : 1;
}
