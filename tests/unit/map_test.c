/* The functions of the maps one by one, for every kind of key. */
#include "tests/unit/keys.h"

#include <errno.h>
#include <string.h>

/* Runs `body` with a fresh map for each kind of key. */
static void each_kind(void **state, void (*body)(t_env *env, const t_keys *kind, void *map))
{
    t_env *env = *state;
    for (size_t i = 0; i < t_all_keys_count; i++) {
        const t_keys *kind = &t_all_keys[i];
        void *map = t_map_for(kind, env->domain);
        body(env, kind, map);
        kind->of->destroy(map);
    }
}

static void test_create_errors(void **state)
{
    t_env *env = *state;
    weft_map *map = (weft_map *)env;
    weft_map_config config = weft_map_strings;
    errno = 4711;
    assert_int_equal(weft_map_create(NULL, env->domain, NULL), -EINVAL);
    config.equal = NULL;
    assert_int_equal(weft_map_create(&map, env->domain, &config), -EINVAL);
    assert_null(map);
    map = (weft_map *)env;
    config = weft_map_strings;
    config.hash = NULL;
    assert_int_equal(weft_map_create(&map, env->domain, &config), -EINVAL);
    assert_null(map);
    map = (weft_map *)env;
    t_alloc_fail(&env->alloc, 1, true);
    assert_int_equal(weft_map_create(&map, env->domain, NULL), -ENOMEM);
    assert_null(map);
    t_alloc_fail_never(&env->alloc);
    assert_int_equal(errno, 4711);
}

static void test_create_refused(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    void *map = env;
    errno = 4711;
    assert_int_equal(of->create(NULL, env->domain, NULL, NULL), -EINVAL);
    t_alloc_fail(&env->alloc, 1, true);
    assert_int_equal(of->create(&map, env->domain, NULL, NULL), -ENOMEM);
    assert_null(map);
    t_alloc_fail_never(&env->alloc);
    assert_int_equal(errno, 4711);
}

_Noreturn static bool fail_each(uintptr_t key, void *value, void *ctx)
{
    (void)key;
    (void)value;
    (void)ctx;
    t_fail("nothing to see", __FILE__, __LINE__);
}

_Noreturn static void fail_drain(void *key, void *value, void *ctx)
{
    (void)key;
    (void)value;
    (void)ctx;
    t_fail("nothing to drain", __FILE__, __LINE__);
}

static void test_null_map(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    weft_guard guard;
    void *value = t_ptr(7);
    uintptr_t key = 8;
    weft_enter(&guard, env->domain);
    errno = 4711;
    assert_int_equal(of->insert(NULL, 1, t_ptr(1)), -EINVAL);
    assert_int_equal(of->put(NULL, 1, t_ptr(1), NULL), -EINVAL);
    assert_int_equal(of->put(NULL, 1, t_ptr(1), &value), -EINVAL);
    assert_null(value);
    assert_null(of->get(NULL, &guard, 1));
    assert_false(of->contains(NULL, 1));
    value = t_ptr(7);
    assert_int_equal(of->get_many(NULL, NULL, &key, &value, 1), 0);
    assert_null(value);
    assert_int_equal(of->reserve(NULL, 1), -EINVAL);
    value = t_ptr(7);
    assert_int_equal(of->get_or_insert(NULL, &guard, 1, t_ptr(1), &value), -EINVAL);
    assert_null(value);
    assert_int_equal(of->compare_and_replace(NULL, 1, t_ptr(1), t_ptr(2)), -EINVAL);
    assert_int_equal(of->compare_and_remove(NULL, 1, t_ptr(1)), -EINVAL);
    assert_false(of->remove(NULL, 1, NULL));
    value = t_ptr(7);
    assert_false(of->remove(NULL, 1, &value));
    assert_null(value);
    assert_int_equal(of->size(NULL), 0);
    of->clear(NULL);
    of->walk(NULL, fail_each, NULL);
    assert_int_equal(of->buckets(NULL), 0);
    of->destroy(NULL);
    assert_int_equal(errno, 4711);
    weft_leave(&guard);
}

static void test_null_of_a_map(void **state)
{
    weft_map_iterator it;
    void *key = t_ptr(8), *value = t_ptr(7);
    (void)state;
    errno = 4711;
    weft_map_iterate(&it, NULL);
    assert_false(weft_map_next(&it, &key, &value));
    weft_map_iterate_end(&it);
    weft_map_destroy(NULL, fail_drain, NULL);
    assert_int_equal(errno, 4711);
}

