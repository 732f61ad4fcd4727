/* The measured loop for maps; loops_container.h says why it is compiled for each adapter. */
#ifndef BENCH_LOOPS_MAP_H
#define BENCH_LOOPS_MAP_H

#include "bench/measure/loops_container.h"
#include "bench/measure/zipf.h"

typedef void *bench_get_function(void *object, void *thread, uint64_t key);
typedef bool bench_insert_function(void *object, void *thread, uint64_t key, void *value);
typedef bool bench_remove_function(void *object, void *thread, uint64_t key);

/* The value that belongs to a key, so that a lookup can be checked. */
static inline void *bench_value_of(uint64_t key)
{
    return (void *)(uintptr_t)(key * 8 + 8);
}

bench_inline void bench_map_step(bench_worker *w, uint64_t bits, uint64_t key, bench_get_function *get,
                                 bench_insert_function *insert, bench_remove_function *remove)
{
    unsigned die = (unsigned)bench_scale((uint32_t)bits, 100);
    if (die < w->get_share) {
        void *value = get(w->object, w->thread, key);
        if (value && value != bench_value_of(key))
            w->counts.wrong++;
    } else if (die < w->get_share + w->insert_share) {
        w->counts.inserted += insert(w->object, w->thread, key, bench_value_of(key));
    } else {
        w->counts.removed += remove(w->object, w->thread, key);
    }
    w->counts.operations++;
}

bench_inline void bench_map_loop(bench_worker *w, bench_get_function *get, bench_insert_function *insert,
                                 bench_remove_function *remove, bench_histogram *times, uint64_t work)
{
    size_t place = (size_t)(bench_random(&w->random) % BENCH_ZIPF_DRAWS);
    while (bench_running(w)) {
        uint64_t bits = bench_random(&w->random);
        uint64_t key;
        if (w->draws) {
            key = w->draws[place];
            place = (place + 1) % BENCH_ZIPF_DRAWS;
        } else {
            key = bench_scale((uint32_t)(bits >> 32), w->range);
        }
        uint64_t before = times ? bench_begins(w) : 0;
        bench_map_step(w, bits, key, get, insert, remove);
        if (times)
            bench_histogram_add(times, bench_ticks() - before);
        bench_work(work);
    }
}

/* Inserts w->fills keys that no other thread inserts, in an order that is not that of their values. */
bench_inline void bench_fill_loop(bench_worker *w, bench_insert_function *insert, bench_histogram *times)
{
    for (uint64_t i = 0; i < w->fills; i++) {
        uint64_t number = i * w->control->threads + w->index + 1;
        uint64_t key = number * UINT64_C(0x9e3779b97f4a7c15) >> 2;
        uint64_t before = times ? bench_ticks() : 0;
        w->counts.inserted += insert(w->object, w->thread, key, bench_value_of(key));
        if (times)
            bench_histogram_add(times, bench_ticks() - before);
        w->counts.operations++;
    }
}

/* Defines `prefix`_drive and `prefix`_ops. */
#define BENCH_MAP_LOOPS(prefix, get, insert, remove, size)                                                             \
    static void prefix##_drive(bench_worker *worker)                                                                   \
    {                                                                                                                  \
        if (worker->fills)                                                                                             \
            bench_fill_loop(worker, insert, worker->times);                                                            \
        else if (worker->times)                                                                                        \
            bench_map_loop(worker, get, insert, remove, worker->times, worker->work);                                  \
        else if (worker->work)                                                                                         \
            bench_map_loop(worker, get, insert, remove, NULL, worker->work);                                           \
        else                                                                                                           \
            bench_map_loop(worker, get, insert, remove, NULL, 0);                                                      \
    }                                                                                                                  \
    BENCH_TABLE bench_map_ops prefix##_ops = {get, insert, remove, size}

#endif
