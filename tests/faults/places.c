#include "tests/faults/places.h"

#include "check/history/park.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/hashmap/split_map_layout.h>

static void *value_of(unsigned who, size_t i)
{
    return t_ptr(((uintptr_t)who + 1) << 40 | i);
}

/* ---- the operations ---- */

static void count_put(p_scene *s, int error)
{
    CHECK(error == 0);
    atomic_fetch_add(&s->put, 1);
}

static void put(p_scene *s, size_t c)
{
    count_put(s, containers[c].put(s->each[c], value_of(P_OTHERS, 1)));
}

static void take(p_scene *s, size_t c)
{
    void *value;
    atomic_fetch_add(&s->taken, containers[c].take(s->each[c], &value));
}

#define OPERATIONS_OF(KIND, name, put_it, take_it, unused)                                                             \
    static void name##_##put_it(p_scene *s)                                                                            \
    {                                                                                                                  \
        put(s, CONTAINER_##name);                                                                                      \
    }                                                                                                                  \
    static void name##_##take_it(p_scene *s)                                                                           \
    {                                                                                                                  \
        take(s, CONTAINER_##name);                                                                                     \
    }
WEFT_CONTAINERS(OPERATIONS_OF, 0)

static void map_insert(p_scene *s)
{
    int error = weft_map_insert(s->map, t_ptr(P_KEY), t_ptr(P_KEY + 1));
    CHECK(error == 0 || error == -EEXIST);
}

static void map_put(p_scene *s)
{
    CHECK(weft_map_put(s->map, t_ptr(P_KEY), t_ptr(P_KEY + 1), NULL) >= 0);
}

static void map_get(p_scene *s)
{
    void *value = weft_map_get(s->map, NULL, t_ptr(P_KEY));
    CHECK(!value || t_int(value) == P_KEY + 1);
}

static void map_get_or_insert(p_scene *s)
{
    void *value;
    CHECK(weft_map_get_or_insert(s->map, NULL, t_ptr(P_KEY), t_ptr(P_KEY + 1), &value) >= 0);
    CHECK(t_int(value) == P_KEY + 1);
}

static void map_replace(p_scene *s)
{
    int error = weft_map_compare_and_replace(s->map, t_ptr(P_KEY), t_ptr(P_KEY + 1), t_ptr(P_KEY + 1));
    CHECK(error == 0 || error == -ENOENT);
}

static void map_remove(p_scene *s)
{
    (void)weft_map_remove(s->map, t_ptr(P_KEY), NULL);
}

static void map_iterate(p_scene *s)
{
    weft_map_iterator it;
    void *key, *value;
    weft_map_iterate(&it, s->map);
    while (weft_map_next(&it, &key, &value))
        CHECK(t_int(value) == t_int(key) + 1);
    weft_map_iterate_end(&it);
}

static void make_present(p_scene *s)
{
    map_put(s);
}

/* Inserts so many keys that the next insertion grows the table. */
static void make_full(p_scene *s)
{
    weft_map_statistics figures;
    for (uintptr_t key = P_KEYS;; key++) {
        weft_map_stats(s->map, &figures);
        if (figures.size * 2 >= figures.buckets && figures.buckets >= 8)
            return;
        CHECK(weft_map_insert(s->map, t_ptr(key), t_ptr(key + 1)) == 0);
    }
}

/* Makes a table that removals shrink: large, and nearly empty. */
static void make_sparse(p_scene *s)
{
    for (uintptr_t key = P_KEYS; key < P_KEYS + 64; key++)
        CHECK(weft_map_insert(s->map, t_ptr(key), t_ptr(key + 1)) == 0);
    make_present(s);
    for (uintptr_t key = P_KEYS; key < P_KEYS + 64; key++)
        CHECK(weft_map_remove(s->map, t_ptr(key), NULL));
}

static void read_shared(p_scene *s)
{
    weft_guard guard;
    weft_enter(&guard, s->domain);
    CHECK(*(int *)weft_protect(&guard, &s->shared) == 1);
    weft_leave(&guard);
}

static void retire_one(p_scene *s)
{
    int *object = malloc(sizeof *object);
    weft_guard guard;
    CHECK(object != NULL);
    *object = 1;
    weft_enter(&guard, s->domain);
    void *old = weft_protect(&guard, &s->shared);
    bool mine = weft_ptr_cas(&s->shared, &old, object);
    weft_leave(&guard);
    if (!mine)
        free(object);
    else
        CHECK(weft_retire(s->domain, old, t_count_free, &s->reclaimed) == 0);
}

/* Retires so many that the next one completes the batch, and scans. */
static void fill_batch(p_scene *s)
{
    for (int i = 0; i < 7; i++)
        retire_one(s);
}

static void flush(p_scene *s)
{
    weft_domain_flush(s->domain);
}

#define LISTED(KIND, name, put_it, take_it, unused)                                                                    \
    {#name " " #put_it, NULL, name##_##put_it},                                                                        \
    {                                                                                                                  \
#name " " #take_it, NULL, name##_##take_it                                                                     \
    }

const p_operation p_operations[] = {
    WEFT_CONTAINERS_BETWEEN(WEFT_COMMA, LISTED, 0),
    {"map insert", NULL, map_insert},
    {"map insert that grows the table", make_full, map_insert},
    {"map put that inserts", NULL, map_put},
    {"map put that replaces", make_present, map_put},
    {"map get", make_present, map_get},
    {"map get_or_insert", NULL, map_get_or_insert},
    {"map replace", make_present, map_replace},
    {"map remove", make_present, map_remove},
    {"map remove that shrinks the table", make_sparse, map_remove},
    {"map iteration", make_present, map_iterate},
    {"enter, protect, leave", NULL, read_shared},
    {"retire", NULL, retire_one},
    {"retire that scans", fill_batch, retire_one},
    {"flush", fill_batch, flush},
};
const size_t p_operation_count = T_COUNT(p_operations);

/* ---- the others ---- */

/* Puts one value into each container. Returns how many values it took. */
static size_t other_turn(p_scene *s, unsigned who, size_t i)
{
    void *value;
    uintptr_t key = i % P_KEYS;
    size_t taken = 0;
    for (size_t c = 0; c < CONTAINERS; c++)
        CHECK(containers[c].put(s->each[c], value_of(who, i)) == 0);
    for (size_t c = 0; c < CONTAINERS; c++)
        taken += containers[c].take(s->each[c], &value);
    CHECK(weft_map_put(s->map, t_ptr(key), t_ptr(key + 1), NULL) >= 0);
    value = weft_map_get(s->map, NULL, t_ptr((key + 5) % P_KEYS));
    CHECK(!value || t_int(value) == (key + 5) % P_KEYS + 1);
    (void)weft_map_remove(s->map, t_ptr((key + P_KEYS / 2) % P_KEYS), NULL);
    if (i % 8 == 0)
        retire_one(s);
    return taken;
}

static void other(unsigned who, void *ctx)
{
    p_scene *s = ctx;
    enum { OPERATIONS_A_TURN = 2 * CONTAINERS + 3 };
    size_t turns = (s->others_work + OPERATIONS_A_TURN - 1) / OPERATIONS_A_TURN, taken = 0;
    for (size_t i = 1; i <= turns; i++)
        taken += other_turn(s, who, i);
    atomic_fetch_add(&s->put, CONTAINERS * turns);
    atomic_fetch_add(&s->taken, taken);
    atomic_fetch_add(&s->others_done, OPERATIONS_A_TURN * turns);
}

void p_others(p_scene *scene, size_t work)
{
    scene->others_work = work;
    t_run(P_OTHERS, other, scene);
}

/* ---- the scene ---- */

static void *take_memory(size_t size, size_t alignment, void *ctx)
{
    void *memory = NULL;
    (void)ctx;
    return posix_memalign(&memory, alignment < sizeof memory ? sizeof memory : alignment, size) == 0 ? memory : NULL;
}

/* Late reads give nonsense. */
static void spoil_memory(void *memory, size_t size, void *ctx)
{
    (void)ctx;
    memset(memory, 0xdb, size);
    free(memory);
}

void p_open(p_scene *s, weft_scheme scheme)
{
    const weft_domain_config config = {.scheme = scheme, .allocator = {take_memory, spoil_memory, NULL}};
    int *first = malloc(sizeof *first);
    CHECK(first != NULL);
    *first = 1;
    *s = (p_scene){0};
    CHECK(weft_domain_create(&s->domain, &config) == 0);
    for (size_t c = 0; c < CONTAINERS; c++)
        CHECK(containers[c].create(&s->each[c], s->domain) == 0);
    CHECK(weft_map_create(&s->map, s->domain, NULL) == 0);
    s->map->seed = (weft_map_seed){1, 2}; /* else the places differ from run to run, and one may be left out */
    weft_ptr_store(&s->shared, first);
    for (int i = 0; i < 3; i++)
        for (size_t c = 0; c < CONTAINERS; c++)
            put(s, c);
}

void p_close(p_scene *s, size_t lost)
{
    weft_map_iterator it;
    void *key, *value;
    size_t seen = 0, removed = 0;
    for (size_t c = 0; c < CONTAINERS; c++)
        while (containers[c].take(s->each[c], &value))
            atomic_fetch_add(&s->taken, 1);
    /* the stopped thread's own value, not counted, may be there; a value that it took may be missing */
    CHECK(atomic_load(&s->put) <= atomic_load(&s->taken) + lost &&
          atomic_load(&s->taken) <= atomic_load(&s->put) + lost);
    weft_map_iterate(&it, s->map);
    for (; weft_map_next(&it, &key, &value); seen++)
        CHECK(t_int(value) == t_int(key) + 1 && weft_map_get(s->map, NULL, key) == value);
    weft_map_iterate_end(&it);
    for (uintptr_t k = 0; k < P_KEYS + 64; k++)
        removed += weft_map_remove(s->map, t_ptr(k), NULL);
    CHECK(seen == removed);
    CHECK(weft_map_size(s->map) <= lost || weft_map_size(s->map) == SIZE_MAX);
    for (size_t c = 0; c < CONTAINERS; c++)
        containers[c].destroy(s->each[c], NULL, NULL);
    weft_map_destroy(s->map, NULL, NULL);
    CHECK(weft_domain_barrier(s->domain, UINT64_MAX) == 0);
    CHECK(t_stats(s->domain).guards_held == 0);
    CHECK(weft_domain_destroy(s->domain) == 0);
    free(weft_ptr_load(&s->shared));
}

typedef struct run {
    p_scene *scene;
    const p_operation *operation;
    size_t n;
    void (*here)(void *ctx);
    void *ctx;
    bool reached;
} run;

static void *run_main(void *argument)
{
    run *r = argument;
    CHECK(weft_domain_attach(r->scene->domain) == 0);
    if (r->operation->prepare)
        r->operation->prepare(r->scene);
    r->reached = true; /* stands if the thread ends there */
    lin_park_at(r->n, r->here, r->ctx);
    r->operation->operate(r->scene);
    r->reached = !lin_park_cancel();
    return NULL;
}

bool p_run(p_scene *scene, const p_operation *operation, size_t n, void (*here)(void *ctx), void *ctx)
{
    pthread_t thread;
    run r = {scene, operation, n, here, ctx, false};
    CHECK(pthread_create(&thread, NULL, run_main, &r) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return r.reached;
}

int p_main(const char *what, void (*test)(void **state), const char *pattern)
{
    static struct CMUnitTest tests[2 * T_COUNT(p_operations)];
    static char names[T_COUNT(tests)][80];
    static t_case cases[T_COUNT(tests)];
    for (size_t i = 0; i < T_COUNT(tests); i++) {
        const p_operation *operation = &p_operations[i / 2];
        cases[i] = (t_case){i % 2 ? WEFT_EPOCH : WEFT_HAZARD, operation};
        snprintf(names[i], sizeof names[i], "%s in %s (%s)", what, operation->name, i % 2 ? "epoch" : "hazard");
        tests[i] = (struct CMUnitTest){names[i], test, NULL, NULL, &cases[i]};
    }
    if (pattern)
        cmocka_set_test_filter(pattern);
    return cmocka_run_group_tests_name(what, tests, NULL, NULL);
}
