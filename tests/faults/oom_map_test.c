/* Out of memory in the map, at every allocation of every operation, and for its tables. */
#include "tests/unit/keys.h"
#include "tests/unit/oom.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { INSERT, PUT_NEW, PUT_OLD, PUT_OUT, GET_OR_INSERT, REPLACE };

typedef struct subject {
    weft_map *map;
    weft_domain *domain;
    int what;
    bool owned; /* values have a destructor */
    uintptr_t before;
    atomic_int destroyed;
} subject;

static void destroy_value(void *value, void *ctx)
{
    (void)value;
    atomic_fetch_add(&((subject *)ctx)->destroyed, 1);
}

static subject *prepare(weft_domain *domain, int what, bool owned, uintptr_t before)
{
    subject *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    s->domain = domain;
    s->what = what;
    s->owned = owned;
    s->before = before;
    weft_map_config config = {.destroy_value = owned ? destroy_value : NULL, .ctx = s};
    s->map = t_map_new(domain, &config);
    t_map_fill(s->map, 1, before + 1);
    return s;
}

/* The subjects of the table below; sizes at which a table grows are among them. */
#define PREPARE(name, what, owned, before)                                                                             \
    static void *name(weft_domain *domain)                                                                             \
    {                                                                                                                  \
        return prepare(domain, what, owned, before);                                                                   \
    }
PREPARE(insert_first, INSERT, false, 0)
PREPARE(insert_growing, INSERT, false, 7)
PREPARE(insert_growing_more, INSERT, true, 1023)
PREPARE(put_first, PUT_NEW, false, 0)
PREPARE(put_growing, PUT_NEW, true, 127)
PREPARE(put_old, PUT_OLD, false, 1)
PREPARE(put_old_owned, PUT_OLD, true, 1)
PREPARE(put_old_out, PUT_OUT, true, 1)
PREPARE(get_or_insert_first, GET_OR_INSERT, false, 0)
PREPARE(get_or_insert_owned, GET_OR_INSERT, true, 31)
PREPARE(replace, REPLACE, false, 1)
PREPARE(replace_owned, REPLACE, true, 1)

enum { NEW_VALUE = 0x4711 };

static int operate(void *ctx)
{
    subject *s = ctx;
    void *out = ctx, *value = t_ptr(NEW_VALUE);
    int result = -1;
    switch (s->what) {
    case INSERT:
        return weft_map_insert(s->map, t_ptr(0), value);
    case PUT_NEW:
        result = weft_map_put(s->map, t_ptr(0), value, &out);
        CHECK(result <= 0 && out == NULL);
        return result;
    case PUT_OLD:
        result = weft_map_put(s->map, t_ptr(1), value, NULL);
        CHECK(result == 1 || result < 0);
        return result;
    case PUT_OUT:
        result = weft_map_put(s->map, t_ptr(1), value, &out);
        CHECK(t_int(out) == (result == 1 ? t_value_of(1) : 0));
        return result;
    case GET_OR_INSERT:
        result = weft_map_get_or_insert(s->map, NULL, t_ptr(0), value, &out);
        CHECK(out == (result == 0 ? value : NULL));
        return result;
    default:
        result = weft_map_compare_and_replace(s->map, t_ptr(1), t_ptr(t_value_of(1)), value);
        CHECK(s->owned || result == 0);
        return result;
    }
}

static void check(void *ctx, bool happened)
{
    subject *s = ctx;
    bool adds = s->what == INSERT || s->what == PUT_NEW || s->what == GET_OR_INSERT;
    uintptr_t changed = adds ? 0 : 1;
    CHECK(weft_map_size(s->map) == s->before + (happened && adds));
    CHECK(t_map_stats(s->map).size == s->before + (happened && adds));
    CHECK(weft_map_contains(s->map, t_ptr(0)) == (happened && adds));
    for (uintptr_t key = 0; key <= s->before; key++) {
        uintptr_t value = t_int(weft_map_get(s->map, NULL, t_ptr(key)));
        if (happened && key == changed)
            CHECK(value == NEW_VALUE);
        else
            CHECK(value == (key ? t_value_of(key) : 0));
    }
    t_barrier(s->domain);
    CHECK(atomic_load(&s->destroyed) == (happened && s->owned && (s->what == PUT_OLD || s->what == REPLACE)));
}

