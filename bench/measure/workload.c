#include "bench/measure/workload.h"

#include <string.h>

#define QUEUES (1u << BENCH_QUEUE | 1u << BENCH_RING)
#define CONTAINERS (QUEUES | 1u << BENCH_STACK)
#define SPSC (1u << BENCH_SPSC)
#define MAILBOX (1u << BENCH_MAILBOX)
#define DEQUE (1u << BENCH_DEQUE)

const char *const bench_family_names[BENCH_FAMILIES] = {"queue", "stack", "ring",    "spsc", "mailbox",
                                                        "deque", "map",   "reclaim", "words"};

const bench_workload bench_workloads[] = {
    {.name = "pairs", .kind = BENCH_MIXED, .families = CONTAINERS, .least = 1, .burst = 1},
    {.name = "1:1", .kind = BENCH_ONE_TO_ONE, .families = CONTAINERS, .least = 2},
    {.name = "1:3", .kind = BENCH_ONE_TO_THREE, .families = CONTAINERS, .least = 4},
    {.name = "1:N", .kind = BENCH_ONE_TO_MANY, .families = CONTAINERS, .least = 2},
    {.name = "N:1", .kind = BENCH_MANY_TO_ONE, .families = CONTAINERS | MAILBOX, .least = 2},
    {.name = "burst", .kind = BENCH_MIXED, .families = CONTAINERS, .least = 1, .burst = 64},
    {.name = "1:1", .kind = BENCH_ONE_TO_ONE, .families = SPSC, .least = 2, .most = 2},
    {.name = "pairs", .kind = BENCH_MIXED, .families = SPSC | MAILBOX, .least = 1, .most = 1, .burst = 1},
    {.name = "round-trip", .kind = BENCH_ROUND_TRIP, .families = QUEUES | SPSC | MAILBOX, .least = 2, .most = 2},
    {.name = "owner", .kind = BENCH_OWNER, .families = DEQUE, .least = 1, .burst = 1},
    {.name = "100/0/0", .kind = BENCH_LOOKUPS, .families = 1u << BENCH_MAP, .least = 1, .get_share = 100},
    {.name = "90/5/5",
     .kind = BENCH_LOOKUPS,
     .families = 1u << BENCH_MAP,
     .least = 1,
     .get_share = 90,
     .insert_share = 5},
    {.name = "50/25/25",
     .kind = BENCH_LOOKUPS,
     .families = 1u << BENCH_MAP,
     .least = 1,
     .get_share = 50,
     .insert_share = 25},
    {.name = "fill", .kind = BENCH_FILL, .families = 1u << BENCH_MAP, .least = 1},
    {.name = "enter-leave", .kind = BENCH_SECTIONS, .families = 1u << BENCH_RECLAIM, .least = 1},
    {.name = "read", .kind = BENCH_SECTIONS, .families = 1u << BENCH_RECLAIM, .least = 1, .read = true},
    {.name = "stalled", .kind = BENCH_STALLED, .families = 1u << BENCH_RECLAIM, .least = 1},
    {.name = "words", .kind = BENCH_PROGRAM, .families = 1u << BENCH_WORDS, .least = 1},
    {0},
};

bool bench_workload_fits(const bench_workload *workload, unsigned threads)
{
    return threads >= workload->least && (workload->most == 0 || threads <= workload->most);
}

bool bench_workload_works(const bench_workload *workload)
{
    return (workload->families & (CONTAINERS | SPSC | MAILBOX | DEQUE | 1u << BENCH_MAP)) &&
           workload->kind != BENCH_ROUND_TRIP && workload->kind != BENCH_FILL;
}

const bench_workload *bench_workload_named(const char *name, bench_family family)
{
    for (const bench_workload *w = bench_workloads; w->name; w++)
        if (strcmp(w->name, name) == 0 && (w->families & 1u << family))
            return w;
    return NULL;
}
