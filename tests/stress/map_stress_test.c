/* The map under many threads, while it grows and shrinks: exact contents, one winner, destructors once. */
#include "tests/unit/support.h"

#include <stdlib.h>

#include <weft/hashmap/split_map.h>

enum { THREADS = 6, STEPS = T_SCALE(200000, 10000), KEYS = 64, BIG = T_SCALE(20000, 2000) };

typedef struct run {
    weft_map *map;
    weft_domain *domain;
    atomic_long balance[KEYS]; /* successful inserts less removes */
    atomic_long made, destroyed;
    atomic_int wins[BIG];
} run;

static uint64_t step(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return *x ^= *x << 17;
}

static void few_keys(unsigned index, void *ctx)
{
    run *r = ctx;
    uint64_t x = 88172645463325252u + index * 7919;
    for (int i = 0; i < STEPS; i++) {
        uint64_t key = step(&x) % KEYS, what = (x >> 32) % 5;
        void *old;
        if (what == 0)
            atomic_fetch_add(&r->balance[key], weft_map_insert(r->map, t_ptr(key), t_ptr(8)) == 0);
        else if (what == 1)
            atomic_fetch_sub(&r->balance[key], weft_map_remove(r->map, t_ptr(key), NULL));
        else if (what == 2)
            atomic_fetch_add(&r->balance[key], weft_map_put(r->map, t_ptr(key), t_ptr(16), &old) == 0);
        else if (what == 3)
            (void)!weft_map_compare_and_replace(r->map, t_ptr(key), t_ptr(8), t_ptr(24));
        else
            CHECK(t_int(weft_map_get(r->map, NULL, t_ptr(key))) % 8 == 0);
    }
}

static void test_contents_are_exact(void **state)
{
    t_env *env = *state;
    run *r = calloc(1, sizeof *r);
    long size = 0;
    assert_int_equal(weft_map_create(&r->map, env->domain, NULL), 0);
    t_run(THREADS, few_keys, r);
    for (size_t k = 0; k < KEYS; k++) {
        long balance = atomic_load(&r->balance[k]);
        assert_true(balance == 0 || balance == 1);
        assert_int_equal(weft_map_contains(r->map, t_ptr(k)), balance);
        size += balance;
    }
    assert_int_equal(weft_map_size(r->map), size);
    weft_map_destroy(r->map, NULL, NULL);
    free(r);
}

/* All threads insert all keys, then all remove all: for each key one thread wins each time. */
static void insert_all(unsigned index, void *ctx)
{
    run *r = ctx;
    for (size_t i = 0; i < BIG; i++) {
        size_t key = (i + index % 2 * BIG / 2) % BIG;
        if (weft_map_insert(r->map, t_ptr(key), t_ptr(8)) == 0)
            atomic_fetch_add(&r->wins[key], 1);
    }
}

static void remove_all(unsigned index, void *ctx)
{
    run *r = ctx;
    for (size_t i = 0; i < BIG; i++) {
        size_t key = (i + index % 3 * BIG / 3) % BIG;
        if (weft_map_remove(r->map, t_ptr(key), NULL))
            atomic_fetch_add(&r->wins[key], 1);
    }
}

/*
 * After a race the table may still be large when the last removal is done. Each further update does a step of
 * shrinking.
 */
enum { BATCH = 512, BATCHES = 16 };

static size_t buckets_after_more_removals(weft_map *map)
{
    weft_map_statistics stats;
    for (int batch = 0; batch < BATCHES; batch++) {
        for (size_t key = 0; key < BATCH; key++)
            assert_int_equal(weft_map_insert(map, t_ptr(key), t_ptr(8)), 0);
        for (size_t key = 0; key < BATCH; key++)
            assert_true(weft_map_remove(map, t_ptr(key), NULL));
    }
    weft_map_stats(map, &stats);
    return stats.buckets;
}

