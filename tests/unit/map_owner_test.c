/*
 * Who owns keys and values, case by case (the design's section "Ownership"): destructors run once per entry, when no
 * thread can see it any more, and never for what belongs to the caller.
 */
#include "tests/unit/keys.h"

#include <errno.h>
#include <string.h>

/* A key or a value; `destroyed` counts its destructor's runs. */
typedef struct item {
    uint64_t id;
    atomic_int destroyed;
} item;

typedef struct counts {
    const map_subject *of;
    atomic_int keys, values;
} counts;

/* Keys that are pointers may be owned; an item's is its address. Others are never destroyed; an item's is its id. */
static bool owns_keys(const map_subject *of)
{
    return of == &maps[MAP_map];
}

static uintptr_t key_of(const map_subject *of, item *key)
{
    return owns_keys(of) ? t_int(key) : (uintptr_t)key->id;
}

static uint64_t hash_item(const void *key, const weft_map_seed *seed, void *ctx)
{
    (void)ctx;
    return weft_map_hash_bytes(&((const item *)key)->id, sizeof(uint64_t), seed);
}

static bool equal_item(const void *a, const void *b, void *ctx)
{
    (void)ctx;
    return ((const item *)a)->id == ((const item *)b)->id;
}

static void destroy_key(void *key, void *ctx)
{
    atomic_fetch_add(&((item *)key)->destroyed, 1);
    atomic_fetch_add(&((counts *)ctx)->keys, 1);
}

static void destroy_value(void *value, void *ctx)
{
    atomic_fetch_add(&((item *)value)->destroyed, 1);
    atomic_fetch_add(&((counts *)ctx)->values, 1);
}

/* A map that owns its keys, if these can be owned, and, if `values`, its values. */
static void *owner_of(const t_env *env, counts *c, bool values)
{
    const map_subject *of = env->what;
    void *map = NULL;
    weft_map_config config = {
        .hash = hash_item,
        .equal = equal_item,
        .destroy_key = destroy_key,
        .destroy_value = values ? destroy_value : NULL,
        .ctx = c,
    };
    memset(c, 0, sizeof *c);
    c->of = of;
    if (owns_keys(of))
        return t_map_new(env->domain, &config);
    CHECK(of->create(&map, env->domain, values ? destroy_value : NULL, c) == 0);
    return map;
}

static void assert_destroyed(weft_domain *domain, const counts *c, int keys, int values)
{
    t_barrier(domain);
    assert_int_equal(atomic_load(&c->keys), owns_keys(c->of) ? keys : 0);
    assert_int_equal(atomic_load(&c->values), values);
}

static void test_refused_insert_leaves_both(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    counts c;
    void *map = owner_of(env, &c, true);
    item key = {1, 0}, again = {1, 0}, value = {10, 0}, other = {11, 0};
    void *present = NULL;
    assert_int_equal(of->insert(map, key_of(of, &key), &value), 0);
    assert_int_equal(of->insert(map, key_of(of, &again), &other), -EEXIST);
    assert_int_equal(of->get_or_insert(map, NULL, key_of(of, &again), &other, &present), 1);
    assert_ptr_equal(present, &value);
    assert_int_equal(of->compare_and_replace(map, key_of(of, &again), &other, &other), -EAGAIN);
    assert_int_equal(of->insert(map, key_of(of, &again), NULL), -EINVAL);
    assert_destroyed(env->domain, &c, 0, 0);
    of->destroy(map);
    assert_destroyed(env->domain, &c, 1, 1);
    assert_int_equal(atomic_load(&key.destroyed), owns_keys(of));
    assert_int_equal(atomic_load(&value.destroyed), 1);
    assert_int_equal(atomic_load(&again.destroyed) + atomic_load(&other.destroyed), 0);
}

static void test_replacing_put_destroys_the_old_value(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    counts c;
    void *map = owner_of(env, &c, true);
    item key = {1, 0}, again = {1, 0}, value[3] = {{10, 0}, {11, 0}, {12, 0}};
    void *old = NULL;
    assert_int_equal(of->put(map, key_of(of, &key), &value[0], NULL), 0);
    assert_int_equal(of->put(map, key_of(of, &again), &value[1], NULL), 1);
    assert_destroyed(env->domain, &c, 0, 1);
    assert_int_equal(atomic_load(&value[0].destroyed), 1);
    assert_int_equal(of->put(map, key_of(of, &again), &value[2], &old), 1); /* this one is handed over */
    assert_ptr_equal(old, &value[1]);
    assert_destroyed(env->domain, &c, 0, 1);
    of->destroy(map);
    assert_destroyed(env->domain, &c, 1, 2);
    assert_int_equal(atomic_load(&value[1].destroyed), 0);
    assert_int_equal(atomic_load(&value[2].destroyed), 1);
    assert_int_equal(atomic_load(&key.destroyed), owns_keys(of)); /* the key already there stayed */
    assert_int_equal(atomic_load(&again.destroyed), 0);
}

