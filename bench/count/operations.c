#include "bench/count/operations.h"

#include "bench/adapters/ring_forms.h"
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

/* Keys below COUNT_ENTRIES are always present. */
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

/* clang-format off */
#define CONTAINER(KIND, it, put, take, unused)                                                       \
    {"weft_" #it, "weft-" #it, BENCH_##KIND, #put, "put", count_put},                                \
    {"weft_" #it, "weft-" #it, BENCH_##KIND, &#take[sizeof "try_" - 1], "take", count_take},
#define PUSHED(FAMILY, it, unused) RING(FAMILY, it, it, "", 0, unused)
#define RING(FAMILY, it, form, suffix, flags, unused)                                                \
    {"weft_" #it suffix, "weft-" #it suffix, BENCH_##FAMILY, "push", "put", count_put},              \
    {"weft_" #it suffix, "weft-" #it suffix, BENCH_##FAMILY, "pop", "take", count_take},
#define MAP(KIND, it, unused)                                                                              \
    {"weft_" #it, "weft-" #it, BENCH_MAP, "get", "get", count_get},                                  \
    {"weft_" #it, "weft-" #it, BENCH_MAP, "insert", "insert", count_insert},                         \
    {"weft_" #it, "weft-" #it, BENCH_MAP, "remove", "remove", count_remove},

const count_operation count_operations[] = {
    WEFT_CONTAINERS(CONTAINER, 0)
    WEFT_RING_FORMS(RING, 0)
    WEFT_OTHERS(PUSHED, 0)
    WEFT_MAPS(MAP, 0)
    {"weft_domain", "weft", BENCH_RECLAIM, "enter, protect, leave", "read", count_read},
    {"weft_domain", "weft", BENCH_RECLAIM, "retire", "retire", count_retire},
    {0},
};
/* clang-format on */

bool count_is_of(const count_operation *operation, const count_operation *first)
{
    return operation->structure && strcmp(operation->structure, first->structure) == 0;
}

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

void count_create(count_place *place, const count_operation *of, const char *scheme)
{
    *place = (count_place){.key = {0, 500}};
    for (const bench_impl **at = bench_impls; *at && !place->impl; at++)
        if ((*at)->family == of->family && strcmp((*at)->name, of->impl) == 0 &&
            ((*at)->scheme ? strcmp((*at)->scheme, scheme) == 0 : *scheme == '\0'))
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
        if (of->family == BENCH_MAP
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