static void finish(void *ctx)
{
    subject *s = ctx;
    int destroyed = atomic_load(&s->destroyed);
    size_t size = weft_map_size(s->map);
    weft_map_destroy(s->map, NULL, NULL);
    t_barrier(s->domain);
    CHECK(atomic_load(&s->destroyed) == destroyed + (s->owned ? (int)size : 0));
    free(s);
}

typedef struct row {
    t_operation operation;
    size_t least;
} row;

static const row rows[] = {
    {{"insert first", insert_first, operate, check, finish}, 1},
    {{"insert, table grows", insert_growing, operate, check, finish}, 0},
    {{"insert, table grows more", insert_growing_more, operate, check, finish}, 0},
    {{"put first", put_first, operate, check, finish}, 1},
    {{"put, table grows", put_growing, operate, check, finish}, 0},
    {{"put replaces", put_old, operate, check, finish}, 0},
    {{"put replaces, owned", put_old_owned, operate, check, finish}, 0},
    {{"put replaces, value out", put_old_out, operate, check, finish}, 0},
    {{"get or insert first", get_or_insert_first, operate, check, finish}, 1},
    {{"get or insert, owned", get_or_insert_owned, operate, check, finish}, 0},
    {{"replace", replace, operate, check, finish}, 0},
    {{"replace, owned", replace_owned, operate, check, finish}, 0},
};

static void test_every_allocation(void **state)
{
    t_env *env = *state;
    for (size_t i = 0; i < T_COUNT(rows); i++)
        t_out_of_memory(env->scheme, &rows[i].operation, rows[i].least);
}

static void test_create(void **state)
{
    t_env *env = *state;
    weft_map_config owning = {.destroy_value = destroy_value, .ctx = env};
    const weft_map_config *configs[] = {NULL, &weft_map_strings, &owning};
    for (size_t c = 0; c < T_COUNT(configs); c++) {
        int result = -ENOMEM;
        for (long nth = 1; result != 0; nth++) {
            t_alloc alloc;
            weft_domain *domain = t_domain(env->scheme, &alloc);
            weft_map *map = (weft_map *)env;
            t_alloc_fail(&alloc, nth, true);
            result = weft_map_create(&map, domain, configs[c]);
            t_alloc_fail_never(&alloc);
            if (result == 0) {
                weft_map_destroy(map, NULL, NULL);
            } else {
                assert_int_equal(result, -ENOMEM);
                assert_null(map);
            }
            t_domain_done(domain, &alloc);
        }
    }
}

/* Without memory for a larger table the map is slower, but no operation fails. */
static void test_no_memory_for_tables(void **state)
{
    t_env *env = *state;
    enum { N = 4000 };
    weft_map *map = t_map_new(env->domain, NULL);
    atomic_store(&env->alloc.largest, 2000);
    t_map_fill(map, 0, N);
    size_t buckets = t_map_stats(map).buckets;
    assert_true(buckets < N);
    for (uintptr_t key = 0; key < N; key++)
        assert_int_equal(t_int(weft_map_get(map, NULL, t_ptr(key))), t_value_of(key));
    assert_int_equal(weft_map_size(map), N);
    atomic_store(&env->alloc.largest, 0);
    t_map_fill(map, N, 2 * N); /* with memory back it catches up */
    assert_true(t_map_stats(map).load <= 0.5);
    t_map_drain(map, 0, 2 * N);
    weft_map_destroy(map, NULL, NULL);
}

