/*
 * What is particular to weft_table: keys that are any 64-bit word, one of which has a bucket of its own, and buckets up
 * to their last slot, which keys are made for. map_test.c and map_owner_test.c have what it shares with other maps.
 */
#include "tests/unit/keys.h"
#include "tests/unit/table_keys.h"

#include <errno.h>
#include <string.h>

#include <weft/hashmap/table_array.h>
#include <weft/hashmap/table_resize.h>

enum { SLOTS = WEFT_TABLE_SLOTS };

static const map_subject *const of = &maps[MAP_table];

static weft_table_statistics figures(weft_table *table)
{
    weft_table_statistics out;
    memset(&out, 0xee, sizeof out);
    weft_table_stats(table, &out);
    return out;
}

static void *get(weft_table *table, uint64_t key)
{
    return weft_table_get(table, NULL, key);
}

/* ---- errors ---- */

_Noreturn static void fail_drain(uint64_t key, void *value, void *ctx)
{
    (void)key;
    (void)value;
    (void)ctx;
    t_fail("nothing to drain", __FILE__, __LINE__);
}

static void test_null(void **state)
{
    t_env *env = *state;
    weft_table *table = t_map_of(of, env->domain);
    weft_table_iterator it;
    weft_table_statistics out;
    uint64_t key = 8;
    void *value = t_ptr(7);
    errno = 4711;
    weft_table_iterate(NULL, table);
    assert_false(weft_table_next(NULL, &key, &value));
    weft_table_iterate_end(NULL);
    weft_table_iterate(&it, NULL);
    assert_false(weft_table_next(&it, &key, &value));
    weft_table_iterate_end(&it);
    weft_table_iterate(&it, table);
    weft_table_iterate_end(&it);
    assert_false(weft_table_next(&it, &key, &value)); /* it has ended */
    weft_table_iterate_end(&it);
    memset(&out, 0xee, sizeof out);
    weft_table_stats(NULL, &out);
    assert_memory_equal(&out, (&(weft_table_statistics){0}), sizeof out);
    weft_table_stats(table, NULL);
    assert_int_equal(weft_table_get_many(table, NULL, NULL, &value, 1), 0);
    assert_null(value);
    assert_int_equal(weft_table_get_many(table, NULL, &key, NULL, 1), 0);
    weft_table_destroy(NULL, fail_drain, NULL);
    weft_table_destroy(table, fail_drain, NULL);
    assert_int_equal(errno, 4711);
}

/* ---- keys ---- */

static void test_mixing_is_one_to_one(void **state)
{
    t_env *env = *state;
    t_rng rng = {5};
    for (int seed = 0; seed < 20; seed++) {
        weft_table *table = t_map_of(of, env->domain);
        for (int i = 0; i < T_SCALE(2000, 500); i++) {
            uint64_t word = t_random(&rng);
            assert_true(weft_i_table_unmix(table, weft_i_table_mix(table, word)) == word);
            assert_true(weft_i_table_mix(table, weft_i_table_unmix(table, word)) == word);
        }
        weft_table_destroy(table, NULL, NULL);
    }
}

enum { SPECIAL = 10 };

/* The smallest and largest keys, and those whose mixed words are: 0 is stored as 1, in a bucket of its own. */
static void special_keys(const weft_table *table, uint64_t keys[SPECIAL])
{
    const uint64_t words[SPECIAL / 2] = {0, 1, UINT64_MAX, UINT64_C(1) << 63, (UINT64_C(1) << 63) - 1};
    for (size_t i = 0; i < SPECIAL / 2; i++) {
        keys[i] = words[i];
        keys[SPECIAL / 2 + i] = weft_i_table_unmix(table, words[i]);
    }
}

