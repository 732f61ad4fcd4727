/* A map grows and shrinks: sizes, buckets and load on the way from nothing to a million and back; iteration. */
#define _GNU_SOURCE
#include "tests/unit/keys.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <weft/hashmap/split_map_layout.h>

enum { MANY = T_SCALE(1000000, 100000) };

/* A table of fewer buckets than this need not shrink any further. */
enum { SMALL = 4096 };

static void assert_consistent(weft_map *map, size_t size)
{
    weft_map_statistics stats = t_map_stats(map);
    assert_int_equal(weft_map_size(map), size);
    assert_int_equal(stats.size, size);
    assert_true(stats.buckets > 0);
    assert_true(stats.load == (double)size / (double)stats.buckets);
    assert_true(stats.load <= 0.5);
    if (size >= SMALL)
        assert_true(stats.load >= 0.125);
    assert_true(stats.bucket_bytes >= stats.buckets * sizeof(void *) || size < SMALL);
    /* 64 an entry, and as much again while the upper half is being taken away */
    assert_true(stats.bucket_bytes <= 128 * (size + SMALL));
    assert_true(stats.longest_chain <= 24); /* at load 0.5: never seen above 10 */
    assert_true(stats.longest_chain > 0 || size == 0);
}

static void test_grow_and_shrink(void **state)
{
    t_env *env = *state;
    weft_map *map = t_map_new(env->domain, NULL);
    weft_guard guard;
    assert_consistent(map, 0);
    for (uintptr_t size = 0, next; size < MANY; size = next) {
        next = size * 2 + 1 < MANY ? size * 2 + 1 : MANY;
        t_map_fill(map, size, next);
        assert_consistent(map, next);
    }
    weft_enter(&guard, env->domain);
    for (uintptr_t key = 0; key < MANY; key++)
        CHECK(t_int(weft_map_get(map, key % 2 ? &guard : NULL, t_ptr(key))) == t_value_of(key));
    for (uintptr_t key = MANY; key < MANY + 1000; key++)
        CHECK(!weft_map_contains(map, t_ptr(key)));
    weft_leave(&guard);
    for (uintptr_t left = MANY; left > 0; left /= 2) {
        t_map_drain(map, left / 2, left);
        assert_consistent(map, left / 2);
    }
    assert_true(t_map_stats(map).buckets <= SMALL);
    t_map_fill(map, 0, 1000); /* the map works as before */
    assert_consistent(map, 1000);
    weft_map_destroy(map, NULL, NULL);
}

/* Memory follows the size: the buckets of a million entries are given back when these have gone. */
static void test_memory_follows(void **state)
{
    t_env *env = *state;
    weft_map *map = t_map_new(env->domain, NULL);
    t_map_fill(map, 0, 100);
    t_map_drain(map, 0, 100);
    t_barrier(env->domain);
    weft_domain_flush(env->domain);
    size_t before = t_stats(env->domain).allocated;
    for (int round = 0; round < 2; round++) {
        t_map_fill(map, 0, MANY);
        assert_true(t_stats(env->domain).allocated > before + MANY * 48);
        if (round == 0)
            t_map_drain(map, 0, MANY);
        else
            weft_map_clear(map);
        t_barrier(env->domain);
        weft_domain_flush(env->domain);
        assert_true(t_stats(env->domain).allocated <= before + (1u << 20));
    }
    weft_map_destroy(map, NULL, NULL);
}

/* The size crosses the border between two table sizes up and down, a hundred thousand times. */
static void test_size_at_a_border(void **state)
{
    t_env *env = *state;
    weft_map *map = t_map_new(env->domain, NULL);
    t_map_fill(map, 0, 2048);
    size_t calls = 0;
    for (int round = 0; round < T_SCALE(20000, 2000); round++) {
        if (round == 1000)
            calls = atomic_load(&env->alloc.calls);
        t_map_fill(map, 2048, 2053);
        t_map_drain(map, 2048, 2053);
    }
    assert_consistent(map, 2048);
    if (!WEFT_I_ASAN) /* no flutter between two sizes, and nodes are recycled */
        assert_true(atomic_load(&env->alloc.calls) <= calls + 16);
    weft_map_destroy(map, NULL, NULL);
}

