/* Where and with what it was measured. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct bench_machine {
    unsigned cores; /* that this process may run on */
    unsigned cores_online;
    char processor[128];
    char topology[64];
    const char *pin; /* where threads are pinned as long as there is a processor each */
    char compiler[128];
    char flags[512];
    char allocator[64];
    bool huge_pages; /* the allocator asks for them */
    char system_huge_pages[64];
    char kernel[96];
    char commit[64];
    char when[32];   /* UTC */
    double load;     /* of the last minute, before the start */
    bool membarrier; /* PRIVATE_EXPEDITED is to be had */
} bench_machine;

void bench_machine_read(bench_machine *machine, const char *pin);

/* What the allocator has given out, this thread's own cache given back before. */
uint64_t bench_allocated_bytes(void);

/* The memory the process has, and the most it had, of /proc/self/status: "VmRSS", "VmHWM". */
uint64_t bench_resident_bytes(const char *which);

#endif