static void one_key(weft_table *table, uint64_t key)
{
    void *old = t_ptr(7);
    assert_null(get(table, key));
    assert_false(weft_table_remove(table, key, NULL));
    assert_int_equal(weft_table_insert(table, key, t_ptr(1)), 0);
    assert_int_equal(weft_table_insert(table, key, t_ptr(2)), -EEXIST);
    for (uintptr_t i = 2; i < 100; i++) { /* each takes another slot */
        assert_int_equal(weft_table_put(table, key, t_ptr(i), &old), 1);
        assert_int_equal(t_int(old), i - 1);
    }
    assert_int_equal(weft_table_compare_and_replace(table, key, t_ptr(99), t_ptr(1)), 0);
    assert_int_equal(weft_table_get_or_insert(table, NULL, key, t_ptr(2), &old), 1);
    assert_int_equal(t_int(old), 1);
    assert_int_equal(weft_table_compare_and_remove(table, key, t_ptr(99)), -EAGAIN);
    assert_int_equal(weft_table_compare_and_remove(table, key, t_ptr(1)), 0);
    assert_int_equal(weft_table_get_or_insert(table, NULL, key, t_ptr(3), &old), 0);
    assert_true(weft_table_remove(table, key, &old));
    assert_int_equal(t_int(old), 3);
    assert_false(weft_table_contains(table, key));
}

typedef struct finding {
    const uint64_t *keys;
    size_t count, times[SPECIAL];
} finding;

static void find_key(uint64_t key, void *value, void *ctx)
{
    finding *f = ctx;
    size_t i = t_int(value) - 1;
    f->count++;
    if (i < SPECIAL) {
        CHECK(key == f->keys[i]);
        f->times[i]++;
    }
}

/* All at once, beside others: found by lookups, an iteration and the drain. */
static void all_keys(weft_table *table, const uint64_t *keys)
{
    enum { OTHERS = 300 };
    weft_table_iterator it;
    finding f = {.keys = keys};
    uint64_t key;
    void *value, *values[SPECIAL];
    for (size_t i = 0; i < SPECIAL; i++)
        assert_int_equal(weft_table_insert(table, keys[i], t_ptr(i + 1)), 0);
    for (uint64_t other = 1000; other < 1000 + OTHERS; other++)
        assert_int_equal(weft_table_insert(table, other, t_ptr(other)), 0);
    for (size_t i = 0; i < SPECIAL; i++)
        assert_int_equal(t_int(get(table, keys[i])), i + 1);
    assert_int_equal(weft_table_get_many(table, NULL, keys, values, SPECIAL), SPECIAL);
    for (size_t i = 0; i < SPECIAL; i++)
        assert_int_equal(t_int(values[i]), i + 1);
    weft_table_iterate(&it, table);
    while (weft_table_next(&it, &key, &value))
        find_key(key, value, &f);
    weft_table_iterate_end(&it);
    assert_int_equal(weft_table_size(table), SPECIAL + OTHERS);
    weft_table_destroy(table, find_key, &f);
    assert_int_equal(f.count, 2 * (SPECIAL + OTHERS));
    for (size_t i = 0; i < SPECIAL; i++)
        assert_int_equal(f.times[i], 2);
}

static void test_special_keys(void **state)
{
    t_env *env = *state;
    for (int seed = 0; seed < 20; seed++) {
        weft_table *table = t_map_of(of, env->domain);
        uint64_t keys[SPECIAL];
        special_keys(table, keys);
        for (size_t i = 0; i < SPECIAL; i++)
            one_key(table, keys[i]);
        assert_int_equal(weft_table_size(table), 0);
        all_keys(table, keys);
    }
}

/* ---- full buckets ---- */

enum { BITS = 6, BUCKETS = 1 << BITS };

/* A table that keeps so many buckets, whatever is removed. */
static weft_table *table_of(weft_domain *domain, size_t buckets)
{
    weft_table *table = t_map_of(of, domain);
    assert_int_equal(weft_table_reserve(table, WEFT_TABLE_LOAD * buckets - 1), 0);
    assert_int_equal(figures(table).buckets, buckets);
    return table;
}

static uint64_t key_of(const weft_table *table, uint64_t bucket, uint64_t i)
{
    return t_key_in(table, BITS, bucket, i);
}

