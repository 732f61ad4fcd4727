/*
 * Stops each operation at each of its atomic operations in turn, in a build of the library whose atomics can hold a
 * thread up (check/history/park_seam.h). A test decides what happens to that thread; this file says what others do
 * meanwhile.
 */
#ifndef WEFT_TESTS_FAULTS_PLACES_H
#define WEFT_TESTS_FAULTS_PLACES_H

#include "tests/unit/support.h"

#include "tests/support/containers.h"
#include "tests/support/maps.h"

enum { P_OTHERS = 2, P_KEYS = 16, P_KEY = 3 };

/* What the operation works on. */
typedef struct p_scene {
    weft_domain *domain;
    void *each[CONTAINERS];
    void *map[MAPS];
    weft_atomic_ptr shared;
    atomic_size_t put, taken; /* values of all containers, by all threads */
    atomic_int reclaimed;
    atomic_size_t others_done;
    size_t others_work; /* operations that each other thread does */
} p_scene;

typedef struct p_operation {
    const char *name;
    void (*prepare)(p_scene *scene); /* before it, in the same thread; may be NULL */
    void (*operate)(p_scene *scene);
} p_operation;

extern const p_operation p_operations[];
extern const size_t p_operation_count;

void p_open(p_scene *scene, weft_scheme scheme);

/* Two threads do `work` operations each on all structures, and check what they get. */
void p_others(p_scene *scene, size_t work);

/* Takes everything out: at most `lost` values may be missing, and the maps must be intact. */
void p_close(p_scene *scene, size_t lost);

/* Runs the operation in a thread of its own, with here(ctx) at its n-th atomic operation. False: it has fewer. */
bool p_run(p_scene *scene, const p_operation *operation, size_t n, void (*here)(void *ctx), void *ctx);

/* main: runs the test for each operation and scheme (its initial state: a t_case), or for those of a pattern. */
int p_main(const char *what, void (*test)(void **state), const char *pattern);

#endif
