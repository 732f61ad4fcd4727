#include "bench/machine/topology.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

const char *const bench_pin_names[3] = {"spread", "compact", "none"};

typedef struct processor {
    int number, socket, core;
    int thread;  /* its number among the threads of its core */
    int in_turn; /* its core's number among the cores of the socket */
} processor;

static processor processors[CPU_SETSIZE];
static unsigned count, cores, sockets;
static bench_pin pinning;
static const char *sysfs = "/sys/devices/system/cpu";

static int read_number(int which, const char *what)
{
    char path[400];
    int number = 0;
    snprintf(path, sizeof path, "%s/cpu%d/topology/%s", sysfs, which, what);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%d", &number) != 1)
        number = what[0] == 'c' ? which : 0; /* unknown: each processor is its own core, on one socket */
    if (file)
        fclose(file);
    return number;
}

static int compactly(const void *a, const void *b)
{
    const processor *x = a, *y = b;
    return x->socket != y->socket ? x->socket - y->socket
           : x->core != y->core   ? x->core - y->core
                                  : x->number - y->number;
}

static int spread(const void *a, const void *b)
{
    const processor *x = a, *y = b;
    return x->thread != y->thread     ? x->thread - y->thread
           : x->in_turn != y->in_turn ? x->in_turn - y->in_turn
                                      : compactly(a, b);
}

static void look(const cpu_set_t *allowed)
{
    count = cores = sockets = 0;
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET((size_t)i, allowed))
            processors[count++] =
                (processor){i, read_number(i, "physical_package_id"), read_number(i, "core_id"), 0, 0};
    qsort(processors, count, sizeof *processors, compactly);
    for (unsigned i = 0; i < count; i++) {
        processor *now = &processors[i], *last = i > 0 ? now - 1 : NULL;
        int same_socket = last && last->socket == now->socket, same_core = same_socket && last->core == now->core;
        now->thread = same_core ? last->thread + 1 : 0;
        now->in_turn = same_core ? last->in_turn : same_socket ? last->in_turn + 1 : 0;
        cores += !same_core;
        sockets += !same_socket;
    }
    qsort(processors, count, sizeof *processors, spread);
}

unsigned bench_cores(void)
{
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (count == 0 && sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        look(&allowed);
    return count ? count : 1;
}

void bench_topology_pretend(const char *directory, unsigned those)
{
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    for (size_t i = 0; i < those; i++)
        CPU_SET(i, &allowed);
    sysfs = directory;
    look(&allowed);
}

int bench_topology_processor(unsigned n)
{
    return n < bench_cores() ? processors[n].number : -1;
}

unsigned bench_topology_cores(void)
{
    return bench_cores() ? cores : 0;
}

void bench_topology_describe(char *out, size_t size)
{
    (void)bench_cores();
    snprintf(out, size, "%u socket%s, %u core%s, %u thread%s each", sockets, sockets > 1 ? "s" : "", cores,
             cores > 1 ? "s" : "", (count + cores - 1) / cores, count > cores ? "s" : "");
}

void bench_topology_pin(bench_pin policy)
{
    (void)bench_cores();
    pinning = policy;
    if (policy != BENCH_PIN_NONE)
        qsort(processors, count, sizeof *processors, policy == BENCH_PIN_COMPACT ? compactly : spread);
}

void bench_pin_thread(unsigned n)
{
    cpu_set_t one;
    if (pinning == BENCH_PIN_NONE || n >= bench_cores())
        return;
    CPU_ZERO(&one);
    CPU_SET((size_t)processors[n].number, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one); /* unpinned is slower, not wrong */
}