static void test_one_winner_while_growing_and_shrinking(void **state)
{
    t_env *env = *state;
    run *r = calloc(1, sizeof *r);
    weft_map_statistics stats;
    assert_int_equal(weft_map_create(&r->map, env->domain, NULL), 0);
    for (int round = 1; round <= 3; round++) {
        t_run(THREADS, insert_all, r);
        weft_map_stats(r->map, &stats);
        assert_int_equal(stats.size, BIG);
        assert_true(stats.load <= 0.5);
        t_run(THREADS, remove_all, r);
        assert_int_equal(weft_map_size(r->map), 0);
        for (size_t i = 0; i < BIG; i++)
            assert_int_equal(atomic_load(&r->wins[i]), 2 * round);
    }
    assert_true(buckets_after_more_removals(r->map) <= 256);
    weft_map_destroy(r->map, NULL, NULL);
    free(r);
}

/* ---- iteration beside updates ---- */

enum { STABLE = 500 };

static void iterate_or_update(unsigned index, void *ctx)
{
    run *r = ctx;
    uint64_t x = 88172645463325252u + index * 7919;
    for (int round = 0; round < T_SCALE(300, 20) && index < 2; round++) {
        unsigned char seen[STABLE] = {0};
        size_t stable = 0;
        weft_map_iterator it;
        void *key;
        weft_map_iterate(&it, r->map);
        while (weft_map_next(&it, &key, NULL)) {
            if (t_int(key) >= STABLE)
                continue;
            CHECK(!seen[t_int(key)]++);
            stable++;
        }
        weft_map_iterate_end(&it);
        CHECK(stable == STABLE);
    }
    for (int i = 0; i < STEPS / 2 && index >= 2; i++) {
        uint64_t key = STABLE + step(&x) % 4000;
        if (x >> 40 & 1)
            (void)!weft_map_insert(r->map, t_ptr(key), t_ptr(8));
        else
            (void)weft_map_remove(r->map, t_ptr(key), NULL);
    }
}

static void test_iteration_sees_what_stays(void **state)
{
    t_env *env = *state;
    run *r = calloc(1, sizeof *r);
    assert_int_equal(weft_map_create(&r->map, env->domain, NULL), 0);
    for (size_t k = 0; k < STABLE; k++)
        assert_int_equal(weft_map_insert(r->map, t_ptr(k), t_ptr(8)), 0);
    t_run(THREADS, iterate_or_update, r);
    weft_map_destroy(r->map, NULL, NULL);
    free(r);
}

/* ---- owned values ---- */

static void destroy_value(void *value, void *ctx)
{
    run *r = ctx;
    CHECK(*(int *)value == 42);
    *(int *)value = 0;
    free(value);
    atomic_fetch_add(&r->destroyed, 1);
}

static int *make_value(run *r)
{
    int *value = malloc(sizeof *value);
    CHECK(value != NULL);
    *value = 42;
    atomic_fetch_add(&r->made, 1);
    return value;
}

static void owned(unsigned index, void *ctx)
{
    run *r = ctx;
    uint64_t x = 88172645463325252u + index * 7919;
    weft_guard guard;
    for (int i = 0; i < STEPS / 4; i++) {
        void *key = t_ptr(step(&x) % KEYS);
        uint64_t what = (x >> 32) % 4;
        if (what == 0) {
            CHECK(weft_map_put(r->map, key, make_value(r), NULL) >= 0);
        } else if (what == 1) {
            (void)weft_map_remove(r->map, key, NULL);
        } else {
            weft_enter(&guard, r->domain);
            int *value = weft_map_get(r->map, &guard, key);
            CHECK(!value || *value == 42);
            weft_leave(&guard);
        }
    }
}

static void test_values_are_destroyed_once(void **state)
{
    t_env *env = *state;
    run *r = calloc(1, sizeof *r);
    weft_map_config config = {.destroy_value = destroy_value, .ctx = r};
    r->domain = env->domain;
    assert_int_equal(weft_map_create(&r->map, env->domain, &config), 0);
    t_run(THREADS, owned, r);
    weft_map_destroy(r->map, NULL, NULL);
    assert_int_equal(weft_domain_barrier(env->domain, UINT64_MAX), 0);
    assert_true(atomic_load(&r->made) > 1000);
    assert_int_equal(atomic_load(&r->made), atomic_load(&r->destroyed));
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_contents_are_exact),
        T_BOTH(test_one_winner_while_growing_and_shrinking),
        T_BOTH(test_iteration_sees_what_stays),
        T_BOTH(test_values_are_destroyed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
