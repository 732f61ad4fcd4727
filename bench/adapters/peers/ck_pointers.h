/*
 * Concurrency Kit's hazard pointers, for its structures and for the reclaim family: a domain, and a record per thread.
 */
#ifndef BENCH_PEERS_CK_POINTERS_H
#define BENCH_PEERS_CK_POINTERS_H

#include "bench/measure/worker.h"

#include <ck_hp.h>
#include <stdlib.h>

enum { CK_THRESHOLD = 1024, CK_DEGREE = 2 };

#define whole_lines(size) (((size) + BENCH_LINE - 1) / BENCH_LINE * BENCH_LINE)

typedef struct ck_pointers {
    ck_hp_record_t record;
    void *hazard[CK_DEGREE];
} ck_pointers;

/* NULL: no memory. */
static inline ck_hp_t *ck_pointers_new(unsigned degree, ck_hp_destructor_t destructor)
{
    ck_hp_t *hp = aligned_alloc(BENCH_LINE, whole_lines(sizeof *hp));
    if (hp)
        ck_hp_init(hp, degree, CK_THRESHOLD, destructor);
    return hp;
}

/* Records of threads that have ended stay in the domain's list. */
static inline void ck_pointers_delete(void *object)
{
    ck_hp_t *hp = object;
    ck_stack_entry_t *entry, *next;
    for (entry = CK_STACK_FIRST(&hp->subscribers); entry; entry = next) {
        next = CK_STACK_NEXT(entry);
        free((char *)entry - offsetof(ck_hp_record_t, global_entry));
    }
    free(hp);
}

static inline void *ck_pointers_begin(void *hp)
{
    ck_pointers *thread = aligned_alloc(BENCH_LINE, whole_lines(sizeof *thread));
    if (thread)
        ck_hp_register(hp, &thread->record, thread->hazard);
    return thread;
}

static inline void ck_pointers_end(void *hp, void *thread)
{
    (void)hp;
    ck_hp_clear(&((ck_pointers *)thread)->record);
    ck_hp_purge(&((ck_pointers *)thread)->record);
    ck_hp_unregister(&((ck_pointers *)thread)->record);
}

#endif
