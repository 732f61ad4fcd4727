/*
 * Where the entries of a weft_table go while it grows and shrinks: contents, values and iterations. map_size_test.c has
 * what it shares with other maps.
 */
#include "tests/unit/keys.h"
#include "tests/unit/table_keys.h"

#include <string.h>

#include <weft/hashmap/table_resize.h>

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

enum { BITS = 6, BUCKETS = 1 << BITS };

/* A table that keeps so many buckets, whatever is removed. */
static weft_table *table_of(weft_domain *domain, size_t buckets)
{
    weft_table *table = t_map_of(of, domain);
    assert_int_equal(weft_table_reserve(table, WEFT_TABLE_LOAD * buckets - 1), 0);
    assert_int_equal(figures(table).buckets, buckets);
    return table;
}

/* ---- growing and shrinking ---- */

static void assert_exactly(weft_table *table, uint64_t from, uint64_t to, uint64_t all)
{
    for (uint64_t key = 0; key < all; key++)
        CHECK(t_int(get(table, key)) == (key >= from && key < to ? t_value_of((uintptr_t)key) : 0));
    assert_int_equal(weft_table_size(table), to - from);
    assert_int_equal(figures(table).size, to - from);
}

/* After each update the contents are exact, wherever the buckets are on their way. */
static void test_exact_at_each_step(void **state)
{
    t_env *env = *state;
    enum { N = T_SCALE(600, 200) };
    weft_table *table = t_map_of(of, env->domain);
    size_t most = 0, changes = 0, last = 0;
    for (uintptr_t step = 0; step < 2 * N; step++) {
        bool grows = step < N;
        if (grows)
            t_map_fill(of, table, step, step + 1);
        else
            t_map_drain(of, table, step - N, step - N + 1);
        assert_exactly(table, grows ? 0 : step - N + 1, grows ? step + 1 : N, N + 10);
        size_t buckets = figures(table).buckets;
        changes += buckets != last;
        last = buckets;
        most = buckets > most ? buckets : most;
    }
    print_message("up to %zu buckets and back to %zu, in %zu steps\n", most, last, changes);
    assert_true(most >= N / 2 && last < most && changes > 10);
    weft_table_clear(table);
    assert_int_equal(figures(table).buckets, 1 << WEFT_TABLE_FIRST_BITS);
    weft_table_destroy(table, NULL, NULL);
}

/* Entries in nodes of slots go to larger arrays, and to smaller ones. */
static void test_full_buckets_grow_and_shrink(void **state)
{
    t_env *env = *state;
    enum { FULL = 8, EACH = 14 };
    weft_table *table = t_map_of(of, env->domain);
    size_t least = SIZE_MAX;
    for (int round = 0; round < 5; round++) {
        size_t fullest = 0;
        for (uint64_t bucket = 0; bucket < FULL; bucket++) {
            t_fill_bucket(table, BITS + 4, 111 * bucket, EACH);
            fullest = figures(table).fullest > fullest ? figures(table).fullest : fullest;
        }
        for (uint64_t bucket = 0; bucket < FULL; bucket++)
            t_assert_bucket(table, BITS + 4, 111 * bucket, EACH);
        least = fullest < least ? fullest : least;
        for (uint64_t bucket = 0; bucket < FULL; bucket++)
            for (uint64_t i = 0; i < EACH; i++)
                assert_true(weft_table_remove(table, t_key_in(table, BITS + 4, 111 * bucket, i), NULL));
        weft_table_clear(table);
        assert_int_equal(figures(table).buckets, 1 << WEFT_TABLE_FIRST_BITS);
    }
    assert_true(least >= EACH);
    weft_table_destroy(table, NULL, NULL);
}

/*
 * A table shrinks, and finds more entries in two buckets than it makes one of. That holds up the shrinking, but no
 * insertion: it can grow again.
 */
static void test_two_buckets_that_are_too_full(void **state)
{
    t_env *env = *state;
    enum { MANY_BITS = 9, MORE = 10000 };
    weft_table *table = table_of(env->domain, 1 << MANY_BITS);
    t_fill_bucket(table, MANY_BITS, 16, 8);
    t_fill_bucket(table, MANY_BITS, 17, 8);
    assert_int_equal(weft_table_reserve(table, 0), 0);
    for (uint64_t key = 0; key < 1000; key++) {
        assert_int_equal(weft_table_insert(table, key, t_ptr(1)), 0);
        assert_true(weft_table_remove(table, key, NULL));
    }
    assert_in_range(figures(table).buckets, 1, (1 << MANY_BITS) - 1);
    t_assert_bucket(table, MANY_BITS, 16, 8);
    t_assert_bucket(table, MANY_BITS, 17, 8);
    for (uintptr_t key = 0; key < MORE; key++)
        assert_int_equal(weft_table_insert(table, key, t_ptr(t_value_of(key))), 0);
    t_assert_bucket(table, MANY_BITS, 16, 8);
    t_assert_bucket(table, MANY_BITS, 17, 8);
    assert_true(figures(table).load <= WEFT_TABLE_LOAD + 0.5);
    t_map_drain(of, table, 0, MORE);
    weft_table_clear(table);
    assert_int_equal(figures(table).buckets, 1 << WEFT_TABLE_FIRST_BITS);
    weft_table_destroy(table, NULL, NULL);
}