static void test_compare_and_remove_destroys_the_entry(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    counts c;
    void *map = owner_of(env, &c, true);
    item key = {1, 0}, again = {1, 0}, first = {10, 0}, second = {11, 0};
    assert_int_equal(of->insert(map, key_of(of, &key), &first), 0);
    assert_int_equal(of->compare_and_remove(map, key_of(of, &again), &second), -EAGAIN);
    assert_destroyed(env->domain, &c, 0, 0);
    assert_int_equal(of->compare_and_remove(map, key_of(of, &again), &first), 0);
    assert_int_equal(of->compare_and_remove(map, key_of(of, &again), &first), -ENOENT);
    assert_destroyed(env->domain, &c, 1, 1);
    assert_int_equal(atomic_load(&key.destroyed), owns_keys(of));
    assert_int_equal(atomic_load(&again.destroyed) + atomic_load(&second.destroyed), 0);
    of->destroy(map);
}

/* A value that is replaced by itself stays in the map. */
static void test_a_value_that_stays_is_not_destroyed(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    counts c;
    void *map = owner_of(env, &c, true);
    item key = {1, 0}, again = {1, 0}, value = {10, 0};
    void *old = NULL;
    assert_int_equal(of->insert(map, key_of(of, &key), &value), 0);
    assert_int_equal(of->put(map, key_of(of, &again), &value, NULL), 1);
    assert_destroyed(env->domain, &c, 0, 0);
    assert_int_equal(of->compare_and_replace(map, key_of(of, &again), &value, &value), 0);
    assert_destroyed(env->domain, &c, 0, 0);
    assert_int_equal(of->put(map, key_of(of, &again), &value, &old), 1);
    assert_ptr_equal(old, &value);
    assert_ptr_equal(of->get(map, NULL, key_of(of, &again)), &value);
    of->destroy(map);
    assert_destroyed(env->domain, &c, 1, 1);
}

static void test_compare_and_replace_destroys_the_expected(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    counts c;
    void *map = owner_of(env, &c, true);
    item key = {1, 0}, again = {1, 0}, first = {10, 0}, second = {11, 0};
    assert_int_equal(of->compare_and_replace(map, key_of(of, &key), &first, &second), -ENOENT);
    assert_int_equal(of->insert(map, key_of(of, &key), &first), 0);
    assert_int_equal(of->compare_and_replace(map, key_of(of, &again), &second, &second), -EAGAIN);
    assert_destroyed(env->domain, &c, 0, 0);
    assert_int_equal(of->compare_and_replace(map, key_of(of, &again), &first, &second), 0);
    assert_destroyed(env->domain, &c, 0, 1);
    assert_int_equal(atomic_load(&first.destroyed), 1);
    of->destroy(map);
    assert_destroyed(env->domain, &c, 1, 2);
    assert_int_equal(atomic_load(&again.destroyed), 0);
}

static void test_remove(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    counts c;
    void *map = owner_of(env, &c, true);
    item key[2] = {{1, 0}, {2, 0}}, value[2] = {{10, 0}, {11, 0}};
    void *out = &c;
    for (int i = 0; i < 2; i++)
        assert_int_equal(of->insert(map, key_of(of, &key[i]), &value[i]), 0);
    assert_true(of->remove(map, key_of(of, &key[0]), NULL)); /* key and value go */
    assert_destroyed(env->domain, &c, 1, 1);
    assert_true(of->remove(map, key_of(of, &key[1]), &out)); /* the value is the caller's */
    assert_ptr_equal(out, &value[1]);
    assert_destroyed(env->domain, &c, 2, 1);
    assert_false(of->remove(map, key_of(of, &key[1]), &out));
    assert_null(out);
    assert_false(of->remove(map, key_of(of, &key[1]), NULL));
    of->destroy(map);
    assert_destroyed(env->domain, &c, 2, 1);
    assert_int_equal(atomic_load(&value[1].destroyed), 0);
}

/* Each guard of a lookup of many keys holds its own value. */
static void test_many_values_are_held(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    enum { N = 5, HELD = 3 };
    counts c;
    void *map = owner_of(env, &c, true);
    item key[N], value[N];
    weft_guard guards[HELD];
    uintptr_t keys[HELD];
    void *values[HELD];
    for (size_t i = 0; i < N; i++) {
        key[i] = (item){i, 0};
        value[i] = (item){i, 0};
        assert_int_equal(of->insert(map, key_of(of, &key[i]), &value[i]), 0);
    }
    for (size_t i = 0; i < HELD; i++) {
        weft_enter(&guards[i], env->domain);
        keys[i] = key_of(of, &key[i]);
    }
    assert_int_equal(of->get_many(map, guards, keys, values, HELD), HELD);
    for (size_t i = 0; i < N; i++)
        assert_true(of->remove(map, key_of(of, &key[i]), NULL));
    weft_domain_flush(env->domain);
    for (size_t i = 0; i < HELD; i++) {
        assert_ptr_equal(values[i], &value[i]);
        assert_int_equal(atomic_load(&value[i].destroyed), 0);
    }
    for (size_t i = 0; i < HELD; i++)
        weft_leave(&guards[i]);
    assert_destroyed(env->domain, &c, N, N);
    of->destroy(map);
}

