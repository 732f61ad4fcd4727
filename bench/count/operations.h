/* The operations that --count measures, called through the bench's adapters. */
#ifndef BENCH_COUNT_OPERATIONS_H
#define BENCH_COUNT_OPERATIONS_H

#include "bench/measure/adapter.h"

typedef struct count_place {
    const bench_impl *impl;
    void *object;
    bench_cell cell;
    uint64_t reclaimed;
    uint64_t key[2]; /* the next key of each thread */
} count_place;

typedef struct count_operation {
    const char *structure;
    const char *impl; /* the adapter's name, in its family */
    bench_family family;
    const char *name;
    const char *function; /* its name in callgrind's output, without count_ */
    void (*run)(count_place *place, void *thread,
                unsigned number); /* runs one operation; out of line, so that callgrind sees its name */
} count_operation;

enum { COUNT_ENTRIES = 1000 };

/*
 * The operations of a structure stand together, in the order in which a thread runs them: it takes what it put. Ended
 * by NULL.
 */
extern const count_operation count_operations[];
bool count_is_of(const count_operation *operation, const count_operation *first); /* of the same structure */

/* Makes the object to work on, with COUNT_ENTRIES entries. Without memory, prints a message and exits. */
void count_create(count_place *place, const count_operation *of, const char *scheme);
void count_destroy(count_place *place);
void *count_thread(count_place *place);

#endif
