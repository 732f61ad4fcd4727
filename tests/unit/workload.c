#include "tests/unit/workload.h"

#include <errno.h>
#include <stdlib.h>

enum { VALUE = 0x5a00, KEYS = 16 };

void t_structures_open(t_structures *s, weft_domain *domain)
{
    *s = (t_structures){.domain = domain};
    CHECK(weft_msq_create(&s->queue, domain) == 0);
    CHECK(weft_treiber_create(&s->stack, domain) == 0);
    CHECK(weft_map_create(&s->map, domain, NULL) == 0);
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

static void use_map(t_structures *s, uintptr_t first, int round)
{
    uintptr_t key = first + (uintptr_t)round % KEYS;
    uintptr_t value = key + VALUE;
    void *out = NULL;
    weft_guard guard;
    CHECK(weft_map_insert(s->map, t_ptr(key), t_ptr(value)) == 0);
    CHECK(weft_map_insert(s->map, t_ptr(key), t_ptr(1)) == -EEXIST);
    CHECK(weft_map_put(s->map, t_ptr(key), t_ptr(value + 1), &out) == 1 && t_int(out) == value);
    weft_enter(&guard, s->domain);
    CHECK(t_int(weft_map_get(s->map, &guard, t_ptr(key))) == value + 1);
    void *other = weft_map_get(s->map, &guard, t_ptr(key + KEYS)); /* a neighbour's */
    CHECK(other == NULL || t_int(other) - key - KEYS - VALUE <= 1);
    weft_leave(&guard);
    CHECK(weft_map_compare_and_replace(s->map, t_ptr(key), t_ptr(value + 1), t_ptr(value)) == 0);
    CHECK(weft_map_compare_and_remove(s->map, t_ptr(key), t_ptr(value + 1)) == -EAGAIN);
    CHECK(weft_map_remove(s->map, t_ptr(key), &out) && t_int(out) == value);
    CHECK(!weft_map_contains(s->map, t_ptr(key)));
}

void t_structures_use(t_structures *s, unsigned worker, int rounds)
{
    void *value = NULL;
    for (int i = 0; i < rounds; i++) {
        CHECK(weft_msq_enqueue(s->queue, t_ptr(VALUE + worker)) == 0);
        CHECK(weft_treiber_push(s->stack, t_ptr(VALUE + worker)) == 0);
        use_map(s, (uintptr_t)worker * KEYS, i);
        CHECK(weft_msq_try_dequeue(s->queue, &value) && t_int(value) >= VALUE);
        CHECK(weft_treiber_try_pop(s->stack, &value) && t_int(value) >= VALUE);
        retire_objects(s);
    }
}

void t_structures_body(unsigned worker, void *structures)
{
    t_structures_use(structures, worker, 200);
}

void t_structures_close(t_structures *s)
{
    CHECK(weft_msq_is_empty(s->queue));
    CHECK(weft_treiber_is_empty(s->stack));
    CHECK(weft_map_size(s->map) == 0);
    weft_msq_destroy(s->queue, NULL, NULL);
    weft_treiber_destroy(s->stack, NULL, NULL);
    weft_map_destroy(s->map, NULL, NULL);
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