/* A bucket takes 15 entries; those beyond three are in nodes of two, which it keeps. */
static void test_a_bucket_up_to_its_last_slot(void **state)
{
    t_env *env = *state;
    weft_table *table = table_of(env->domain, BUCKETS);
    size_t before = atomic_load(&env->alloc.bytes), most = before + 6 * WEFT_I_LARGE_SIZE;
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < SLOTS; i++) {
            assert_int_equal(weft_table_insert(table, key_of(table, 17, i), t_ptr(i + 1)), 0);
            t_assert_bucket(table, BITS, 17, i + 1);
            weft_table_statistics now = figures(table);
            assert_int_equal(now.size, i + 1);
            assert_int_equal(now.fullest, i + 1);
            assert_int_equal(now.buckets, BUCKETS);
            if (round == 0 && i + 1 == WEFT_TABLE_INLINE)
                assert_int_equal(atomic_load(&env->alloc.bytes), before);
        }
        assert_int_equal(atomic_load(&env->alloc.bytes), most);
        for (uint64_t i = SLOTS; i > 0; i--) { /* each from another slot */
            assert_true(weft_table_remove(table, key_of(table, 17, i * 7 % SLOTS), NULL));
            assert_int_equal(figures(table).fullest, i - 1);
        }
    }
    weft_table_destroy(table, NULL, NULL);
}

/* The 16th entry makes the table grow, and so does a 16th value. The bucket's entries part. */
static void test_one_more_than_a_bucket_takes(void **state)
{
    t_env *env = *state;
    for (int way = 0; way < 4; way++) {
        weft_table *table = table_of(env->domain, BUCKETS);
        uint64_t more = key_of(table, 9, SLOTS), count = SLOTS + (way < 3);
        void *out = NULL, *value = t_ptr(SLOTS + 1);
        t_fill_bucket(table, BITS, 9, SLOTS);
        assert_int_equal(figures(table).buckets, BUCKETS);
        if (way == 0) {
            assert_int_equal(weft_table_insert(table, more, value), 0);
        } else if (way == 1) {
            assert_int_equal(weft_table_put(table, more, value, &out), 0);
        } else if (way == 2) {
            assert_int_equal(weft_table_get_or_insert(table, NULL, more, value, &out), 0);
        } else {
            assert_int_equal(weft_table_put(table, key_of(table, 9, 3), t_ptr(4711), &out), 1);
            assert_int_equal(t_int(out), 4);
            assert_int_equal(weft_table_compare_and_replace(table, key_of(table, 9, 3), t_ptr(4711), t_ptr(4)), 0);
        }
        t_assert_bucket(table, BITS, 9, count);
        assert_in_range(figures(table).buckets, BUCKETS + 1, 2 * BUCKETS);
        assert_int_equal(figures(table).fullest, 8);
        for (uint64_t i = 0; i < 1000; i++) /* it goes on growing */
            assert_int_equal(weft_table_insert(table, weft_i_table_unmix(table, (i + 1) << 54 | 2), t_ptr(1)), 0);
        t_assert_bucket(table, BITS, 9, count);
        assert_int_equal(weft_table_size(table), count + 1000);
        assert_true(figures(table).buckets > 2 * BUCKETS);
        weft_table_destroy(table, NULL, NULL);
    }
}

/* 16 keys of a bucket that the next array does not part, nor the one after that, and so on. */
static void test_keys_that_part_late(void **state)
{
    t_env *env = *state;
    for (unsigned late = 1; late < 5; late++) {
        weft_table *table = table_of(env->domain, BUCKETS);
        t_fill_bucket(table, BITS + late, 9, SLOTS + 1);
        t_assert_bucket(table, BITS + late, 9, SLOTS + 1);
        assert_in_range(figures(table).buckets, BUCKETS + late,
                        BUCKETS << (late + 1)); /* the others wait for updates */
        weft_table_destroy(table, NULL, NULL);
    }
}