/* Keys in any number, some of them twice, some absent. */
static void many_keys(t_env *env, const t_keys *kind, void *map)
{
    enum { KEYS = 50, PRESENT = 30 };
    uintptr_t keys[KEYS];
    void *values[KEYS + 1];
    for (size_t i = 0; i < PRESENT; i++)
        assert_int_equal(kind->of->insert(map, kind->key(i), t_ptr(i + 1)), 0);
    for (size_t count = 0; count <= KEYS; count++) {
        weft_guard guards[16];
        size_t present = 0, held = count < 16 ? count : 0; /* without guards, too */
        for (size_t i = 0; i < held; i++)
            weft_enter(&guards[i], env->domain);
        for (size_t i = 0; i <= KEYS; i++)
            values[i] = t_ptr(4711);
        for (size_t i = 0; i < count; i++) {
            size_t n = i * 7 % 40;
            keys[i] = i % 2 ? kind->twin(n) : kind->key(n);
            present += n < PRESENT;
        }
        assert_int_equal(kind->of->get_many(map, held ? guards : NULL, keys, values, count), present);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(t_int(values[i]), i * 7 % 40 < PRESENT ? i * 7 % 40 + 1 : 0);
        assert_int_equal(t_int(values[count]), 4711);
        while (held > 0)
            weft_leave(&guards[--held]);
    }
    assert_int_equal(kind->of->get_many(map, NULL, NULL, values, 3), 0);
    assert_int_equal(kind->of->get_many(map, NULL, keys, NULL, 3), 0);
}

static void test_many_keys(void **state)
{
    each_kind(state, many_keys);
}

static void test_null_domain_is_the_default_one(void **state)
{
    (void)state;
    for (size_t m = 0; m < MAPS; m++) {
        const map_subject *of = &maps[m];
        void *map = t_map_of(of, NULL);
        weft_guard guard;
        t_map_fill(of, map, 0, 100);
        weft_enter(&guard, NULL);
        assert_int_equal(t_int(of->get(map, &guard, 50)), 101);
        weft_leave(&guard);
        t_map_drain(of, map, 0, 50);
        of->destroy(map);
        t_barrier(NULL);
    }
}

static void null_values(t_env *env, const t_keys *kind, void *map)
{
    uintptr_t key = kind->key(1);
    void *old = t_ptr(7), *present = t_ptr(7);
    weft_guard guard;
    weft_enter(&guard, env->domain);
    for (size_t round = 0; round < 2; round++) { /* absent, then present */
        assert_int_equal(kind->of->insert(map, key, NULL), -EINVAL);
        assert_int_equal(kind->of->put(map, key, NULL, &old), -EINVAL);
        present = t_ptr(7);
        assert_int_equal(kind->of->get_or_insert(map, &guard, key, NULL, &present), -EINVAL);
        assert_null(present);
        assert_int_equal(kind->of->get_or_insert(map, &guard, key, t_ptr(5), NULL), -EINVAL);
        assert_int_equal(kind->of->compare_and_replace(map, key, NULL, t_ptr(1)), -EINVAL);
        assert_int_equal(kind->of->compare_and_replace(map, key, t_ptr(9), NULL), -EINVAL);
        assert_int_equal(kind->of->compare_and_remove(map, key, NULL), -EINVAL);
        assert_int_equal(kind->of->size(map), round);
        if (round == 0)
            assert_int_equal(kind->of->insert(map, key, t_ptr(9)), 0);
    }
    assert_int_equal(t_int(kind->of->get(map, NULL, key)), 9);
    weft_leave(&guard);
}

static void test_null_values(void **state)
{
    each_kind(state, null_values);
}