/* Buckets that were made ahead stay, whatever comes and goes, until the map may shrink again. */
static void test_reserve(void **state)
{
    t_env *env = *state;
    weft_map *map = t_map_new(env->domain, NULL);
    size_t calls = atomic_load(&env->alloc.calls);
    assert_int_equal(weft_map_reserve(map, MANY), 0);
    if (!WEFT_I_ASAN) /* the nodes by which buckets are opened come back on the way */
        assert_true(atomic_load(&env->alloc.calls) <= calls + 20000);
    size_t buckets = t_map_stats(map).buckets;
    assert_true(buckets >= 2 * (size_t)MANY);
    assert_int_equal(weft_map_reserve(map, MANY / 2), 0); /* never fewer at once */
    assert_int_equal(weft_map_reserve(map, MANY), 0);
    t_map_fill(map, 0, MANY);
    assert_int_equal(t_map_stats(map).buckets, buckets);
    t_map_drain(map, 0, MANY / 2);
    weft_map_clear(map);
    assert_int_equal(t_map_stats(map).buckets, buckets);
    assert_int_equal(weft_map_reserve(map, 0), 0);
    weft_map_clear(map);
    assert_true(t_map_stats(map).buckets <= SMALL);
    t_map_fill(map, 0, 1000);
    assert_consistent(map, 1000);
    weft_map_destroy(map, NULL, NULL);
}

/* Too many buckets for the memory, or for any: the map works on with those that it has. */
static void test_reserve_too_much(void **state)
{
    t_env *env = *state;
    weft_map *map = t_map_new(env->domain, NULL);
    t_map_fill(map, 0, 100);
    size_t buckets = t_map_stats(map).buckets;
    assert_int_equal(weft_map_reserve(map, SIZE_MAX), -ENOMEM);
    assert_int_equal(weft_map_reserve(map, SIZE_MAX / 2 + 1), -ENOMEM);
    assert_int_equal(t_map_stats(map).buckets, buckets);
    t_alloc_fail(&env->alloc, 1, true);
    assert_int_equal(weft_map_reserve(map, MANY), -ENOMEM);
    t_alloc_fail_never(&env->alloc);
    assert_consistent(map, 100);
    t_map_fill(map, 100, 1000);
    t_map_drain(map, 0, 1000);
    assert_int_equal(weft_map_size(map), 0);
    weft_map_destroy(map, NULL, NULL);
}

/* ---- iteration ---- */

/* Sees each of the integer keys from .. to once, with its value. */
static void assert_iterates(weft_map *map, uintptr_t from, uintptr_t to)
{
    static unsigned char seen[MANY];
    weft_map_iterator it;
    void *key, *value;
    size_t count = 0;
    memset(seen, 0, sizeof seen);
    weft_map_iterate(&it, map);
    while (weft_map_next(&it, &key, &value)) {
        CHECK(t_int(key) >= from && t_int(key) < to);
        CHECK(t_int(value) == t_value_of(t_int(key)));
        CHECK(seen[t_int(key)]++ == 0);
        count++;
    }
    assert_false(weft_map_next(&it, &key, &value)); /* the end stays the end */
    weft_map_iterate_end(&it);
    assert_int_equal(count, to - from);
}

static void test_iteration(void **state)
{
    t_env *env = *state;
    weft_map *map = t_map_new(env->domain, NULL);
    for (uintptr_t size = 0, next; size < MANY / 10; size = next) {
        next = size * 3 + 1 < MANY / 10 ? size * 3 + 1 : MANY / 10;
        assert_iterates(map, 0, size);
        t_map_fill(map, size, next);
    }
    assert_iterates(map, 0, MANY / 10);
    t_map_drain(map, 0, MANY / 20);
    assert_iterates(map, MANY / 20, MANY / 10);
    weft_map_clear(map);
    assert_iterates(map, 0, 0);
    weft_map_destroy(map, NULL, NULL);
}

