/*
 * No thread owns the resizing of a map's table. A thread ends, or is missing in a fork's child, at any of its atomic
 * operations while it grows or shrinks the table: other threads finish what it has begun. They fill the map and empty
 * it.
 */
#include "tests/faults/places.h"

#include <string.h>
#include <weft/hashmap/split_map_table.h>

enum { ENTRIES = 1000, SMALL = 8, SECONDS = 60 };

static weft_map *map_of(p_scene *scene)
{
    return scene->map[MAP_map];
}

static weft_map_statistics figures(p_scene *scene)
{
    weft_map_statistics out;
    weft_map_stats(map_of(scene), &out);
    return out;
}

static void fill(p_scene *scene, uintptr_t entries)
{
    for (uintptr_t key = P_KEYS; key < P_KEYS + entries; key++)
        CHECK(weft_map_put(map_of(scene), t_ptr(key), t_ptr(key + 1), NULL) >= 0);
}

static void empty(p_scene *scene, uintptr_t entries)
{
    for (uintptr_t key = P_KEYS; key < P_KEYS + entries; key++)
        CHECK(weft_map_remove(map_of(scene), t_ptr(key), NULL));
}

/*
 * The table's size fits its entries and each bucket is open: no long chains. A stuck table shows when it must grow
 * again.
 */
static void fill_and_empty(void *ctx)
{
    p_scene *scene = ctx;
    for (int round = 0; round < 2; round++) {
        fill(scene, ENTRIES);
        CHECK(figures(scene).load <= 0.5);
        CHECK(figures(scene).longest_chain <= 24);
        empty(scene, ENTRIES);
        (void)weft_map_remove(map_of(scene), t_ptr(P_KEY), NULL);
        for (int i = 0; i < ENTRIES && figures(scene).buckets > SMALL; i++) { /* a removal closes two buckets here */
            size_t some =
                figures(scene).buckets > 256 ? 64 : 1; /* not every removal checks the size of a large table */
            fill(scene, some);
            empty(scene, some);
        }
        CHECK(figures(scene).buckets <= SMALL);
    }
}

/* Then the next removal closes the last buckets of a level. */
static void make_nearly_closed(p_scene *scene)
{
    fill(scene, 64);
    CHECK(weft_map_put(map_of(scene), t_ptr(P_KEY), t_ptr(P_KEY + 1), NULL) == 0);
    empty(scene, 64);
    for (;; CHECK(weft_i_map_shrink(map_of(scene)))) {
        size_t table = weft_i_map_table(map_of(scene)), above = weft_i_map_level_of(table) + 1;
        if (!weft_i_map_is_closing(table))
            continue;
        weft_i_map_segment *segment = weft_i_load(&map_of(scene)->segment[above], MAP_A2);
        if (weft_i_load(&segment->cursor, MAP_A3) + WEFT_MAP_CLOSE >= weft_i_map_segment_length(above))
            return;
    }
}

static void remove_one(p_scene *scene)
{
    CHECK(weft_map_remove(map_of(scene), t_ptr(P_KEY), NULL));
}

static void end(void *ctx)
{
    (void)ctx;
    pthread_exit(NULL);
}

static void test_ended(void **state)
{
    const t_case *which = *state;
    size_t places = 0;
    for (bool reached = true; reached; places += reached) {
        p_scene scene;
        p_open(&scene, which->scheme);
        reached = p_run(&scene, which->what, places, end, NULL);
        fill_and_empty(&scene);
        p_close(&scene, 1);
    }
    print_message("ended at %zu places\n", places);
    assert_true(places > 50);
}

/* ---- a thread that is in the middle when another forks ---- */

typedef struct held {
    p_scene *scene;
    const p_operation *operation;
    size_t n;
    sem_t there, go_on;
    bool reached;
} held;

static void wait_here(void *ctx)
{
    held *h = ctx;
    h->reached = true;
    CHECK(sem_post(&h->there) == 0);
    t_sem_wait(&h->go_on);
}

static void *operate(void *ctx)
{
    held *h = ctx;
    if (!p_run(h->scene, h->operation, h->n, wait_here, h))
        CHECK(sem_post(&h->there) == 0);
    return NULL;
}