static void one_entry(t_env *env, const t_keys *kind, void *map)
{
    uintptr_t key = kind->key(1), twin = kind->twin(1), other = kind->key(2);
    void *value = t_ptr(7), *old = t_ptr(7);
    (void)env;
    for (int round = 0; round < 3; round++) {
        assert_null(kind->of->get(map, NULL, key));
        assert_false(kind->of->contains(map, key));
        value = t_ptr(7);
        assert_false(kind->of->remove(map, key, &value));
        assert_null(value);
        assert_int_equal(kind->of->compare_and_replace(map, key, t_ptr(1), t_ptr(2)), -ENOENT);
        assert_int_equal(kind->of->compare_and_remove(map, key, t_ptr(1)), -ENOENT);
        assert_int_equal(kind->of->size(map), 0);

        assert_int_equal(kind->of->insert(map, key, t_ptr(10)), 0);
        assert_int_equal(kind->of->insert(map, twin, t_ptr(11)), -EEXIST);
        assert_int_equal(kind->of->size(map), 1);
        assert_true(kind->of->contains(map, key) && kind->of->contains(map, twin));
        assert_int_equal(t_int(kind->of->get(map, NULL, twin)), 10);
        assert_null(kind->of->get(map, NULL, other));
        assert_false(kind->of->contains(map, other));

        assert_int_equal(kind->of->put(map, twin, t_ptr(12), &old), 1);
        assert_int_equal(t_int(old), 10);
        assert_int_equal(kind->of->put(map, twin, t_ptr(13), NULL), 1);
        assert_int_equal(kind->of->compare_and_replace(map, twin, t_ptr(12), t_ptr(14)), -EAGAIN);
        assert_int_equal(kind->of->compare_and_replace(map, twin, t_ptr(13), t_ptr(14)), 0);
        assert_int_equal(kind->of->compare_and_replace(map, twin, t_ptr(14), t_ptr(14)), 0); /* by itself */
        assert_int_equal(kind->of->compare_and_remove(map, twin, t_ptr(13)), -EAGAIN);
        assert_int_equal(t_int(kind->of->get(map, NULL, key)), 14);
        assert_int_equal(kind->of->size(map), 1);
        assert_int_equal(kind->of->compare_and_remove(map, twin, t_ptr(14)), 0);
        assert_int_equal(kind->of->compare_and_remove(map, twin, t_ptr(14)), -ENOENT);
        assert_int_equal(kind->of->size(map), 0);
        assert_int_equal(kind->of->insert(map, key, t_ptr(14)), 0);
        if (round == 1)
            value = NULL; /* the caller does not ask for it */
        assert_true(kind->of->remove(map, twin, round == 1 ? NULL : &value));
        assert_int_equal(t_int(value), round == 1 ? 0 : 14);
        assert_int_equal(kind->of->size(map), 0);
    }
    old = t_ptr(7);
    assert_int_equal(kind->of->put(map, key, t_ptr(1), &old), 0);
    assert_null(old);
    assert_int_equal(kind->of->put(map, other, t_ptr(2), NULL), 0);
    assert_int_equal(kind->of->size(map), 2);
}

static void test_one_entry(void **state)
{
    each_kind(state, one_entry);
}

static void get_or_insert(t_env *env, const t_keys *kind, void *map)
{
    void *present = NULL;
    weft_guard guard;
    weft_enter(&guard, env->domain);
    assert_int_equal(kind->of->get_or_insert(map, &guard, kind->key(3), t_ptr(30), &present), 0);
    assert_int_equal(t_int(present), 30);
    assert_int_equal(kind->of->get_or_insert(map, &guard, kind->twin(3), t_ptr(31), &present), 1);
    assert_int_equal(t_int(present), 30);
    assert_int_equal(kind->of->get_or_insert(map, NULL, kind->twin(3), t_ptr(32), &present), 1);
    assert_int_equal(t_int(present), 30);
    assert_int_equal(kind->of->get_or_insert(map, NULL, kind->key(4), t_ptr(40), &present), 0);
    assert_int_equal(t_int(present), 40);
    assert_int_equal(t_int(kind->of->get(map, &guard, kind->key(4))), 40);
    assert_int_equal(kind->of->size(map), 2);
    weft_leave(&guard);
}

static void test_get_or_insert(void **state)
{
    each_kind(state, get_or_insert);
}

