/*
 * Out of memory where only weft_table needs it, or does without: for slots beyond a bucket's first three, for the
 * larger array that a full bucket needs, and for retiring a value that is removed. oom_map_test.c has the rest.
 */
#include "tests/unit/keys.h"
#include "tests/unit/oom.h"
#include "tests/unit/table_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 6, BUCKETS = 1 << BITS, BUCKET = 21, SLOTS = WEFT_TABLE_SLOTS, SECONDS = 20 };

static const map_subject *const of = &maps[MAP_table];

/* Counts each value's destruction: 1 .. VALUES are values. */
enum { VALUES = 4000 };

typedef struct owned {
    t_alloc alloc;
    weft_domain *domain;
    weft_table *table;
    size_t destroyed;
    unsigned char times[VALUES + 1];
} owned;

static void destroy_value(void *value, void *ctx)
{
    owned *o = ctx;
    CHECK(t_int(value) <= VALUES && o->times[t_int(value)]++ == 0);
    o->destroyed++;
}

/* A table of 64 buckets that owns its values, if `owner` is not NULL. */
static weft_table *table_for(weft_domain *domain, owned *owner)
{
    weft_table *table = NULL;
    const weft_table_config config = {.destroy_value = destroy_value, .ctx = owner};
    CHECK(weft_table_create(&table, domain, owner ? &config : NULL) == 0);
    CHECK(weft_table_reserve(table, WEFT_TABLE_LOAD * BUCKETS - 1) == 0);
    CHECK(of->buckets(table) == BUCKETS);
    return table;
}

static uint64_t key_of(const weft_table *table, uint64_t i)
{
    return t_key_in(table, BITS, BUCKET, i);
}

/* In a domain of its own, which has no node that was used before. */
static void open_owned(owned *o, weft_scheme scheme)
{
    memset(o, 0, sizeof *o);
    o->domain = t_domain(scheme, &o->alloc);
    o->table = table_for(o->domain, o);
}

/* With the table's end all values are destroyed: so many. */
static void close_owned(owned *o, size_t values)
{
    weft_table_destroy(o->table, NULL, NULL);
    t_barrier(o->domain);
    CHECK(o->destroyed == values);
    t_domain_done(o->domain, &o->alloc);
}

static void no_memory(owned *o)
{
    t_alloc_fail(&o->alloc, 1, true);
}

static void memory_again(owned *o)
{
    t_alloc_fail_never(&o->alloc);
}

/* ---- what needs memory ---- */

enum { INSERT, PUT_NEW, GET_OR_INSERT, PUT_OLD, REPLACE };

typedef struct subject {
    owned owned;
    weft_domain *domain;
    int what;
    bool owner;
    uintptr_t before; /* entries of the bucket */
} subject;

static subject *prepare(weft_domain *domain, int what, bool owner, uintptr_t before)
{
    subject *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    *s = (subject){.domain = domain, .what = what, .owner = owner, .before = before};
    s->owned.table = table_for(domain, owner ? &s->owned : NULL);
    t_fill_bucket(s->owned.table, BITS, BUCKET, before);
    return s;
}

/* So many entries use up the slots in the bucket itself, those of a node, and all of them. */
#define PREPARE(name, what)                                                                                            \
    static void *name##_beyond_the_bucket(weft_domain *domain)                                                         \
    {                                                                                                                  \
        return prepare(domain, what, false, WEFT_TABLE_INLINE);                                                        \
    }                                                                                                                  \
    static void *name##_beyond_the_nodes(weft_domain *domain)                                                          \
    {                                                                                                                  \
        return prepare(domain, what, true, WEFT_TABLE_INLINE + 2 * WEFT_I_TABLE_IN_NODE);                              \
    }                                                                                                                  \
    static void *name##_in_a_full_bucket(weft_domain *domain)                                                          \
    {                                                                                                                  \
        return prepare(domain, what, false, SLOTS);                                                                    \
    }                                                                                                                  \
    static void *name##_in_a_full_bucket_owned(weft_domain *domain)                                                    \
    {                                                                                                                  \
        return prepare(domain, what, true, SLOTS);                                                                     \
    }
PREPARE(insert, INSERT)
PREPARE(put_new, PUT_NEW)
PREPARE(get_or_insert, GET_OR_INSERT)
PREPARE(put_old, PUT_OLD)
PREPARE(replace, REPLACE)

