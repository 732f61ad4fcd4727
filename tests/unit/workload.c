#include "tests/unit/workload.h"

#include <errno.h>
#include <stdlib.h>

enum { VALUE = 0x5a00, KEYS = 16 };

void t_structures_open(t_structures *s, weft_domain *domain)
{
    *s = (t_structures){.domain = domain};
    for (size_t c = 0; c < CONTAINERS; c++)
        CHECK(containers[c].create(&s->each[c], domain) == 0);
    for (size_t m = 0; m < MAPS; m++)
        CHECK(maps[m].create(&s->map[m], domain, NULL, NULL) == 0);
}

typedef struct object {
    weft_hook hook;
    uint64_t magic;
} object;

static void free_object(void *ptr, void *ctx)
{
    t_structures *s = ctx;
    object *o = ptr;
    CHECK(o->magic == VALUE);
    o->magic = 0;
    atomic_fetch_sub(&s->live, 1);
    free(o);
}

static void retire_objects(t_structures *s)
{
    for (int hooked = 0; hooked < 2; hooked++) {
        object *o = calloc(1, sizeof *o);
        CHECK(o != NULL);
        o->magic = VALUE;
        atomic_fetch_add(&s->live, 1);
        if (hooked)
            weft_retire_hook(s->domain, &o->hook, o, sizeof *o, free_object, s);
        else
            CHECK(weft_retire(s->domain, o, free_object, s) == 0);
    }
}

static void use_map(t_structures *s, size_t m, uintptr_t first, int round)
{
    const map_subject *of = &maps[m];
    void *map = s->map[m], *out = NULL;
    uintptr_t key = first + (uintptr_t)round % KEYS;
    uintptr_t value = key + VALUE;
    weft_guard guard;
    CHECK(of->insert(map, key, t_ptr(value)) == 0);
    CHECK(of->insert(map, key, t_ptr(1)) == -EEXIST);
    CHECK(of->put(map, key, t_ptr(value + 1), &out) == 1 && t_int(out) == value);
    weft_enter(&guard, s->domain);
    CHECK(t_int(of->get(map, &guard, key)) == value + 1);
    void *other = of->get(map, &guard, key + KEYS); /* a neighbour's */
    CHECK(other == NULL || t_int(other) - key - KEYS - VALUE <= 1);
    weft_leave(&guard);
    CHECK(of->compare_and_replace(map, key, t_ptr(value + 1), t_ptr(value)) == 0);
    CHECK(of->compare_and_remove(map, key, t_ptr(value + 1)) == -EAGAIN);
    CHECK(of->remove(map, key, &out) && t_int(out) == value);
    CHECK(!of->contains(map, key));
}

void t_structures_use(t_structures *s, unsigned worker, int rounds)
{
    void *value = NULL;
    for (int i = 0; i < rounds; i++) {
        for (size_t c = 0; c < CONTAINERS; c++)
            CHECK(containers[c].put(s->each[c], t_ptr(VALUE + worker)) == 0);
        for (size_t m = 0; m < MAPS; m++)
            use_map(s, m, (uintptr_t)worker * KEYS, i);
        for (size_t c = 0; c < CONTAINERS; c++)
            CHECK(containers[c].take(s->each[c], &value) && t_int(value) >= VALUE);
        retire_objects(s);
    }
}

void t_structures_body(unsigned worker, void *structures)
{
    t_structures_use(structures, worker, 200);
}

void t_structures_close(t_structures *s)
{
    for (size_t c = 0; c < CONTAINERS; c++)
        CHECK(containers[c].is_empty(s->each[c]));
    for (size_t m = 0; m < MAPS; m++)
        CHECK(maps[m].size(s->map[m]) == 0);
    for (size_t c = 0; c < CONTAINERS; c++)
        containers[c].destroy(s->each[c], NULL, NULL);
    for (size_t m = 0; m < MAPS; m++)
        maps[m].destroy(s->map[m]);
    t_barrier(s->domain);
    CHECK(atomic_load(&s->live) == 0);
}

void t_structures_exercise(weft_domain *domain, unsigned threads)
{
    t_structures s;
    t_structures_open(&s, domain);
    t_structures_use(&s, threads, 200);
    t_run(threads, t_structures_body, &s);
    t_structures_close(&s);
}