/* Without a value destructor only the caller ever touches a value. */
static void test_values_not_owned(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    counts c;
    void *map = owner_of(env, &c, false);
    item key[3] = {{1, 0}, {2, 0}, {3, 0}}, again = {1, 0}, first = {10, 0}, second = {11, 0};
    void *out = NULL;
    for (int i = 0; i < 3; i++)
        assert_int_equal(of->insert(map, key_of(of, &key[i]), &first), 0);
    assert_int_equal(of->put(map, key_of(of, &again), &second, &out), 1);
    assert_ptr_equal(out, &first);
    assert_int_equal(of->put(map, key_of(of, &again), &first, NULL), 1);
    assert_int_equal(of->compare_and_replace(map, key_of(of, &again), &first, &second), 0);
    assert_true(of->remove(map, key_of(of, &again), &out));
    assert_ptr_equal(out, &second);
    assert_true(of->remove(map, key_of(of, &key[1]), NULL));
    assert_destroyed(env->domain, &c, 2, 0);
    of->clear(map);
    assert_destroyed(env->domain, &c, 3, 0);
    of->destroy(map);
    assert_destroyed(env->domain, &c, 3, 0);
}

static void test_clear_runs_destructors(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    enum { N = 2000 };
    static item key[N], value[N];
    counts c;
    void *map = owner_of(env, &c, true);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < N; i++) {
            key[i] = (item){i, 0};
            value[i] = (item){i, 0};
            assert_int_equal(of->insert(map, key_of(of, &key[i]), &value[i]), 0);
        }
        of->clear(map);
        assert_int_equal(of->size(map), 0);
        assert_destroyed(env->domain, &c, (round + 1) * N, (round + 1) * N);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(atomic_load(&key[i].destroyed), owns_keys(of));
            assert_int_equal(atomic_load(&value[i].destroyed), 1);
        }
    }
    of->clear(map);
    of->destroy(map);
    assert_destroyed(env->domain, &c, 3 * N, 3 * N);
}

typedef struct drained {
    size_t count;
    uint64_t keys, values;
} drained;

static void drain_integer(uint64_t key, void *value, void *ctx)
{
    drained *d = ctx;
    d->count++;
    d->keys += key;
    d->values += ((item *)value)->id;
}

static void drain_pointer(void *key, void *value, void *ctx)
{
    drain_integer(((item *)key)->id, value, ctx);
}

static void test_drain_runs_no_destructor(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    enum { N = 1000 };
    static item key[N], value[N];
    counts c;
    drained d = {0};
    void *map = owner_of(env, &c, true);
    for (size_t i = 0; i < N; i++) {
        key[i] = (item){i, 0};
        value[i] = (item){i * 3, 0};
        assert_int_equal(of->insert(map, key_of(of, &key[i]), &value[i]), 0);
    }
    for (size_t i = 0; i < 10; i++) /* what was removed before is destroyed and not drained */
        assert_true(of->remove(map, key_of(of, &key[i]), NULL));
    if (of == &maps[MAP_map])
        weft_map_destroy(map, drain_pointer, &d);
    else
        weft_table_destroy(map, drain_integer, &d);
    assert_destroyed(env->domain, &c, 10, 10);
    assert_int_equal(d.count, N - 10);
    assert_int_equal(d.keys, N * (N - 1) / 2 - 45);
    assert_int_equal(d.values, 3 * (N * (N - 1) / 2 - 45));
}