enum { NEW_VALUE = 4000 };

static int operate(void *ctx)
{
    subject *s = ctx;
    void *out = ctx, *value = t_ptr(NEW_VALUE);
    weft_table *table = s->owned.table;
    int result = -1;
    switch (s->what) {
    case INSERT:
        return weft_table_insert(table, key_of(table, s->before), value);
    case PUT_NEW:
        result = weft_table_put(table, key_of(table, s->before), value, &out);
        CHECK(result <= 0 && out == NULL);
        return result;
    case GET_OR_INSERT:
        result = weft_table_get_or_insert(table, NULL, key_of(table, s->before), value, &out);
        CHECK(out == (result == 0 ? value : NULL));
        return result;
    case PUT_OLD:
        result = weft_table_put(table, key_of(table, 1), value, NULL);
        CHECK(result == 1 || result < 0);
        return result;
    default:
        return weft_table_compare_and_replace(table, key_of(table, 1), t_ptr(2), value);
    }
}

static void check(void *ctx, bool happened)
{
    subject *s = ctx;
    weft_table *table = s->owned.table;
    bool adds = s->what < PUT_OLD;
    uintptr_t changed = adds ? s->before : 1;
    CHECK(weft_table_size(table) == s->before + (happened && adds));
    for (uintptr_t i = 0; i < s->before + 1; i++) {
        uintptr_t value = t_int(weft_table_get(table, NULL, key_of(table, i)));
        CHECK(value == (happened && i == changed ? NEW_VALUE : i < s->before ? i + 1 : 0));
    }
    t_barrier(s->domain);
    CHECK(s->owned.destroyed == (happened && s->owner && !adds));
}

static void finish(void *ctx)
{
    subject *s = ctx;
    size_t destroyed = s->owned.destroyed, size = weft_table_size(s->owned.table);
    weft_table_destroy(s->owned.table, NULL, NULL);
    t_barrier(s->domain);
    CHECK(s->owned.destroyed == destroyed + (s->owner ? size : 0));
    free(s);
}