/* In a full bucket, what needs no slot goes on without memory, and the rest changes nothing. */
static void test_a_full_bucket_without_memory(void **state)
{
    t_env *env = *state;
    weft_table *table = table_of(env->domain, BUCKETS);
    uint64_t key = key_of(table, 5, 11);
    void *out = NULL;
    t_fill_bucket(table, BITS, 5, SLOTS);
    t_alloc_fail(&env->alloc, 1, true);
    assert_int_equal(weft_table_put(table, key, t_ptr(12), &out), 1); /* by itself */
    assert_int_equal(t_int(out), 12);
    assert_int_equal(weft_table_insert(table, key, t_ptr(4711)), -EEXIST);
    assert_int_equal(weft_table_get_or_insert(table, NULL, key, t_ptr(4711), &out), 1);
    assert_int_equal(weft_table_compare_and_replace(table, key, t_ptr(4711), t_ptr(1)), -EAGAIN);
    assert_int_equal(weft_table_compare_and_replace(table, key, t_ptr(12), t_ptr(12)), 0);
    assert_int_equal(weft_table_compare_and_replace(table, key, t_ptr(12), t_ptr(13)), -ENOMEM);
    assert_int_equal(weft_table_insert(table, key_of(table, 5, SLOTS), t_ptr(1)), -ENOMEM);
    assert_int_equal(weft_table_get_or_insert(table, NULL, key_of(table, 5, SLOTS), t_ptr(1), &out), -ENOMEM);
    assert_null(out);
    out = t_ptr(7);
    assert_int_equal(weft_table_put(table, key, t_ptr(4711), &out), -ENOMEM);
    assert_null(out);
    t_assert_bucket(table, BITS, 5, SLOTS);
    assert_int_equal(weft_table_size(table), SLOTS);
    assert_int_equal(figures(table).buckets, BUCKETS);
    assert_true(weft_table_remove(table, key_of(table, 5, 0), NULL)); /* leaves a slot, which these use in turn */
    for (uintptr_t i = 0; i < 50; i++) {
        assert_int_equal(weft_table_put(table, key, t_ptr(i + 100), &out), 1);
        assert_int_equal(t_int(out), i == 0 ? 12 : i + 99);
    }
    t_alloc_fail_never(&env->alloc);
    assert_int_equal(weft_table_put(table, key, t_ptr(12), NULL), 1);
    t_fill_bucket(table, BITS, 5, 1);
    t_assert_bucket(table, BITS, 5, SLOTS);
    weft_table_destroy(table, NULL, NULL);
}

/* ---- figures ---- */

static void test_figures(void **state)
{
    t_env *env = *state;
    weft_table *table = table_of(env->domain, BUCKETS);
    for (int entries = 0; entries < 8; entries++) {
        weft_table_statistics now = figures(table);
        assert_int_equal(now.size, entries);
        assert_int_equal(now.buckets, BUCKETS);
        assert_true(now.load == entries / (double)BUCKETS);
        assert_int_equal(now.fullest, entries < 5 ? entries : 5);
        assert_int_equal(now.bucket_bytes, BUCKETS * 64);
        for (size_t i = 0; i < T_COUNT(now.reserved); i++)
            assert_int_equal(now.reserved[i], 0);
        uint64_t key = key_of(table, entries < 5 ? 3 : (uint64_t)entries, (uint64_t)entries);
        assert_int_equal(weft_table_insert(table, key, t_ptr(1)), 0);
    }
    weft_table_destroy(table, NULL, NULL);
}

/* An empty table is small, and what it took comes back to that. */
static void test_memory_of_an_empty_table(void **state)
{
    t_env *env = *state;
    assert_int_equal(weft_domain_attach(env->domain), 0);
    size_t before = atomic_load(&env->alloc.bytes);
    weft_table *table = t_map_of(of, env->domain);
    size_t empty = atomic_load(&env->alloc.bytes) - before;
    print_message("an empty table has %zu bytes\n", empty);
    assert_int_equal(empty, sizeof(weft_table) + weft_i_table_bytes(WEFT_TABLE_FIRST_BITS));
    assert_true(empty <= 512);
    weft_table_destroy(table, NULL, NULL);
    assert_int_equal(atomic_load(&env->alloc.bytes), before);
}

