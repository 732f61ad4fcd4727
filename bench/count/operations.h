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
    const char *structure, *name;
    bench_family family;
    void (*run)(count_place *place, void *thread,
                unsigned number); /* one; out of line, so that callgrind sees it by its name */
} count_operation;

enum { COUNT_ENTRIES = 1000 };

/* Those of a family stand together, in the order in which a thread does them: what one puts, the next takes. Ended by a NULL name. */
extern const count_operation count_operations[];

/* With COUNT_ENTRIES in it. Exits, having said so, when there is no memory. */
void count_create(count_place *place, bench_family family, const char *scheme);
void count_destroy(count_place *place);
void *count_thread(count_place *place);

#endif