typedef struct owned {
    unsigned char destroyed[1 << 14];
    size_t count;
} owned;

static void destroy_value(void *value, void *ctx)
{
    owned *o = ctx;
    CHECK(o->destroyed[t_int(value)]++ == 0);
    o->count++;
}

/* Wherever its entry was copied meanwhile, each value is destroyed once. */
static void test_values_are_destroyed_once(void **state)
{
    static owned o;
    t_env *env = *state;
    enum { N = 3000 };
    weft_table *table = NULL;
    uintptr_t value = 0;
    memset(&o, 0, sizeof o);
    assert_int_equal(weft_table_create(&table, env->domain, &(weft_table_config){destroy_value, &o, {0}}), 0);
    for (uint64_t key = 0; key < N; key++) {
        assert_int_equal(weft_table_insert(table, key, t_ptr(++value)), 0);
        assert_int_equal(weft_table_put(table, key / 2, t_ptr(++value), NULL), 1);
    }
    for (uint64_t key = 0; key < N; key++)
        if (key % 100 != 0)
            assert_true(weft_table_remove(table, key, NULL));
    for (uint64_t key = 0; key < N; key += 7)
        assert_true(weft_table_put(table, key, t_ptr(++value), NULL) >= 0);
    assert_true(value < T_COUNT(o.destroyed));
    assert_true(o.count < value);
    weft_table_destroy(table, NULL, NULL);
    t_barrier(env->domain);
    assert_int_equal(o.count, value);
}

/* ---- iteration ---- */

enum { STAY = T_SCALE(500, 100), GO = T_SCALE(20000, 5000), COME = T_SCALE(30000, 8000) };
static const uint64_t come = UINT64_C(1) << 40;

typedef struct seeing {
    weft_table *table;
    unsigned char stay[STAY], go[GO], come[COME]; /* 1: seen; 2: removed */
    uint64_t gone, came;
} seeing;

static void see(seeing *s, uint64_t key, const void *value)
{
    unsigned char *of_key = key < STAY ? &s->stay[key] : key < come ? &s->go[key - STAY] : &s->come[key - come];
    CHECK(key < STAY + GO || (key >= come && key < come + s->came));
    CHECK(*of_key == 0 && t_int(value) == (uintptr_t)(key + 1));
    *of_key = 1;
}

static void change(seeing *s)
{
    if (s->gone < GO) {
        for (int i = 0; i < 200; i++, s->gone++) {
            CHECK(weft_table_remove(s->table, STAY + s->gone, NULL));
            s->go[s->gone] = 2;
        }
    } else {
        for (int i = 0; i < 200 && s->came < COME; i++, s->came++)
            CHECK(weft_table_insert(s->table, come + s->came, t_ptr(come + s->came + 1)) == 0);
    }
}

/*
 * While the iteration goes on, the table shrinks and grows again. What stays is seen once, and no key twice; what was
 * removed is not seen after that.
 */
static void test_iteration_while_shrinking_and_growing(void **state)
{
    static seeing s;
    t_env *env = *state;
    weft_table_iterator it;
    uint64_t key;
    void *value;
    size_t least = SIZE_MAX, shown = 0, stayed = 0;
    s = (seeing){.table = t_map_of(of, env->domain)};
    for (key = 0; key < STAY + GO; key++)
        assert_int_equal(weft_table_insert(s.table, key, t_ptr((uintptr_t)key + 1)), 0);
    size_t first = figures(s.table).buckets;
    weft_table_iterate(&it, s.table);
    for (; weft_table_next(&it, &key, &value); shown++) {
        see(&s, key, value);
        change(&s);
        size_t buckets = shown % 8 == 0 ? figures(s.table).buckets : least;
        least = buckets < least ? buckets : least;
    }
    weft_table_iterate_end(&it);
    for (size_t i = 0; i < STAY; i++)
        stayed += s.stay[i];
    size_t last = figures(s.table).buckets;
    print_message("%zu entries seen; %zu buckets, %zu, and %zu\n", shown, first, least, last);
    assert_int_equal(stayed, STAY);
    assert_true(least < first && last > least && s.came == COME);
    weft_table_destroy(s.table, NULL, NULL);
}

