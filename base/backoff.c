#include <weft/base/backoff.h>

#if !defined(WEFT_SEAM) || defined(WEFT_SEAM_ATOMICS_ONLY)

/* Pauses per 1024 ns, measured at the first contention; 0: not yet. */
static weft_i_atomic_int pauses_per_1024ns;

enum {
    SAMPLE = 64,
    SAMPLES = 3,
    TRIP_NS = 160, /* before the first is measured */
    TRIPS_ALONE = 8,
    LONGEST_FIRST_NS = 2500, /* a bound for cores that are far apart */
    LONGEST_NS = 5000,
    MEASURED = 8,           /* one trip in so many, since reading the clock twice takes half of one */
    WINDOW_NS = 100000,     /* of the sums */
    DESCHEDULED_NS = 500000 /* a longer time from loss to loss is none of the thread's pace */
};

/* Takes the shortest of a few samples, since the scheduler may interrupt one. */
static int calibrate(void)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t start = weft_i_sys_wall_ns();
        for (int k = 0; k < SAMPLE; k++)
            weft_i_pause();
        uint64_t took = weft_i_sys_wall_ns() - start;
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

static unsigned trip_of(const weft_i_pace *pace)
{
    return pace && pace->trip_ns ? pace->trip_ns : TRIP_NS;
}

/* Whether the thread's operations, its waits included, take longer than a trip each. */
static bool is_slow(weft_i_pace *pace)
{
    uint64_t now = weft_i_sys_wall_ns(), took = now - pace->then_ns;
    if (took < DESCHEDULED_NS) {
        pace->took_ns += took;
        pace->done += pace->operations - pace->operations_then;
    }
    if (took >= DESCHEDULED_NS || pace->took_ns > WINDOW_NS) { /* older intervals fade */
        pace->took_ns /= 2;
        pace->done /= 2;
    }
    pace->then_ns = now;
    pace->operations_then = pace->operations;
    return pace->took_ns >= pace->done * trip_of(pace); /* also, nothing is known: losses are rare */
}

static unsigned first_wait(weft_i_pace *pace)
{
    unsigned trip = trip_of(pace);
    if (!pace || is_slow(pace))
        return trip / 2;
    return trip * TRIPS_ALONE < LONGEST_FIRST_NS ? trip * TRIPS_ALONE : LONGEST_FIRST_NS;
}

void weft_i_backoff_wait(weft_i_backoff *backoff, weft_i_pace *pace)
{
    /* relaxed: a number by itself */
    int rate = weft_i_load(&pauses_per_1024ns, memory_order_relaxed);
    if (weft_i_unlikely(rate == 0))
        rate = calibrate();
    unsigned ns = backoff->ns ? backoff->ns * 2 : first_wait(pace);
    if (ns > LONGEST_NS)
        ns = LONGEST_NS;
    backoff->ns = ns;
    for (uint64_t turns = (uint64_t)ns * (unsigned)rate / 1024 + 1; turns > 0; turns--)
        weft_i_pause();
    if (pace && ++pace->losses % MEASURED == 0)
        backoff->until_ns = weft_i_sys_wall_ns();
}

void weft_i_backoff_over(weft_i_backoff *backoff, weft_i_pace *pace)
{
    if (!backoff->until_ns) /* always, without a pace */
        return;
    unsigned before = trip_of(pace);
    uint64_t trip = weft_i_sys_wall_ns() - backoff->until_ns;
    if (trip > 2 * before) /* the scheduler may have interrupted the try */
        trip = 2 * before;
    unsigned now = (7 * before + (unsigned)trip + 4) / 8;
    pace->trip_ns = now < 1 ? 1 : now < LONGEST_NS ? now : LONGEST_NS;
    backoff->until_ns = 0;
}

#endif