/* ---- the typed view ---- */

typedef struct order {
    int price;
} order;

WEFT_TABLE_OF(orders, order *);
WEFT_TABLE_OF(marks, unsigned);

static void add_up(uint64_t key, order *value, void *ctx)
{
    *(uint64_t *)ctx += key * 1000 + (uint64_t)value->price;
}

static void test_typed_view(void **state)
{
    t_env *env = *state;
    orders *book = NULL;
    order one = {1}, two = {2}, *out = NULL, *many[3];
    uint64_t key, sum = 0;
    weft_guard guard;
    weft_table_iterator it;
    assert_int_equal(orders_create(NULL, env->domain, NULL), -EINVAL);
    assert_int_equal(orders_create(&book, env->domain, NULL), 0);
    assert_int_equal(orders_insert(book, UINT64_MAX, &one), 0);
    assert_int_equal(orders_put(book, 7, &one, &out), 0);
    assert_null(out);
    assert_int_equal(orders_put(book, 7, &two, &out), 1);
    assert_ptr_equal(out, &one);
    weft_enter(&guard, env->domain);
    assert_int_equal(orders_get(book, &guard, 7)->price, 2);
    assert_int_equal(orders_get_or_insert(book, &guard, 7, &one, &out), 1);
    assert_ptr_equal(out, &two);
    weft_leave(&guard);
    assert_int_equal(orders_get_many(book, NULL, (uint64_t[]){7, 8, UINT64_MAX}, many, 3), 2);
    assert_true(many[0] == &two && many[1] == NULL && many[2] == &one);
    assert_int_equal(orders_compare_and_replace(book, 7, &two, &one), 0);
    assert_int_equal(orders_compare_and_remove(book, 7, &two), -EAGAIN);
    assert_int_equal(orders_compare_and_remove(book, 7, &one), 0);
    assert_false(orders_contains(book, 7));
    assert_int_equal(orders_reserve(book, 100), 0);
    orders_iterate(&it, book);
    assert_true(orders_next(&it, &key, &out));
    assert_true(key == UINT64_MAX && out == &one);
    assert_false(orders_next(&it, &key, &out));
    orders_iterate_end(&it);
    assert_int_equal(weft_table_size(orders_untyped(book)), orders_size(book));
    assert_true(orders_remove(book, UINT64_MAX, &out));
    assert_ptr_equal(out, &one);
    assert_int_equal(orders_insert(book, 3, &two), 0);
    orders_clear(book);
    assert_int_equal(orders_size(book), 0);
    assert_int_equal(orders_insert(book, 4, &two), 0);
    orders_destroy(book, add_up, &sum);
    assert_int_equal(sum, 4002);
}

static void test_typed_view_of_integers(void **state)
{
    t_env *env = *state;
    marks *table = NULL;
    unsigned out = 4711;
    assert_int_equal(marks_create(&table, env->domain, NULL), 0);
    assert_int_equal(marks_insert(table, 1, 5), 0);
    assert_int_equal(marks_insert(table, 2, 0), -EINVAL); /* 0 means absent */
    assert_int_equal(marks_get(table, NULL, 1), 5);
    assert_int_equal(marks_get(table, NULL, 2), 0);
    assert_true(marks_remove(table, 1, &out));
    assert_int_equal(out, 5);
    assert_false(marks_remove(table, 1, &out));
    assert_int_equal(out, 0);
    marks_destroy(table, NULL, NULL);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_null),
        T_BOTH(test_mixing_is_one_to_one),
        T_BOTH(test_special_keys),
        T_BOTH(test_a_bucket_up_to_its_last_slot),
        T_BOTH(test_one_more_than_a_bucket_takes),
        T_BOTH(test_keys_that_part_late),
        T_BOTH(test_a_full_bucket_without_memory),
        T_BOTH(test_figures),
        T_BOTH(test_memory_of_an_empty_table),
        T_BOTH(test_typed_view),
        T_BOTH(test_typed_view_of_integers),
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