/* For every kind of key, colliding ones included. */
static void test_iteration_of_all_kinds(void **state)
{
    t_env *env = *state;
    for (size_t k = 0; k < t_all_keys_count; k++) {
        const t_keys *kind = &t_all_keys[k];
        weft_map *map = t_map_new(env->domain, kind->config);
        static unsigned char seen[T_KEYS];
        weft_map_iterator it;
        void *key, *value;
        size_t count = 0;
        memset(seen, 0, sizeof seen);
        for (size_t i = 0; i < kind->usable; i++)
            assert_int_equal(weft_map_insert(map, kind->key(i), t_ptr(i + 1)), 0);
        assert_int_equal(t_map_stats(map).size, kind->usable);
        weft_map_iterate(&it, map);
        while (weft_map_next(&it, &key, &value)) {
            CHECK(key == kind->key(t_int(value) - 1));
            CHECK(seen[t_int(value) - 1]++ == 0);
            count++;
        }
        weft_map_iterate_end(&it);
        assert_int_equal(count, kind->usable);
        weft_map_clear(map);
        assert_int_equal(weft_map_size(map), 0);
        weft_map_destroy(map, NULL, NULL);
    }
}

static void test_iterator_edges(void **state)
{
    t_env *env = *state;
    weft_map *map = t_map_new(env->domain, NULL);
    weft_map_iterator it, second;
    void *key = NULL, *value = NULL;
    t_map_fill(map, 0, 10);
    weft_map_iterate(&it, map); /* ended before its first step */
    weft_map_iterate_end(&it);
    weft_map_iterate(&it, map);
    assert_true(weft_map_next(&it, NULL, NULL));
    assert_true(weft_map_next(&it, &key, NULL));
    assert_true(weft_map_next(&it, NULL, &value));
    weft_map_iterate(&second, map); /* two at once, ended in any order, one of them broken off */
    for (int i = 0; i < 10; i++)
        assert_true(weft_map_next(&second, &key, &value));
    weft_map_iterate_end(&it);
    assert_false(weft_map_next(&second, &key, &value));
    weft_map_iterate_end(&second);
    assert_int_equal(t_stats(env->domain).guards_held, 0);
    weft_map_destroy(map, NULL, NULL);
}

/* Updates by the iterating thread: what stays is seen once, what is removed is not seen after that. */
static void test_iteration_under_own_updates(void **state)
{
    t_env *env = *state;
    enum { N = 20000 };
    weft_map *map = t_map_new(env->domain, NULL);
    static unsigned char seen[3 * N], gone[3 * N];
    weft_map_iterator it;
    void *key, *value;
    t_rng rng = {3};
    size_t stayed = 0, next = N;
    memset(seen, 0, sizeof seen);
    memset(gone, 0, sizeof gone);
    t_map_fill(map, 0, N);
    weft_map_iterate(&it, map);
    while (weft_map_next(&it, &key, &value)) {
        uintptr_t k = t_int(key), other = t_random(&rng) % N;
        CHECK(t_int(value) == t_value_of(k));
        CHECK(!gone[k] && seen[k]++ == 0);
        if (weft_map_remove(map, t_ptr(other), NULL))
            gone[other] = 1;
        if (next < 3 * N) {
            t_map_fill(map, next, next + 1);
            next++;
        }
    }
    weft_map_iterate_end(&it);
    for (size_t k = 0; k < N; k++) {
        CHECK(gone[k] || seen[k] == 1);
        stayed += !gone[k];
    }
    assert_int_equal(weft_map_size(map), stayed + next - N);
    weft_map_destroy(map, NULL, NULL);
}

/*
 * An iteration that removes what it is given misses nothing, even if keys share a hash. Each entry that was there is
 * seen once; entries that are put in behind it (other keys, or the same key again) hide none.
 */