static void test_iterator_edges(void **state)
{
    t_env *env = *state;
    weft_table *table = t_map_of(of, env->domain);
    weft_table_iterator it, second;
    uint64_t key;
    void *value;
    t_map_fill(of, table, 0, 10);
    weft_table_iterate(&it, table); /* ended before its first step */
    weft_table_iterate_end(&it);
    weft_table_iterate(&it, table);
    assert_true(weft_table_next(&it, NULL, NULL));
    assert_true(weft_table_next(&it, &key, NULL));
    assert_true(weft_table_next(&it, NULL, &value));
    weft_table_iterate(&second, table); /* two at once, ended in any order, one of them broken off */
    for (int i = 0; i < 10; i++)
        assert_true(weft_table_next(&second, &key, &value));
    weft_table_iterate_end(&it);
    for (int i = 0; i < 3; i++) /* the end stays the end */
        assert_false(weft_table_next(&second, &key, &value));
    weft_table_iterate_end(&second);
    assert_int_equal(t_stats(env->domain).guards_held, 0);
    weft_table_destroy(table, NULL, NULL);
}

static void zero_value(void *value, void *ctx)
{
    (void)ctx;
    *(uint64_t *)value = 0;
}

/* The value that an iterator is at stays readable after its removal. */
static void test_iterator_holds_its_value(void **state)
{
    t_env *env = *state;
    weft_table *table = NULL;
    uint64_t number = 4711, key = 0;
    weft_table_iterator it;
    void *value;
    assert_int_equal(weft_table_create(&table, env->domain, &(weft_table_config){.destroy_value = zero_value}), 0);
    assert_int_equal(weft_table_insert(table, 8, &number), 0);
    weft_table_iterate(&it, table);
    assert_true(weft_table_next(&it, &key, &value));
    assert_true(weft_table_remove(table, 8, NULL));
    for (int i = 0; i < 3; i++)
        weft_domain_flush(env->domain);
    assert_true(key == 8 && value == &number);
    assert_int_equal(number, 4711);
    assert_false(weft_table_next(&it, &key, &value));
    weft_table_iterate_end(&it);
    t_barrier(env->domain);
    assert_int_equal(number, 0);
    weft_table_destroy(table, NULL, NULL);
}

/* Buckets that were made ahead stay, until it may shrink again. Then updates take them away. */
static void test_reserve(void **state)
{
    t_env *env = *state;
    weft_table *table = t_map_of(of, env->domain);
    static const size_t counts[][2] = {{1, 2}, {3, 2}, {4, 4}, {7, 4}, {8, 8}, {1000, 512}, {1024, 1024}};
    for (size_t i = 0; i < T_COUNT(counts); i++) {
        assert_int_equal(weft_table_reserve(table, counts[i][0]), 0);
        assert_int_equal(figures(table).buckets, counts[i][1]);
        t_map_fill(of, table, 0, counts[i][0]);
        assert_true(figures(table).buckets <= 2 * counts[i][1]);
        t_map_drain(of, table, 0, counts[i][0]);
        assert_true(figures(table).buckets >= counts[i][1]);
    }
    assert_int_equal(weft_table_reserve(table, 0), 0);
    for (uintptr_t key = 0; key < 2000; key++) {
        t_map_fill(of, table, key, key + 1);
        t_map_drain(of, table, key, key + 1);
    }
    assert_int_equal(figures(table).buckets, 1 << WEFT_TABLE_FIRST_BITS);
    weft_table_destroy(table, NULL, NULL);
}

typedef struct together {
    weft_table *table;
    pthread_barrier_t all;
} together;

static void insert_one(unsigned index, void *ctx)
{
    together *t = ctx;
    CHECK(weft_table_insert(t->table, index, t) == 0);
    pthread_barrier_wait(&t->all); /* so that no thread gets the record of an ended one */
}

/* With as many threads as a large table has counters, each has one of its own, wherever its record lies in memory. */
static void test_counters_are_not_shared(void **state)
{
    t_env *env = *state;
    together t = {.table = table_of(env->domain, 2 << WEFT_TABLE_STRIPES_FROM)};
    weft_i_table_stripes *stripes = weft_i_load(&t.table->stripes, memory_order_relaxed);
    assert_non_null(stripes);
    assert_int_equal(pthread_barrier_init(&t.all, NULL, WEFT_TABLE_STRIPES), 0);
    t_run(WEFT_TABLE_STRIPES, insert_one, &t);
    for (int i = 0; i < WEFT_TABLE_STRIPES; i++)
        assert_int_equal(atomic_load(&stripes->of[i].it.size), 1);
    assert_int_equal(weft_table_size(t.table), WEFT_TABLE_STRIPES);
    pthread_barrier_destroy(&t.all);
    weft_table_destroy(t.table, NULL, NULL);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_exact_at_each_step),
        T_BOTH(test_full_buckets_grow_and_shrink),
        T_BOTH(test_two_buckets_that_are_too_full),
        T_BOTH(test_values_are_destroyed_once),
        T_BOTH(test_iteration_while_shrinking_and_growing),
        T_BOTH(test_iterator_edges),
        T_BOTH(test_iterator_holds_its_value),
        T_BOTH(test_reserve),
        T_BOTH(test_counters_are_not_shared),
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
