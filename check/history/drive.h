/*
 * One round: threads do random operations on a new object, what they did is recorded and checked. All that a round does
 * follows from its seed, but for what the scheduler does.
 */
#ifndef WEFT_CHECK_HISTORY_DRIVE_H
#define WEFT_CHECK_HISTORY_DRIVE_H

#include "check/history/check.h"
#include "check/history/iterate.h"

/* What is driven: a structure, or what looks like one. */
typedef struct lin_subject {
    const char *name, *scheme; /* scheme: "hazard", "epoch" or "" */
    lin_type type;
    const unsigned char *map_kind; /* of a map: the operations it has, and how many */
    size_t map_kinds;
    int (*create)(const struct lin_subject *self, void **object, unsigned threads); /* 0 or -errno */
    void (*destroy)(void *object);
    void *(*thread_begin)(void *object); /* each thread's handle */
    void (*thread_end)(void *object, void *thread);
    void (*perform)(void *object, void *thread, lin_operation *op); /* does it, and fills `got` and `result` */
    /* NULL where it has none: */
    bool (*iterate)(void *object, lin_iteration *out);
    size_t (*size)(void *object);    /* exact while nobody updates */
    size_t (*pending)(void *object); /* retired and not yet reclaimed, at most so far */
    const void *ctx;
} lin_subject;

typedef struct lin_plan {
    unsigned threads;
    size_t operations; /* of each */
    unsigned puts;     /* of 100, on queues and stacks */
    unsigned keys;     /* of maps; a quarter of the operations goes to as many others, more calmly */
    unsigned yields;   /* between operations, one time in so many */
    unsigned park_yields, park_sleeps, park_ns; /* inside operations: lin_park_set */
} lin_plan;

/* The laboratory's choice for a seed, of about so many operations in all. */
lin_plan lin_plan_of(uint64_t seed, lin_type type, unsigned cores, size_t operations);

typedef struct lin_outcome {
    lin_history history;
    lin_finding finding;     /* shrunk */
    size_t concurrent;       /* operations that met one of another thread */
    size_t iterations, seen; /* and how many entries they saw that had to be there */
    size_t pending;
} lin_outcome;

/* 0 or -errno: it could not be run. The caller frees what `out` holds by lin_outcome_free. */
int lin_round(const lin_subject *subject, const lin_plan *plan, uint64_t seed, lin_outcome *out);
void lin_outcome_free(lin_outcome *outcome);

#endif