static void test_iteration_that_removes(void **state)
{
    t_env *env = *state;
    for (size_t k = 0; k < t_all_keys_count; k++) {
        const t_keys *kind = &t_all_keys[k];
        for (int way = 0; way < 3; way++) {
            weft_map *map = t_map_new(env->domain, kind->config);
            weft_map_iterator it;
            void *key, *value;
            size_t half = kind->usable / 2, seen[T_KEYS] = {0}, steps = 0;
            for (size_t i = 0; i < half; i++)
                assert_int_equal(weft_map_insert(map, kind->key(i), t_ptr(i + 1)), 0);
            weft_map_iterate(&it, map);
            for (; weft_map_next(&it, &key, &value); steps++) {
                size_t i = t_int(value) - 1;
                seen[i]++;
                CHECK(weft_map_remove(map, key, NULL));
                if (way == 1 && steps < half)
                    CHECK(weft_map_insert(map, kind->key(half + steps), t_ptr(half + steps + 1)) == 0);
                if (way == 2 && i < half) /* the same key, as another entry */
                    CHECK(weft_map_insert(map, kind->key(i), t_ptr(half + i + 1)) == 0);
            }
            weft_map_iterate_end(&it);
            for (size_t i = 0; i < half; i++)
                assert_int_equal(seen[i], 1);
            assert_true(way > 0 || weft_map_size(map) == 0);
            weft_map_destroy(map, NULL, NULL);
        }
    }
}

/* The entry that an iterator is at stays readable after its removal. */
static void free_value(void *value, void *ctx)
{
    (void)ctx;
    *(uint64_t *)value = 0;
}

static void test_iterator_holds_its_entry(void **state)
{
    t_env *env = *state;
    weft_map_config config = weft_map_strings;
    config.destroy_value = free_value;
    config.destroy_key = free_value;
    weft_map *map = t_map_new(env->domain, &config);
    union {
        uint64_t word;
        char text[8];
    } key = {.text = "key"};
    uint64_t value = 4711;
    weft_map_iterator it;
    void *k, *v;
    assert_int_equal(weft_map_insert(map, &key, &value), 0);
    weft_map_iterate(&it, map);
    assert_true(weft_map_next(&it, &k, &v));
    assert_true(weft_map_remove(map, &key, NULL));
    for (int i = 0; i < 3; i++)
        weft_domain_flush(env->domain);
    assert_string_equal(k, "key");
    assert_int_equal(*(uint64_t *)v, 4711);
    assert_false(weft_map_next(&it, &k, &v));
    weft_map_iterate_end(&it);
    t_barrier(env->domain);
    assert_int_equal(key.word, 0);
    assert_int_equal(value, 0);
    weft_map_destroy(map, NULL, NULL);
}

typedef struct together {
    weft_map *map;
    pthread_barrier_t all;
} together;

static void insert_one(unsigned index, void *ctx)
{
    together *t = ctx;
    CHECK(weft_map_insert(t->map, (void *)(uintptr_t)index, t) == 0);
    pthread_barrier_wait(&t->all); /* so that no thread gets the record of an ended one */
}

/* With as many threads as there are counters, each has one of its own, wherever its record lies in memory. */
static void test_counters_are_not_shared(void **state)
{
    t_env *env = *state;
    together t = {.map = t_map_new(env->domain, NULL)};
    assert_int_equal(pthread_barrier_init(&t.all, NULL, WEFT_MAP_STRIPES), 0);
    t_run(WEFT_MAP_STRIPES, insert_one, &t);
    for (int i = 0; i < WEFT_MAP_STRIPES; i++)
        assert_int_equal(atomic_load(&t.map->stripe[i].size), 1);
    pthread_barrier_destroy(&t.all);
    weft_map_destroy(t.map, NULL, NULL);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_grow_and_shrink),
        T_BOTH(test_memory_follows),
        T_BOTH(test_size_at_a_border),
        T_BOTH(test_reserve),
        T_BOTH(test_reserve_too_much),
        T_BOTH(test_iteration),
        T_BOTH(test_iteration_of_all_kinds),
        T_BOTH(test_iterator_edges),
        T_BOTH(test_iteration_under_own_updates),
        T_BOTH(test_iteration_that_removes),
        T_BOTH(test_iterator_holds_its_entry),
        T_BOTH(test_counters_are_not_shared),
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
