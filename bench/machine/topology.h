/*
 * The processors that this process may use: sockets, cores, threads of a core; and the order in which threads are
 * pinned.
 */
#ifndef BENCH_TOPOLOGY_H
#define BENCH_TOPOLOGY_H

#include <stddef.h>

typedef enum bench_pin {
    BENCH_PIN_SPREAD,  /* each on its own core, the sockets in turn; second threads of cores come last */
    BENCH_PIN_COMPACT, /* one core's threads, then the next core of that socket, then the next socket */
    BENCH_PIN_NONE
} bench_pin;

extern const char *const bench_pin_names[3];

/* Processors, and the cores that they are threads of. The first call asks the system. */
unsigned bench_cores(void);
unsigned bench_topology_cores(void);

/* "2 sockets, 16 cores, 2 threads each". */
void bench_topology_describe(char *out, size_t size);

/* For tests: use that many processors of the machine that a copy of /sys/devices/system/cpu describes. */
void bench_topology_pretend(const char *directory, unsigned processors);

/* The n-th processor in the order of the policy, n < bench_cores(). */
int bench_topology_processor(unsigned n);

/* Sets the policy of bench_pin_thread; it is spread before the first call. */
void bench_topology_pin(bench_pin policy);

/* Pins the calling thread to the n-th processor, n < bench_cores(). If the system refuses, it stays unpinned. */
void bench_pin_thread(unsigned n);

#endif