/* False: the operation has fewer places. */
static bool fork_beside(held *h)
{
    pthread_t thread;
    CHECK(sem_init(&h->there, 0, 0) == 0 && sem_init(&h->go_on, 0, 0) == 0);
    CHECK(pthread_create(&thread, NULL, operate, h) == 0);
    t_sem_wait(&h->there);
    if (h->reached)
        t_in_child(fill_and_empty, h->scene, SECONDS);
    CHECK(sem_post(&h->go_on) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return h->reached;
}

static void test_forked(void **state)
{
    const t_case *which = *state;
    size_t places = 0;
    for (bool reached = true; reached; places += reached) {
        p_scene scene;
        held h = {.scene = &scene, .operation = which->what, .n = places};
        p_open(&scene, which->scheme);
        reached = fork_beside(&h);
        p_close(&scene, 0);
    }
    print_message("forked at %zu places\n", places);
    assert_true(places > 50);
}

/* ---- a late thread ---- */

enum { LEVEL = WEFT_MAP_FIRST_BITS + 1 };

/* The table has just grown to LEVEL, whose buckets are not open yet. */
static void make_unopened(p_scene *scene)
{
    for (uintptr_t key = P_KEYS; weft_i_map_level(map_of(scene)) < LEVEL; key++)
        CHECK(weft_map_insert(map_of(scene), t_ptr(key), t_ptr(key + 1)) == 0);
}

/*
 * Only keys whose buckets are in the level's own segment: the first lookup opens one at the same atomic operations in every
 * run, whatever the map's seed is.
 */
static void get_many(p_scene *scene)
{
    int lookups = 0;
    for (uintptr_t key = (uintptr_t)1 << 20; lookups < P_KEYS; key++) {
        if (weft_i_map_place_of(weft_i_map_hash(map_of(scene), t_ptr(key)), LEVEL).level != LEVEL)
            continue;
        CHECK(!weft_map_get(map_of(scene), NULL, t_ptr(key)));
        lookups++;
    }
}

/* The table shrinks. Then a thread puts in the level's next segment, and ends before it has grown the table. */
static void lose_level(void *ctx)
{
    p_scene *scene = ctx;
    weft_atomic_ptr *slot = &map_of(scene)->segment[LEVEL];
    weft_map_clear(map_of(scene));
    CHECK(weft_i_map_level(map_of(scene)) < LEVEL && weft_i_map_is_none(weft_i_load(slot, MAP_A2)));
    weft_i_map_segment *segment = weft_i_alloc_zeroed(scene->domain, weft_i_map_segment_bytes(LEVEL));
    CHECK(segment != NULL);
    segment->domain = scene->domain;
    segment->bytes = weft_i_map_segment_bytes(LEVEL);
    segment->serial = t_int(weft_i_load(slot, MAP_A2));
    weft_i_store(slot, segment, MAP_R2);
}

/* A lookup that began when the table had the level opens no bucket of it later: others would take that for the end. */
static void test_late(void **state)
{
    static const p_operation lookups = {"lookups", make_unopened, get_many};
    size_t places = 0;
    for (bool reached = true; reached; places += reached) {
        p_scene scene;
        p_open(&scene, ((const t_case *)*state)->scheme);
        map_of(&scene)->seed.k0 = places; /* which bucket the first lookup opens decides whether others meet it */
        reached = p_run(&scene, &lookups, places, lose_level, &scene);
        for (uintptr_t key = P_KEYS; reached && key < P_KEYS + 64; key++) { /* one at a time: the table must not grow */
            CHECK(weft_map_insert(map_of(&scene), t_ptr(key), t_ptr(key + 1)) == 0);
            CHECK(weft_map_contains(map_of(&scene), t_ptr(key)));
            CHECK(weft_map_remove(map_of(&scene), t_ptr(key), NULL));
        }
        p_close(&scene, 0);
    }
    print_message("late at %zu places\n", places);
    assert_true(places > 50);
}

static const p_operation *operation_named(const char *name)
{
    size_t i = 0;
    while (strcmp(p_operations[i].name, name) != 0)
        CHECK(++i < p_operation_count);
    return &p_operations[i];
}

int main(int count, char **argument)
{
    const p_operation *grow = operation_named("map insert that grows the table");
    const p_operation *shrink = operation_named("map remove that shrinks the table");
    static const p_operation finish = {"map remove that finishes shrinking", make_nearly_closed, remove_one};
    t_case cases[] = {{WEFT_HAZARD, grow},  {WEFT_EPOCH, grow},     {WEFT_HAZARD, shrink},
                      {WEFT_EPOCH, shrink}, {WEFT_HAZARD, &finish}, {WEFT_EPOCH, &finish}};
    const struct CMUnitTest tests[] = {
        {"ended while growing (hazard)", test_ended, NULL, NULL, &cases[0]},
        {"ended while growing (epoch)", test_ended, NULL, NULL, &cases[1]},
        {"ended while shrinking (hazard)", test_ended, NULL, NULL, &cases[2]},
        {"ended while shrinking (epoch)", test_ended, NULL, NULL, &cases[3]},
        {"ended while it ends shrinking (hazard)", test_ended, NULL, NULL, &cases[4]},
        {"ended while it ends shrinking (epoch)", test_ended, NULL, NULL, &cases[5]},
        {"late (hazard)", test_late, NULL, NULL, &cases[0]},
        {"late (epoch)", test_late, NULL, NULL, &cases[1]},
        {"forked while it ends shrinking (hazard)", test_forked, NULL, NULL, &cases[4]},
        {"forked while it ends shrinking (epoch)", test_forked, NULL, NULL, &cases[5]},
        {"forked while growing (hazard)", test_forked, NULL, NULL, &cases[0]},
        {"forked while growing (epoch)", test_forked, NULL, NULL, &cases[1]},
        {"forked while shrinking (hazard)", test_forked, NULL, NULL, &cases[2]},
        {"forked while shrinking (epoch)", test_forked, NULL, NULL, &cases[3]},
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
