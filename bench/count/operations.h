/* The operations that --count counts, by the bench's own adapters. */
#ifndef BENCH_COUNT_OPERATIONS_H
#define BENCH_COUNT_OPERATIONS_H

#include "bench/measure/adapter.h"

typedef struct count_place {
    const bench_impl *impl;
    void *object;
    bench_cell cell;
    uint64_t reclaimed;
    uint64_t key[2]; /* of each thread: the next */
} count_place;

typedef struct count_operation {
    const char *structure;
    const char *impl; /* the adapter's name, in its family */
    bench_family family;
    const char *name;
    const char *function; /* without count_, for callgrind */
    void (*run)(count_place *place, void *thread,
                unsigned number); /* one; out of line, so that callgrind sees it by its name */
} count_operation;

enum { COUNT_ENTRIES = 1000 };

/* Those of a structure stand together, in the order in which a thread does them: what one puts, the next takes. Ended by NULL. */
extern const count_operation count_operations[];
bool count_is_of(const count_operation *operation, const count_operation *first); /* the same structure's */

/* What it works on, with COUNT_ENTRIES in it. Exits, having said so, when there is no memory. */
void count_create(count_place *place, const count_operation *of, const char *scheme);
void count_destroy(count_place *place);
void *count_thread(count_place *place);

#endif
