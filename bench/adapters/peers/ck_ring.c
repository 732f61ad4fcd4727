/*
 * Concurrency Kit's ck_ring: for many producers and consumers, where a producer waits for earlier ones; and for one of
 * each.
 */
#include "bench/measure/loops_container.h"

#include <ck_ring.h>
#include <errno.h>
#include <stdlib.h>

typedef struct ring {
    BENCH_ALIGNED(BENCH_LINE) ck_ring_t ring;
    ck_ring_buffer_t place[BENCH_PLACES];
} ring;

static int create(void **out, const bench_setup *setup)
{
    ring *r = aligned_alloc(BENCH_LINE, sizeof *r);
    (void)setup;
    if (!(*out = r))
        return -ENOMEM;
    ck_ring_init(&r->ring, BENCH_PLACES);
    return 0;
}

/* `kind`: the end of Concurrency Kit's names. */
#define CK_RING(kind, in_family, in_limits, in_note)                                                                   \
    BENCH_OP bool kind##_put(void *object, void *thread, void *value)                                                  \
    {                                                                                                                  \
        ring *r = object;                                                                                              \
        (void)thread;                                                                                                  \
        return ck_ring_enqueue_##kind(&r->ring, r->place, value);                                                      \
    }                                                                                                                  \
    BENCH_OP bool kind##_take(void *object, void *thread, void **value)                                                \
    {                                                                                                                  \
        ring *r = object;                                                                                              \
        (void)thread;                                                                                                  \
        return ck_ring_dequeue_##kind(&r->ring, r->place, value);                                                      \
    }                                                                                                                  \
    BENCH_CONTAINER(kind, kind##_put, kind##_take);                                                                    \
    const bench_impl bench_ck_##kind = {                                                                               \
        .name = "ck-ring",                                                                                             \
        .family = (in_family),                                                                                         \
        .role = BENCH_PEER,                                                                                            \
        .limits = (in_limits),                                                                                         \
        .note = "Concurrency Kit's ck_ring, " in_note "; one place stays free",                                        \
        .create = create,                                                                                              \
        .destroy = free,                                                                                               \
        .thread_begin = bench_no_thread_begin,                                                                         \
        .thread_end = bench_no_thread_end,                                                                             \
        .bounded = true,                                                                                               \
        .container = &kind##_ops,                                                                                      \
        .drive = kind##_drive,                                                                                         \
    };

CK_RING(mpmc, BENCH_RING, "bounded, may wait", "many producers and consumers")
CK_RING(spsc, BENCH_SPSC, "bounded", "one producer and one consumer")
