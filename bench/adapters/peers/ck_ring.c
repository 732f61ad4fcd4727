/*
 * Concurrency Kit's ck_ring: for many producers and consumers, with 64 Ki places, where a producer waits for earlier ones;
 * and for one of each.
 */
#include "bench/measure/loops_container.h"

#include <ck_ring.h>
#include <errno.h>
#include <stdlib.h>

enum { PLACES = 1 << 16 };

typedef struct ring {
    BENCH_ALIGNED(BENCH_LINE) ck_ring_t ring;
    ck_ring_buffer_t place[PLACES];
} ring;

static int ring_create(void **out, const bench_setup *setup)
{
    ring *r = aligned_alloc(BENCH_LINE, sizeof *r);
    (void)setup;
    if (!(*out = r))
        return -ENOMEM;
    ck_ring_init(&r->ring, PLACES);
    return 0;
}

BENCH_OP bool ring_put(void *object, void *thread, void *value)
{
    ring *r = object;
    (void)thread;
    return ck_ring_enqueue_mpmc(&r->ring, r->place, value);
}

BENCH_OP bool ring_take(void *object, void *thread, void **value)
{
    ring *r = object;
    (void)thread;
    return ck_ring_dequeue_mpmc(&r->ring, r->place, value);
}

BENCH_CONTAINER(ring, ring_put, ring_take);

const bench_impl bench_ck_ring = {
    .name = "ck-ring",
    .family = BENCH_QUEUE,
    .role = BENCH_PEER,
    .limits = "bounded, may wait",
    .note = "Concurrency Kit's ck_ring, many producers and consumers, 64 Ki places",
    .create = ring_create,
    .destroy = free,
    .thread_begin = bench_no_thread_begin,
    .thread_end = bench_no_thread_end,
    .container = &ring_ops,
    .drive = ring_drive,
};

/* ---- one producer, one consumer ---- */

typedef struct spsc {
    BENCH_ALIGNED(BENCH_LINE) ck_ring_t ring;
    ck_ring_buffer_t place[BENCH_PLACES];
} spsc;

static int spsc_create(void **out, const bench_setup *setup)
{
    spsc *r = aligned_alloc(BENCH_LINE, sizeof *r);
    (void)setup;
    if (!(*out = r))
        return -ENOMEM;
    ck_ring_init(&r->ring, BENCH_PLACES);
    return 0;
}

BENCH_OP bool spsc_put(void *object, void *thread, void *value)
{
    spsc *r = object;
    (void)thread;
    return ck_ring_enqueue_spsc(&r->ring, r->place, value);
}

BENCH_OP bool spsc_take(void *object, void *thread, void **value)
{
    spsc *r = object;
    (void)thread;
    return ck_ring_dequeue_spsc(&r->ring, r->place, value);
}

BENCH_CONTAINER(spsc, spsc_put, spsc_take);

const bench_impl bench_ck_spsc = {
    .name = "ck-ring",
    .family = BENCH_SPSC,
    .role = BENCH_PEER,
    .limits = "bounded",
    .note = "Concurrency Kit's ck_ring, one producer and one consumer",
    .bounded = true,
    .create = spsc_create,
    .destroy = free,
    .thread_begin = bench_no_thread_begin,
    .thread_end = bench_no_thread_end,
    .container = &spsc_ops,
    .drive = spsc_drive,
};
