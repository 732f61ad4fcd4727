/* One of each structure in a domain, and a small piece of checked work on all of them, from any number of threads. */
#ifndef WEFT_TESTS_UNIT_WORKLOAD_H
#define WEFT_TESTS_UNIT_WORKLOAD_H

#include "tests/unit/support.h"

#include "tests/support/containers.h"
#include "tests/support/maps.h"

typedef struct t_structures {
    weft_domain *domain;
    void *each[CONTAINERS];
    void *map[MAPS];
    atomic_int live; /* objects made and not reclaimed */
} t_structures;

void t_structures_open(t_structures *s, weft_domain *domain);

/*
 * `rounds` times: puts into each, takes from each, works with keys of each map that are `worker`'s alone, looks up
 * others', retires an object with and one without a hook. Leaves as many values in each container as it found.
 */
void t_structures_use(t_structures *s, unsigned worker, int rounds);

/* The same as a body for t_run: 200 rounds. */
void t_structures_body(unsigned worker, void *structures);

/* Destroys all. Fails unless containers and maps are as empty as t_structures_use leaves them. */
void t_structures_close(t_structures *s);

/* Opens, uses and closes in this thread and in `threads` others. */
void t_structures_exercise(weft_domain *domain, unsigned threads);

#endif