/* The same random operations on the map and on an array. */
static void random_step(void *map, const t_keys *kind, uintptr_t *model, t_rng *rng)
{
    uint64_t r = t_random(rng);
    size_t i = (r >> 8) % kind->usable;
    uintptr_t value = 1 + (r >> 40), key = r & 1 ? kind->key(i) : kind->twin(i);
    void *out = NULL;
    switch (r / 2 % 6) {
    case 0:
        assert_int_equal(kind->of->insert(map, key, t_ptr(value)), model[i] ? -EEXIST : 0);
        model[i] = model[i] ? model[i] : value;
        break;
    case 1:
        assert_int_equal(kind->of->put(map, key, t_ptr(value), &out), model[i] != 0);
        assert_int_equal(t_int(out), model[i]);
        model[i] = value;
        break;
    case 2:
        assert_int_equal(kind->of->get_or_insert(map, NULL, key, t_ptr(value), &out), model[i] != 0);
        model[i] = model[i] ? model[i] : value;
        assert_int_equal(t_int(out), model[i]);
        break;
    case 3:
        assert_int_equal(
            kind->of->compare_and_replace(map, key, t_ptr(r & 64 ? model[i] + !model[i] : value), t_ptr(value)),
            !model[i]                       ? -ENOENT
            : (r & 64) || model[i] == value ? 0
                                            : -EAGAIN);
        if (model[i] && (r & 64))
            model[i] = value;
        break;
    default:
        assert_int_equal(kind->of->remove(map, key, &out), model[i] != 0);
        assert_int_equal(t_int(out), model[i]);
        model[i] = 0;
        break;
    }
    assert_int_equal(t_int(kind->of->get(map, NULL, key)), model[i]);
    assert_int_equal(kind->of->contains(map, key), model[i] != 0);
}

static void random_operations(t_env *env, const t_keys *kind, void *map)
{
    static uintptr_t model[T_KEYS];
    t_rng rng = {17};
    size_t size = 0;
    (void)env;
    memset(model, 0, sizeof model);
    for (int i = 0; i < T_SCALE(40000, 10000); i++)
        random_step(map, kind, model, &rng);
    for (size_t i = 0; i < kind->usable; i++) {
        assert_int_equal(t_int(kind->of->get(map, NULL, kind->twin(i))), model[i]);
        size += model[i] != 0;
    }
    assert_int_equal(kind->of->size(map), size);
    kind->of->clear(map);
    assert_int_equal(kind->of->size(map), 0);
}

static void test_random_operations(void **state)
{
    each_kind(state, random_operations);
}

static void test_extreme_integers(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    void *map = t_map_of(of, env->domain);
    static const uintptr_t keys[] = {0, 1, 2, UINTPTR_MAX, UINTPTR_MAX - 1, UINTPTR_MAX / 2, UINTPTR_MAX / 2 + 1};
    for (size_t i = 0; i < T_COUNT(keys); i++)
        assert_int_equal(of->insert(map, keys[i], t_ptr(UINTPTR_MAX - i)), 0);
    for (size_t i = 0; i < T_COUNT(keys); i++)
        assert_int_equal(t_int(of->get(map, NULL, keys[i])), UINTPTR_MAX - i); /* any value but NULL */
    assert_int_equal(of->size(map), T_COUNT(keys));
    of->destroy(map);
}

static void test_domain_is_busy_until_destroyed(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    void *map = t_map_of(of, env->domain);
    assert_int_equal(weft_domain_destroy(env->domain), -EBUSY);
    t_map_fill(of, map, 0, 10);
    of->destroy(map);
}

static void test_hash_bytes(void **state)
{
    (void)state;
    const weft_map_seed a = {1, 2}, b = {1, 3};
    const char *text = "the quick brown fox jumps over the lazy dog";
    char copy[64] = {0};
    for (size_t size = 0; size <= 43; size++) {
        memcpy(copy + 1, text, size); /* any alignment */
        assert_true(weft_map_hash_bytes(text, size, &a) == weft_map_hash_bytes(copy + 1, size, &a));
        assert_true(weft_map_hash_bytes(text, size, &a) != weft_map_hash_bytes(text, size, &b));
        if (size > 0)
            assert_true(weft_map_hash_bytes(text, size, &a) != weft_map_hash_bytes(text, size - 1, &a));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_create_errors),
        T_MAPS(test_create_refused),
        T_MAPS(test_null_map),
        T_BOTH(test_null_of_a_map),
        T_BOTH(test_many_keys),
        cmocka_unit_test(test_null_domain_is_the_default_one),
        T_BOTH(test_null_values),
        T_BOTH(test_one_entry),
        T_BOTH(test_get_or_insert),
        T_BOTH(test_random_operations),
        T_MAPS(test_extreme_integers),
        T_MAPS(test_domain_is_busy_until_destroyed),
        cmocka_unit_test(test_hash_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
