#include "bench/count/operations.h"

#include "bench/measure/loops_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_OF_LINE static __attribute__((noinline))

OUT_OF_LINE void count_put(count_place *place, void *thread, unsigned number)
{
    (void)number;
    if (!place->impl->container->put(place->object, thread, (void *)8))
        abort();
}

OUT_OF_LINE void count_take(count_place *place, void *thread, unsigned number)
{
    void *value;
    (void)number;
    if (!place->impl->container->take(place->object, thread, &value))
        abort();
}

/* Keys below COUNT_ENTRIES are always there. */
OUT_OF_LINE void count_get(count_place *place, void *thread, unsigned number)
{
    if (!place->impl->map->get(place->object, thread, place->key[number] % COUNT_ENTRIES))
        abort();
}

OUT_OF_LINE void count_insert(count_place *place, void *thread, unsigned number)
{
    uint64_t key = COUNT_ENTRIES + place->key[number];
    if (!place->impl->map->insert(place->object, thread, key, bench_value_of(key)))
        abort();
}

OUT_OF_LINE void count_remove(count_place *place, void *thread, unsigned number)
{
    if (!place->impl->map->remove(place->object, thread, COUNT_ENTRIES + place->key[number]))
        abort();
    place->key[number] = (place->key[number] + 7) % 500 + 500 * number;
}

OUT_OF_LINE void count_read(count_place *place, void *thread, unsigned number)
{
    const bench_reclaim_ops *ops = place->impl->reclaim;
    (void)number;
    ops->enter(place->object, thread);
    if (ops->protect(place->object, thread, &place->cell)->value != 1)
        abort();
    ops->leave(place->object, thread);
}

OUT_OF_LINE void count_retire(count_place *place, void *thread, unsigned number)
{
    bench_object *object = malloc(sizeof *object);
    (void)number;
    if (!object)
        abort();
    *object = (bench_object){.value = 1, .reclaimed = &place->reclaimed};
    place->impl->reclaim->retire(place->object, thread,
                                 __atomic_exchange_n(&place->cell.pointer, object, __ATOMIC_ACQ_REL));
}

const count_operation count_operations[] = {
    {"weft_msq", "enqueue", BENCH_QUEUE, count_put},
    {"weft_msq", "dequeue", BENCH_QUEUE, count_take},
    {"weft_treiber", "push", BENCH_STACK, count_put},
    {"weft_treiber", "pop", BENCH_STACK, count_take},
    {"weft_map", "get", BENCH_MAP, count_get},
    {"weft_map", "insert", BENCH_MAP, count_insert},
    {"weft_map", "remove", BENCH_MAP, count_remove},
    {"weft_domain", "enter, protect, leave", BENCH_RECLAIM, count_read},
    {"weft_domain", "retire", BENCH_RECLAIM, count_retire},
    {0},
};

static _Noreturn void out_of_memory(void)
{
    fputs("weft bench: error: out of memory\n", stderr);
    exit(1);
}

void *count_thread(count_place *place)
{
    void *thread = place->impl->thread_begin(place->object);
    if (!thread)
        out_of_memory();
    return thread;
}

void count_create(count_place *place, bench_family family, const char *scheme)
{
    *place = (count_place){.key = {0, 500}};
    for (const bench_impl **at = bench_impls; *at && !place->impl; at++)
        if ((*at)->role == BENCH_WEFT && (*at)->family == family && strcmp((*at)->scheme, scheme) == 0)
            place->impl = *at;
    if (!place->impl || place->impl->create(&place->object, &(bench_setup){COUNT_ENTRIES, 3}) != 0)
        out_of_memory();
    bench_object *first = malloc(sizeof *first);
    void *thread = count_thread(place);
    if (!first)
        out_of_memory();
    *first = (bench_object){.value = 1, .reclaimed = &place->reclaimed};
    place->cell.pointer = first;
    for (uint64_t i = 0; i < COUNT_ENTRIES; i++)
        if (family == BENCH_MAP
                ? !place->impl->map->insert(place->object, thread, i, bench_value_of(i))
                : place->impl->container && !place->impl->container->put(place->object, thread, (void *)8))
            out_of_memory();
    place->impl->thread_end(place->object, thread);
}

void count_destroy(count_place *place)
{
    place->impl->destroy(place->object);
    free(place->cell.pointer);
}