/* In a thread that cannot get a place in the domain everything works that needs no new node. */
static void use_without_memory(unsigned index, void *ctx)
{
    weft_map *map = ctx;
    weft_map_iterator it;
    void *key, *value;
    size_t count = 0;
    (void)index;
    weft_map_iterate(&it, map);
    while (weft_map_next(&it, &key, &value)) {
        CHECK(t_int(value) == t_value_of(t_int(key)));
        count++;
    }
    weft_map_iterate_end(&it);
    CHECK(count == 6000);
    for (uintptr_t k = 0; k < 3000; k++) {
        CHECK(t_int(weft_map_get(map, NULL, t_ptr(k))) == t_value_of(k));
        CHECK(weft_map_compare_and_replace(map, t_ptr(k), t_ptr(t_value_of(k)), t_ptr(t_value_of(k) + 2)) == 0);
        CHECK(weft_map_remove(map, t_ptr(k), &value) && t_int(value) == t_value_of(k) + 2);
        CHECK(!weft_map_contains(map, t_ptr(k)));
    }
    CHECK(weft_map_size(map) == 3000);
    CHECK(t_map_stats(map).size == 3000);
    weft_map_clear(map);
    CHECK(weft_map_size(map) == 0);
}

static void test_without_memory(void **state)
{
    t_env *env = *state;
    weft_map *map = t_map_new(env->domain, NULL);
    t_map_fill(map, 0, 6000);
    t_alloc_fail(&env->alloc, 1, true);
    t_run_in_turn(1, use_without_memory, map);
    weft_map_destroy(map, NULL, NULL);
    t_barrier(env->domain);
    t_alloc_fail_never(&env->alloc);
}

/* Memory comes and goes at random: the map and an array agree on what was accepted. */
static void test_memory_comes_and_goes(void **state)
{
    t_env *env = *state;
    enum { KEYS = 1000 };
    static uintptr_t model[KEYS];
    subject s = {0};
    weft_map_config config = {.destroy_value = destroy_value, .ctx = &s};
    weft_map *map = t_map_new(env->domain, &config);
    t_rng rng = {29};
    int given = 0, refusals = 0; /* values the map has taken, in all */
    for (uintptr_t i = 1; i < 30000; i++) {
        uintptr_t key = t_random(&rng) % KEYS;
        int result;
        t_alloc_fail(&env->alloc, (long)(t_random(&rng) % 3), t_random(&rng) % 2);
        switch (t_random(&rng) % 4) {
        case 0:
            result = weft_map_insert(map, t_ptr(key), t_ptr(i));
            CHECK(result == -ENOMEM || result == (model[key] ? -EEXIST : 0));
            break;
        case 1:
            result = weft_map_put(map, t_ptr(key), t_ptr(i), NULL);
            CHECK(result == -ENOMEM || result == (model[key] != 0));
            break;
        case 2:
            result = weft_map_compare_and_replace(map, t_ptr(key), t_ptr(model[key] + !model[key]), t_ptr(i));
            CHECK(result == -ENOMEM || result == (model[key] ? 0 : -ENOENT));
            break;
        default:
            CHECK(weft_map_remove(map, t_ptr(key), NULL) == (model[key] != 0));
            model[key] = 0;
            continue;
        }
        refusals += result == -ENOMEM;
        given += result >= 0;
        model[key] = result >= 0 ? i : model[key];
        CHECK(t_int(weft_map_get(map, NULL, t_ptr(key))) == model[key]);
    }
    t_alloc_fail_never(&env->alloc);
    assert_true(refusals > 0);
    for (size_t key = 0; key < KEYS; key++)
        CHECK(t_int(weft_map_get(map, NULL, t_ptr(key))) == model[key]);
    weft_map_destroy(map, NULL, NULL);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&s.destroyed), given); /* each value once, and no other */
    memset(model, 0, sizeof model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_create),         T_BOTH(test_every_allocation),      T_BOTH(test_no_memory_for_tables),
        T_BOTH(test_without_memory), T_BOTH(test_memory_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