#define ROWS(name, what)                                                                                               \
    {what " beyond the bucket", name##_beyond_the_bucket, operate, check, finish},                                     \
        {what " beyond the nodes", name##_beyond_the_nodes, operate, check, finish},                                   \
        {what " in a full bucket", name##_in_a_full_bucket, operate, check, finish},                                   \
    {                                                                                                                  \
        what " in a full bucket, owned", name##_in_a_full_bucket_owned, operate, check, finish                         \
    }

static const t_operation operations[] = {ROWS(insert, "insert"), ROWS(put_new, "put"),
                                         ROWS(get_or_insert, "get or insert"), ROWS(put_old, "put that replaces"),
                                         ROWS(replace, "replace")};

static void test_every_allocation(void **state)
{
    t_env *env = *state;
    for (size_t i = 0; i < T_COUNT(operations); i++)
        t_out_of_memory(env->scheme, &operations[i], 1);
}

/* Without memory for a larger array the table takes what its buckets take. With memory back it takes the rest. */
static void test_no_memory_for_arrays(void **state)
{
    t_env *env = *state;
    enum { N = 2000 };
    static bool taken[N];
    weft_table *table = t_map_of(of, env->domain);
    size_t count = 0;
    atomic_store(&env->alloc.largest, 2000);
    for (uintptr_t key = 0; key < N; key++) {
        int error = weft_table_insert(table, key, t_ptr(key + 1));
        assert_true(error == 0 || error == -ENOMEM);
        taken[key] = error == 0;
        count += taken[key];
    }
    size_t buckets = of->buckets(table);
    print_message("%zu entries in %zu buckets\n", count, buckets);
    assert_in_range(count, 6 * buckets, SLOTS * buckets);
    assert_int_equal(weft_table_size(table), count);
    for (uintptr_t key = 0; key < N; key++)
        assert_int_equal(t_int(weft_table_get(table, NULL, key)), taken[key] ? key + 1 : 0);
    atomic_store(&env->alloc.largest, 0);
    for (uintptr_t key = 0; key < N; key++)
        assert_int_equal(weft_table_insert(table, key, t_ptr(key + 1)), taken[key] ? -EEXIST : 0);
    assert_true((double)N / (double)of->buckets(table) <= WEFT_TABLE_LOAD + 0.5);
    for (uintptr_t key = 0; key < N; key++)
        assert_int_equal(t_int(weft_table_get(table, NULL, key)), key + 1);
    weft_table_destroy(table, NULL, NULL);
}

/* ---- removing without memory ---- */

static bool remove_by(weft_table *table, uint64_t key, uintptr_t value, int way)
{
    if (way == 0)
        return weft_table_remove(table, key, NULL);
    return weft_table_compare_and_remove(table, key, t_ptr(value)) == 0;
}

/* All entries go; the values wait in the bucket. Then its next update with memory, or the end, destroys them. */
static void test_values_wait(void **state)
{
    static owned o;
    t_env *env = *state;
    for (int way = 0; way < 6; way++) {
        open_owned(&o, env->scheme);
        t_fill_bucket(o.table, BITS, BUCKET, SLOTS);
        no_memory(&o);
        for (uint64_t i = 0; i < SLOTS; i++) {
            if (way % 3 < 2) {
                assert_true(remove_by(o.table, key_of(o.table, i), i + 1, way % 3));
                assert_false(remove_by(o.table, key_of(o.table, i), i + 1, way % 3));
                assert_int_equal(weft_table_size(o.table), SLOTS - 1 - i);
            }
        }
        if (way % 3 == 2)
            weft_table_clear(o.table);
        t_assert_bucket(o.table, BITS, BUCKET, 0);
        assert_int_equal(weft_table_size(o.table), 0);
        assert_int_equal(of->buckets(o.table), BUCKETS);
        assert_int_equal(weft_table_insert(o.table, key_of(o.table, 0), t_ptr(100)), -ENOMEM); /* no slot is free */
        assert_int_equal(weft_table_put(o.table, key_of(o.table, 0), t_ptr(100), NULL), -ENOMEM);
        t_barrier(o.domain);
        assert_int_equal(o.destroyed, 0);
        memory_again(&o);
        if (way < 3) {
            assert_int_equal(weft_table_insert(o.table, key_of(o.table, 0), t_ptr(100)), 0);
            assert_int_equal(of->buckets(o.table), BUCKETS);
            t_barrier(o.domain);
            assert_int_equal(o.destroyed, SLOTS);
        }
        close_owned(&o, SLOTS + (way < 3));
    }
}

/* A removal of an absent key is an update of the bucket, too. A lookup is none. */
static void test_which_updates_destroy(void **state)
{
    static owned o;
    t_env *env = *state;
    for (int way = 0; way < 4; way++) {
        void *out;
        open_owned(&o, env->scheme);
        t_fill_bucket(o.table, BITS, BUCKET, 4);
        no_memory(&o);
        assert_true(weft_table_remove(o.table, key_of(o.table, 2), NULL));
        memory_again(&o);
        assert_true(weft_table_contains(o.table, key_of(o.table, 0)));
        assert_int_equal(weft_table_insert(o.table, t_key_in(o.table, BITS, BUCKET + 1, 0), t_ptr(90)), 0);
        t_barrier(o.domain);
        assert_int_equal(o.destroyed, 0);
        if (way == 0)
            assert_true(weft_table_remove(o.table, key_of(o.table, 0), &out));
        else if (way == 1)
            assert_int_equal(weft_table_put(o.table, key_of(o.table, 0), t_ptr(91), &out), 1);
        else if (way == 2)
            assert_int_equal(weft_table_get_or_insert(o.table, NULL, key_of(o.table, 5), t_ptr(91), &out), 0);
        else
            assert_false(weft_table_remove(o.table, key_of(o.table, 2), NULL));
        t_barrier(o.domain);
        assert_int_equal(o.destroyed, 1);
        assert_int_equal(o.times[3], 1);
        close_owned(&o, way < 2 ? 4 + (way == 1) : way == 2 ? 6 : 5);
    }
}

/* A guard holds a value that waits, and goes on holding it when that is retired. */
static void test_a_guard_holds_a_value_that_waits(void **state)
{
    static owned o;
    t_env *env = *state;
    weft_guard guard;
    void *held = t_ptr(64); /* a guard holds all 8 bytes of its address */
    open_owned(&o, env->scheme);
    assert_int_equal(weft_table_insert(o.table, key_of(o.table, 0), held), 0);
    weft_enter(&guard, o.domain);
    assert_ptr_equal(weft_table_get(o.table, &guard, key_of(o.table, 0)), held);
    no_memory(&o);
    assert_true(weft_table_remove(o.table, key_of(o.table, 0), NULL));
    memory_again(&o);
    assert_int_equal(weft_table_insert(o.table, key_of(o.table, 1), t_ptr(2)), 0); /* retires it */
    for (int i = 0; i < 3; i++)
        weft_domain_flush(o.domain);
    assert_int_equal(o.destroyed, 0);
    weft_leave(&guard);
    t_barrier(o.domain);
    assert_int_equal(o.destroyed, 1);
    close_owned(&o, 2);
}

/* Values that wait go to larger arrays and to smaller ones. None is lost, and none destroyed twice. */
static void test_values_wait_while_the_table_changes(void **state)
{
    static owned o;
    t_env *env = *state;
    enum { N = 1000, MORE = 3000 };
    for (int way = 0; way < 3; way++) {
        open_owned(&o, env->scheme);
        assert_int_equal(weft_table_reserve(o.table, way == 2 ? 4 * N : 0), 0);
        for (uintptr_t key = 0; key < N; key++)
            assert_int_equal(weft_table_insert(o.table, key, t_ptr(key + 1)), 0);
        no_memory(&o);
        for (uintptr_t key = 0; key < N; key++)
            assert_true(weft_table_remove(o.table, key, NULL));
        assert_int_equal(weft_table_size(o.table), 0);
        t_barrier(o.domain);
        size_t waited = N - o.destroyed, buckets = of->buckets(o.table);
        memory_again(&o);
        if (way == 1)
            for (uintptr_t key = N; key < N + MORE; key++)
                assert_int_equal(weft_table_insert(o.table, key, t_ptr(key + 1)), 0);
        if (way == 2) {
            assert_int_equal(weft_table_reserve(o.table, 0), 0);
            weft_table_clear(o.table);
        }
        print_message("%zu values waited, %zu buckets became %zu\n", waited, buckets, of->buckets(o.table));
        assert_true(waited > N / 2);
        assert_true(way == 0 || (way == 1 ? of->buckets(o.table) > buckets : of->buckets(o.table) < buckets));
        close_owned(&o, N + (way == 1 ? MORE : 0));
    }
}

/*
 * Each insertion has memory for its slot, but not for retiring what waits; each removal has none. So values come to
 * wait in all slots. The bucket of the one key that is mixed to 0 does not go to a larger array.
 */
typedef struct wait_in {
    weft_scheme scheme;
    bool zero;
} wait_in;

static void wait_in_all_slots(void *ctx)
{
    static owned o;
    const wait_in *in = ctx;
    uintptr_t values = 0;
    open_owned(&o, in->scheme);
    uint64_t key = in->zero ? weft_i_table_unmix(o.table, 0) : key_of(o.table, 0);
    for (int i = 0; i < 40; i++) {
        t_alloc_fail(&o.alloc, 1, false);
        int error = weft_table_insert(o.table, key, t_ptr(values + 1));
        CHECK(error == 0 || error == -ENOMEM);
        values += error == 0;
        no_memory(&o);
        CHECK(weft_table_remove(o.table, key, NULL) == (error == 0));
        CHECK(!weft_table_contains(o.table, key) && weft_table_size(o.table) == 0);
    }
    memory_again(&o);
    CHECK(values >= SLOTS);
    CHECK(weft_table_insert(o.table, key, t_ptr(values + 1)) == 0);
    CHECK(weft_table_get(o.table, NULL, key) == t_ptr(values + 1));
    close_owned(&o, values + 1);
}

static void test_values_wait_in_all_slots(void **state)
{
    for (int zero = 0; zero < 2; zero++)
        t_in_child(wait_in_all_slots, &(wait_in){((t_env *)*state)->scheme, zero}, SECONDS);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_every_allocation),
        T_BOTH(test_no_memory_for_arrays),
        T_BOTH(test_values_wait),
        T_BOTH(test_which_updates_destroy),
        T_BOTH(test_a_guard_holds_a_value_that_waits),
        T_BOTH(test_values_wait_while_the_table_changes),
        T_BOTH(test_values_wait_in_all_slots),
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