/* A guard from get holds the value, whichever operation removes it from the map. */
static void test_guard_holds_the_value(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    for (int way = 0; way < 4; way++) {
        counts c;
        void *map = owner_of(env, &c, true);
        item key = {1, 0}, value = {10, 0}, other = {11, 0};
        void *present = NULL;
        weft_guard guard;
        assert_int_equal(of->insert(map, key_of(of, &key), &value), 0);
        weft_enter(&guard, env->domain);
        if (way % 2) {
            assert_ptr_equal(of->get(map, &guard, key_of(of, &key)), &value);
        } else {
            assert_int_equal(of->get_or_insert(map, &guard, key_of(of, &key), &other, &present), 1);
            assert_ptr_equal(present, &value);
        }
        if (way == 0)
            assert_int_equal(of->put(map, key_of(of, &key), &other, NULL), 1);
        else if (way == 1)
            assert_true(of->remove(map, key_of(of, &key), NULL));
        else if (way == 2)
            assert_int_equal(of->compare_and_replace(map, key_of(of, &key), &value, &other), 0);
        else
            of->clear(map);
        for (int i = 0; i < 3; i++)
            weft_domain_flush(env->domain);
        assert_int_equal(atomic_load(&value.destroyed), 0);
        weft_leave(&guard);
        t_barrier(env->domain);
        assert_int_equal(atomic_load(&value.destroyed), 1);
        of->destroy(map);
        assert_destroyed(env->domain, &c, 1, way % 2 ? 1 : 2);
    }
}

/* The value that get_or_insert has just put in is held, too. */
static void test_guard_holds_the_inserted_value(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    counts c;
    void *map = owner_of(env, &c, true);
    item key = {1, 0}, value = {10, 0};
    void *present = NULL;
    weft_guard guard;
    weft_enter(&guard, env->domain);
    assert_int_equal(of->get_or_insert(map, &guard, key_of(of, &key), &value, &present), 0);
    assert_true(of->remove(map, key_of(of, &key), NULL));
    for (int i = 0; i < 3; i++)
        weft_domain_flush(env->domain);
    assert_int_equal(atomic_load(&value.destroyed), 0);
    weft_leave(&guard);
    assert_destroyed(env->domain, &c, 1, 1);
    of->destroy(map);
}

/* Under hazard pointers a held value that many entries share holds back none of their nodes. */
static void test_shared_value_holds_no_node(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    counts c;
    void *map = owner_of(env, &c, false);
    item key[2] = {{1, 0}, {2, 0}}, shared = {10, 0};
    weft_guard guard;
    for (int i = 0; i < 2; i++)
        assert_int_equal(of->insert(map, key_of(of, &key[i]), &shared), 0);
    weft_enter(&guard, env->domain);
    assert_ptr_equal(of->get(map, &guard, key_of(of, &key[0])), &shared);
    for (int i = 0; i < 2; i++)
        assert_true(of->remove(map, key_of(of, &key[i]), NULL));
    weft_domain_flush(env->domain);
    assert_int_equal(t_stats(env->domain).pending, 0);
    assert_int_equal(atomic_load(&c.keys), owns_keys(of) ? 2 : 0);
    weft_leave(&guard);
    of->destroy(map);
}

/* Destructors may retire and use other structures, here: a second map of the same domain. */
typedef struct cascade {
    weft_domain *domain;
    const map_subject *of;
    void *other;
    atomic_int retired;
} cascade;

static void destroy_and_use(void *value, void *ctx)
{
    cascade *c = ctx;
    CHECK(c->of->insert(c->other, t_int(value), value) == 0);
    CHECK(c->of->remove(c->other, t_int(value), NULL));
    CHECK(weft_retire(c->domain, value, t_count, &c->retired) == 0);
}

static void test_destructors_use_the_library(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    cascade c = {.domain = env->domain, .of = of, .other = t_map_of(of, env->domain)};
    void *map = NULL;
    assert_int_equal(of->create(&map, env->domain, destroy_and_use, &c), 0);
    static char value[5000];
    for (size_t i = 0; i < T_COUNT(value); i++)
        assert_int_equal(of->insert(map, i, &value[i]), 0);
    for (size_t i = 0; i < T_COUNT(value) / 2; i++)
        assert_true(of->remove(map, i, NULL));
    of->destroy(map);
    t_barrier(env->domain); /* runs the destructors ... */
    t_barrier(env->domain); /* ... and what they have retired */
    assert_int_equal(atomic_load(&c.retired), T_COUNT(value));
    of->destroy(c.other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_MAPS(test_refused_insert_leaves_both),
        T_MAPS(test_replacing_put_destroys_the_old_value),
        T_MAPS(test_compare_and_remove_destroys_the_entry),
        T_MAPS(test_a_value_that_stays_is_not_destroyed),
        T_MAPS(test_compare_and_replace_destroys_the_expected),
        T_MAPS(test_remove),
        T_MAPS(test_many_values_are_held),
        T_MAPS(test_values_not_owned),
        T_MAPS(test_clear_runs_destructors),
        T_MAPS(test_drain_runs_no_destructor),
        T_MAPS(test_guard_holds_the_value),
        T_MAPS(test_guard_holds_the_inserted_value),
        T_MAP_CASE(test_shared_value_holds_no_node, map, "hazard", WEFT_HAZARD),
        T_MAP_CASE(test_shared_value_holds_no_node, table, "hazard", WEFT_HAZARD),
        T_MAPS(test_destructors_use_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
