#include <weft/base/backoff.h>

#if !defined(WEFT_SEAM) || defined(WEFT_SEAM_ATOMICS_ONLY)

/* Pauses per 1024 ns, measured at the first contention; 0: not yet. */
static weft_i_atomic_int pauses_per_1024ns;

enum { SAMPLE = 64, SAMPLES = 3 };

/* Takes the shortest of a few samples, since the scheduler may interrupt one. */
static int calibrate(void)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t start = weft_i_sys_clock_ns();
        for (int k = 0; k < SAMPLE; k++)
            weft_i_pause();
        uint64_t took = weft_i_sys_clock_ns() - start;
        if (took < best)
            best = took;
    }
    int rate = (int)(SAMPLE * 1024 / (best ? best : 1));
    if (rate < 1)
        rate = 1;
    /* relaxed: any thread's measurement serves all */
    weft_i_store(&pauses_per_1024ns, rate, memory_order_relaxed);
    return rate;
}

void weft_i_backoff_wait(weft_i_backoff *backoff)
{
    /* relaxed: a number by itself */
    int rate = weft_i_load(&pauses_per_1024ns, memory_order_relaxed);
    if (weft_i_unlikely(rate == 0))
        rate = calibrate();
    unsigned ns = backoff->ns ? backoff->ns * 2 : WEFT_BACKOFF_NS;
    if (ns > WEFT_BACKOFF_MAX_NS)
        ns = WEFT_BACKOFF_MAX_NS;
    backoff->ns = ns;
    for (uint64_t turns = (uint64_t)ns * (unsigned)rate / 1024 + 1; turns > 0; turns--)
        weft_i_pause();
}

#endif
