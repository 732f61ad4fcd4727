/*
 * One round: threads do random operations on a new object; these are recorded and checked. The seed determines all
 * that a round does, except the schedule.
 */
#ifndef WEFT_CHECK_HISTORY_DRIVE_H
#define WEFT_CHECK_HISTORY_DRIVE_H

#include "check/history/check.h"
#include "check/history/iterate.h"

typedef enum lin_roles {
    LIN_EACH_DOES_BOTH,
    LIN_ONE_EACH,  /* one thread puts, one takes */
    LIN_ONE_TAKES, /* the others put */
    LIN_ONE_OWNS   /* it pushes and pops; the others steal */
} lin_roles;

/* What is driven: a structure, or anything with such an interface. */
typedef struct lin_subject {
    const char *name, *scheme; /* scheme: "hazard", "epoch" or "" */
    lin_type type;
    const unsigned char *map_kind; /* a map's operations (lin_kind), and their number */
    size_t map_kinds, capacity;    /* capacity: a ring's */
    lin_roles roles;
    int (*create)(const struct lin_subject *self, void **object, unsigned threads); /* 0 or -errno */
    void (*destroy)(void *object);
    void *(*thread_begin)(void *object); /* each thread's handle */
    void (*thread_end)(void *object, void *thread);
    void (*perform)(void *object, void *thread, lin_operation *op); /* fills `got` and `result` */
    /* May be NULL: */
    bool (*iterate)(void *object, lin_iteration *out);
    size_t (*size)(void *object);    /* exact while nobody updates */
    size_t (*pending)(void *object); /* the most nodes so far that were retired and not yet reclaimed */
    const void *ctx;
} lin_subject;

typedef struct lin_plan {
    unsigned threads;
    size_t operations; /* of each */
    unsigned puts;     /* of 100, on queues and stacks */
    unsigned keys;     /* of maps; a quarter of the operations use as many other keys, and mostly read them */
    unsigned yields;   /* between operations, one time in so many */
    unsigned park_yields, park_sleeps, park_ns; /* inside operations: lin_park_set */
} lin_plan;

/* Draws a plan from the seed, with about so many operations in all, or fewer if the search has to decide. */
lin_plan lin_plan_of(uint64_t seed, const lin_subject *subject, unsigned cores, size_t operations);

typedef struct lin_outcome {
    lin_history history;
    lin_finding finding;     /* shrunk */
    size_t concurrent;       /* operations that overlapped another thread's */
    size_t iterations, seen; /* seen: entries that the iterations had to see, and did */
    size_t pending;
} lin_outcome;

/* 0, or -errno: the round could not be run. The caller frees `out` by lin_outcome_free. */
int lin_round(const lin_subject *subject, const lin_plan *plan, uint64_t seed, lin_outcome *out);
void lin_outcome_free(lin_outcome *outcome);

#endif
