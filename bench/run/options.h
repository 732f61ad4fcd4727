/* The command line. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "bench/machine/topology.h"
#include "bench/measure/workload.h"

enum { BENCH_MOST = 64 }; /* items of a list */

typedef enum bench_pages { BENCH_PAGES_BOTH, BENCH_PAGES_ON, BENCH_PAGES_OFF } bench_pages;

typedef struct bench_names {
    const char *item[BENCH_MOST];
    unsigned count;
    char *text; /* the items point into it */
} bench_names;

typedef struct bench_options {
    bool quick, peers, latency, memory, list, help, resume;
    bool families[BENCH_FAMILIES];
    bool family_asked; /* families, files, implementations or workloads were named */
    bench_names family_names;
    bench_names implementations; /* none: all */
    bench_names workloads;       /* none: all */
    unsigned threads[BENCH_MOST], thread_count;
    bool threads_asked, threads_auto;
    unsigned work_ns[BENCH_MOST], work_count; /* after each operation; default: only 0 */
    uint64_t keys[BENCH_MOST];
    unsigned key_count;
    bool keys_asked;
    bool uniform, zipf;
    unsigned rounds;
    unsigned duration_ms; /* 0: not given */
    double rate;          /* M operations per second; 0: not given */
    bench_pages pages;
    bool pages_asked;
    bench_pin pin;
    const char *json; /* NULL: none; "-": standard output */
    char **files;
    int file_count;
    char **arguments; /* those that determine what is measured */
    unsigned argument_count;
} bench_options;

/* Fills *options. False: an argument is wrong; one line was printed that says what was expected. */
bool bench_options_parse(bench_options *options, int argc, char **argv);

#endif
