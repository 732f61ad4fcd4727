/* Each map under many threads, while it grows and shrinks: exact contents, one winner, destructors once. */
#include "tests/unit/keys.h"

#include <stdlib.h>

enum { THREADS = 6, STEPS = T_SCALE(200000, 10000), KEYS = 64, BIG = T_SCALE(20000, 2000) };

typedef struct run {
    const map_subject *of;
    void *map;
    weft_domain *domain;
    atomic_long balance[KEYS]; /* successful inserts less removes */
    atomic_long made, destroyed;
    atomic_int wins[BIG];
} run;

static run *open_run(const t_env *env)
{
    run *r = calloc(1, sizeof *r);
    CHECK(r != NULL);
    r->of = env->what;
    r->map = t_map_of(r->of, env->domain);
    r->domain = env->domain;
    return r;
}

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
            atomic_fetch_add(&r->balance[key], r->of->insert(r->map, key, t_ptr(8)) == 0);
        else if (what == 1)
            atomic_fetch_sub(&r->balance[key], r->of->remove(r->map, key, NULL));
        else if (what == 2)
            atomic_fetch_add(&r->balance[key], r->of->put(r->map, key, t_ptr(16), &old) == 0);
        else if (what == 3)
            (void)!r->of->compare_and_replace(r->map, key, t_ptr(8), t_ptr(24));
        else
            CHECK(t_int(r->of->get(r->map, NULL, key)) % 8 == 0);
    }
}

static void test_contents_are_exact(void **state)
{
    t_env *env = *state;
    run *r = open_run(env);
    long size = 0;
    t_run(THREADS, few_keys, r);
    for (size_t k = 0; k < KEYS; k++) {
        long balance = atomic_load(&r->balance[k]);
        assert_true(balance == 0 || balance == 1);
        assert_int_equal(r->of->contains(r->map, k), balance);
        size += balance;
    }
    assert_int_equal(r->of->size(r->map), size);
    r->of->destroy(r->map);
    free(r);
}

/* All threads insert all keys, then all remove all: for each key one thread wins each time. */
static void insert_all(unsigned index, void *ctx)
{
    run *r = ctx;
    for (size_t i = 0; i < BIG; i++) {
        size_t key = (i + index % 2 * BIG / 2) % BIG;
        if (r->of->insert(r->map, key, t_ptr(8)) == 0)
            atomic_fetch_add(&r->wins[key], 1);
    }
}

static void remove_all(unsigned index, void *ctx)
{
    run *r = ctx;
    for (size_t i = 0; i < BIG; i++) {
        size_t key = (i + index % 3 * BIG / 3) % BIG;
        if (r->of->remove(r->map, key, NULL))
            atomic_fetch_add(&r->wins[key], 1);
    }
}

/*
 * After a race the table may still be large when the last removal is done. Each further update does a step of
 * shrinking.
 */
enum { BATCH = 512, BATCHES = 16 };

static size_t buckets_after_more_removals(const map_subject *of, void *map)
{
    for (int batch = 0; batch < BATCHES; batch++) {
        for (size_t key = 0; key < BATCH; key++)
            assert_int_equal(of->insert(map, key, t_ptr(8)), 0);
        for (size_t key = 0; key < BATCH; key++)
            assert_true(of->remove(map, key, NULL));
    }
    return of->buckets(map);
}

static void test_one_winner_while_growing_and_shrinking(void **state)
{
    t_env *env = *state;
    run *r = open_run(env);
    for (int round = 1; round <= 3; round++) {
        t_run(THREADS, insert_all, r);
        assert_int_equal(r->of->size(r->map), BIG);
        assert_true((double)BIG / (double)r->of->buckets(r->map) <= (r->of == &maps[MAP_map] ? 0.5 : 2.5));
        t_run(THREADS, remove_all, r);
        assert_int_equal(r->of->size(r->map), 0);
        for (size_t i = 0; i < BIG; i++)
            assert_int_equal(atomic_load(&r->wins[i]), 2 * round);
    }
    assert_true(buckets_after_more_removals(r->of, r->map) <= 256);
    r->of->destroy(r->map);
    free(r);
}

/* ---- iteration beside updates ---- */

enum { STABLE = 500 };

typedef struct stable {
    unsigned char seen[STABLE];
    size_t count;
} stable;

static bool see_stable(uintptr_t key, void *value, void *ctx)
{
    stable *s = ctx;
    (void)value;
    if (key < STABLE) {
        CHECK(!s->seen[key]++);
        s->count++;
    }
    return true;
}

static void iterate_or_update(unsigned index, void *ctx)
{
    run *r = ctx;
    uint64_t x = 88172645463325252u + index * 7919;
    for (int round = 0; round < T_SCALE(300, 20) && index < 2; round++) {
        stable s = {0};
        r->of->walk(r->map, see_stable, &s);
        CHECK(s.count == STABLE);
    }
    for (int i = 0; i < STEPS / 2 && index >= 2; i++) {
        uint64_t key = STABLE + step(&x) % 4000;
        if (x >> 40 & 1)
            (void)!r->of->insert(r->map, key, t_ptr(8));
        else
            (void)r->of->remove(r->map, key, NULL);
    }
}

static void test_iteration_sees_what_stays(void **state)
{
    t_env *env = *state;
    run *r = open_run(env);
    for (size_t k = 0; k < STABLE; k++)
        assert_int_equal(r->of->insert(r->map, k, t_ptr(8)), 0);
    t_run(THREADS, iterate_or_update, r);
    r->of->destroy(r->map);
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
        uint64_t key = step(&x) % KEYS, what = (x >> 32) % 4;
        if (what == 0) {
            CHECK(r->of->put(r->map, key, make_value(r), NULL) >= 0);
        } else if (what == 1) {
            (void)r->of->remove(r->map, key, NULL);
        } else {
            weft_enter(&guard, r->domain);
            int *value = r->of->get(r->map, &guard, key);
            CHECK(!value || *value == 42);
            weft_leave(&guard);
        }
    }
}

static void test_values_are_destroyed_once(void **state)
{
    t_env *env = *state;
    run *r = open_run(env);
    r->of->destroy(r->map);
    assert_int_equal(r->of->create(&r->map, env->domain, destroy_value, r), 0);
    t_run(THREADS, owned, r);
    r->of->destroy(r->map);
    assert_int_equal(weft_domain_barrier(env->domain, UINT64_MAX), 0);
    assert_true(atomic_load(&r->made) > 1000);
    assert_int_equal(atomic_load(&r->made), atomic_load(&r->destroyed));
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_MAPS(test_contents_are_exact),
        T_MAPS(test_one_winner_while_growing_and_shrinking),
        T_MAPS(test_iteration_sees_what_stays),
        T_MAPS(test_values_are_destroyed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
