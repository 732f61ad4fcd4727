#include "tests/faults/places.h"

#include "check/history/park.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/hashmap/split_map_layout.h>
#include <weft/hashmap/table_layout.h>

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

/* The value of a key, or one that the operation is about to replace. */
static bool fits(uintptr_t key, const void *value)
{
    return t_int(value) == key + 1 || (key == P_KEY && t_int(value) == key + 2);
}

static void insert(p_scene *s, size_t m)
{
    int error = maps[m].insert(s->map[m], P_KEY, t_ptr(P_KEY + 1));
    CHECK(error == 0 || error == -EEXIST);
}

static void put_key(p_scene *s, size_t m)
{
    CHECK(maps[m].put(s->map[m], P_KEY, t_ptr(P_KEY + 1), NULL) >= 0);
}

static void get(p_scene *s, size_t m)
{
    void *value = maps[m].get(s->map[m], NULL, P_KEY);
    CHECK(!value || fits(P_KEY, value));
}

static void get_or_insert(p_scene *s, size_t m)
{
    void *value;
    CHECK(maps[m].get_or_insert(s->map[m], NULL, P_KEY, t_ptr(P_KEY + 1), &value) >= 0);
    CHECK(fits(P_KEY, value));
}

static void replace(p_scene *s, size_t m)
{
    int error = maps[m].compare_and_replace(s->map[m], P_KEY, t_ptr(P_KEY + 2), t_ptr(P_KEY + 1));
    CHECK(error == 0 || error == -ENOENT || error == -EAGAIN);
}

static void remove_key(p_scene *s, size_t m)
{
    (void)maps[m].remove(s->map[m], P_KEY, NULL);
}

static bool check_entry(uintptr_t key, void *value, void *ctx)
{
    (void)ctx;
    CHECK(fits(key, value));
    return true;
}

static void iterate(p_scene *s, size_t m)
{
    maps[m].walk(s->map[m], check_entry, NULL);
}

static void make_other(p_scene *s, size_t m)
{
    CHECK(maps[m].put(s->map[m], P_KEY, t_ptr(P_KEY + 2), NULL) >= 0);
}

/* Inserts so many keys that the next insertion makes the map grow. */
static void make_full(p_scene *s, size_t m)
{
    for (uintptr_t key = P_KEYS;; key++) {
        size_t buckets = maps[m].buckets(s->map[m]), size = maps[m].size(s->map[m]);
        if (buckets >= 8 && (m == MAP_table ? size + 1 == WEFT_TABLE_LOAD * buckets : size * 2 >= buckets))
            return;
        CHECK(maps[m].insert(s->map[m], key, t_ptr(key + 1)) == 0);
    }
}

/* Makes a map that removals shrink: large, and nearly empty. */
static void make_sparse(p_scene *s, size_t m)
{
    for (uintptr_t key = P_KEYS; key < P_KEYS + 64; key++)
        CHECK(maps[m].insert(s->map[m], key, t_ptr(key + 1)) == 0);
    put_key(s, m);
    for (uintptr_t key = P_KEYS; key < P_KEYS + 64; key++)
        CHECK(maps[m].remove(s->map[m], key, NULL));
}

