/* The machine and the build of a run. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct bench_machine {
    unsigned cores; /* that this process may run on */
    unsigned cores_online;
    char processor[128];
    char topology[64];
    const char *pin; /* how threads are pinned while there is a processor for each */
    char compiler[128];
    char flags[512];
    char allocator[64];
    bool huge_pages; /* the allocator asks for them */
    char system_huge_pages[64];
    char kernel[96];
    char commit[64];
    char when[32];   /* UTC */
    double load;     /* of the last minute, before the start */
    bool membarrier; /* PRIVATE_EXPEDITED is available */
} bench_machine;

void bench_machine_read(bench_machine *machine, const char *pin);

/* The bytes that the allocator has given out, after flushing this thread's cache. */
uint64_t bench_allocated_bytes(void);

/* A line of /proc/self/status: "VmRSS", the memory that the process has, or "VmHWM", the most that it had. */
uint64_t bench_resident_bytes(const char *which);

#endif