#define OF_MAP(name, does)                                                                                             \
    static void name##_##does(p_scene *s)                                                                              \
    {                                                                                                                  \
        does(s, MAP_##name);                                                                                           \
    }
/* clang-format off */
#define OPERATIONS_OF_MAP(KIND, name, unused)                                                                          \
    OF_MAP(name, insert) OF_MAP(name, put_key) OF_MAP(name, get) OF_MAP(name, get_or_insert) OF_MAP(name, replace)     \
    OF_MAP(name, remove_key) OF_MAP(name, iterate) OF_MAP(name, make_other) OF_MAP(name, make_full)                    \
    OF_MAP(name, make_sparse)
WEFT_MAPS(OPERATIONS_OF_MAP, 0)

#define MAP_LISTED(KIND, name, unused)                                                                                 \
    {#name " insert", NULL, name##_insert},                                                                            \
    {#name " insert that grows the table", name##_make_full, name##_insert},                                           \
    {#name " put that inserts", NULL, name##_put_key},                                                                 \
    {#name " put that replaces", name##_make_other, name##_put_key},                                                   \
    {#name " get", name##_put_key, name##_get},                                                                        \
    {#name " get_or_insert", NULL, name##_get_or_insert},                                                              \
    {#name " replace", name##_make_other, name##_replace},                                                             \
    {#name " remove", name##_put_key, name##_remove_key},                                                              \
    {#name " remove that shrinks the table", name##_make_sparse, name##_remove_key},                                   \
    {#name " iteration", name##_put_key, name##_iterate},
/* clang-format on */

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
    WEFT_MAPS(MAP_LISTED, 0){"enter, protect, leave", NULL, read_shared},
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
    for (size_t m = 0; m < MAPS; m++) {
        CHECK(maps[m].put(s->map[m], key, t_ptr(key + 1), NULL) >= 0);
        value = maps[m].get(s->map[m], NULL, (key + 5) % P_KEYS);
        CHECK(!value || fits((key + 5) % P_KEYS, value));
        (void)maps[m].remove(s->map[m], (key + P_KEYS / 2) % P_KEYS, NULL);
    }
    if (i % 8 == 0)
        retire_one(s);
    return taken;
}

static void other(unsigned who, void *ctx)
{
    p_scene *s = ctx;
    enum { OPERATIONS_A_TURN = 2 * CONTAINERS + 3 * MAPS };
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

/* Always the same, else the places differ from run to run, and one may be left out. */
static void seed_maps(p_scene *s)
{
    weft_table *table = s->map[MAP_table];
    ((weft_map *)s->map[MAP_map])->seed = (weft_map_seed){1, 2};
    table->seed = (weft_map_seed){1, 2};
    table->inverse = UINT64_C(0xaaaaaaaaaaaaaaab); /* of 3 */
    CHECK(weft_i_table_unmix(table, weft_i_table_mix(table, P_KEY)) == P_KEY);
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
    for (size_t m = 0; m < MAPS; m++)
        CHECK(maps[m].create(&s->map[m], s->domain, NULL, NULL) == 0);
    seed_maps(s);
    weft_ptr_store(&s->shared, first);
    for (int i = 0; i < 3; i++)
        for (size_t c = 0; c < CONTAINERS; c++)
            put(s, c);
}

typedef struct seen {
    const map_subject *of;
    void *map;
    size_t count;
} seen;

static bool see_entry(uintptr_t key, void *value, void *ctx)
{
    seen *s = ctx;
    CHECK(fits(key, value) && s->of->get(s->map, NULL, key) == value);
    s->count++;
    return true;
}

static void close_map(p_scene *s, size_t m, size_t lost)
{
    seen in = {&maps[m], s->map[m], 0};
    size_t removed = 0;
    in.of->walk(in.map, see_entry, &in);
    for (uintptr_t k = 0; k < P_KEYS + 64; k++)
        removed += in.of->remove(in.map, k, NULL);
    CHECK(in.count == removed);
    CHECK(in.of->size(in.map) <= lost || in.of->size(in.map) == SIZE_MAX);
    in.of->destroy(in.map);
}

void p_close(p_scene *s, size_t lost)
{
    void *value;
    for (size_t c = 0; c < CONTAINERS; c++)
        while (containers[c].take(s->each[c], &value))
            atomic_fetch_add(&s->taken, 1);
    /* the stopped thread's own value, not counted, may be there; a value that it took may be missing */
    CHECK(atomic_load(&s->put) <= atomic_load(&s->taken) + lost &&
          atomic_load(&s->taken) <= atomic_load(&s->put) + lost);
    for (size_t m = 0; m < MAPS; m++)
        close_map(s, m, lost);
    for (size_t c = 0; c < CONTAINERS; c++)
        containers[c].destroy(s->each[c], NULL, NULL);
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
