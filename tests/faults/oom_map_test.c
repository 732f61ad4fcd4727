/* Out of memory in each map, at every allocation of every operation, and for its tables. */
#include "tests/unit/keys.h"
#include "tests/unit/oom.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { INSERT, PUT_NEW, PUT_OLD, PUT_OUT, GET_OR_INSERT, REPLACE };

typedef struct subject {
    const map_subject *of;
    void *map;
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

/* The map that the next subject is of. */
static const map_subject *which;

static subject *prepare(weft_domain *domain, int what, bool owned, uintptr_t before)
{
    subject *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    s->of = which;
    s->domain = domain;
    s->what = what;
    s->owned = owned;
    s->before = before;
    CHECK(s->of->create(&s->map, domain, owned ? destroy_value : NULL, s) == 0);
    t_map_fill(s->of, s->map, 1, before + 1);
    return s;
}

/* The subjects of the rows below; sizes at which a map grows are among them. */
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

static bool count_one(uintptr_t key, void *value, void *ctx)
{
    (void)key;
    (void)value;
    ++*(size_t *)ctx;
    return true;
}

static size_t size_by_walk(const subject *s)
{
    size_t count = 0;
    s->of->walk(s->map, count_one, &count);
    return count;
}

static int operate(void *ctx)
{
    subject *s = ctx;
    void *out = ctx, *value = t_ptr(NEW_VALUE);
    int result = -1;
    switch (s->what) {
    case INSERT:
        return s->of->insert(s->map, 0, value);
    case PUT_NEW:
        result = s->of->put(s->map, 0, value, &out);
        CHECK(result <= 0 && out == NULL);
        return result;
    case PUT_OLD:
        result = s->of->put(s->map, 1, value, NULL);
        CHECK(result == 1 || result < 0);
        return result;
    case PUT_OUT:
        result = s->of->put(s->map, 1, value, &out);
        CHECK(t_int(out) == (result == 1 ? t_value_of(1) : 0));
        return result;
    case GET_OR_INSERT:
        result = s->of->get_or_insert(s->map, NULL, 0, value, &out);
        CHECK(out == (result == 0 ? value : NULL));
        return result;
    default:
        result = s->of->compare_and_replace(s->map, 1, t_ptr(t_value_of(1)), value);
        CHECK(s->owned || result == 0);
        return result;
    }
}

static void check(void *ctx, bool happened)
{
    subject *s = ctx;
    bool adds = s->what == INSERT || s->what == PUT_NEW || s->what == GET_OR_INSERT;
    uintptr_t changed = adds ? 0 : 1;
    CHECK(s->of->size(s->map) == s->before + (happened && adds));
    CHECK(size_by_walk(s) == s->before + (happened && adds));
    CHECK(s->of != &maps[MAP_map] || t_map_stats(s->map).size == s->before + (happened && adds));
    CHECK(s->of->contains(s->map, 0) == (happened && adds));
    for (uintptr_t key = 0; key <= s->before; key++) {
        uintptr_t value = t_int(s->of->get(s->map, NULL, key));
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
    size_t size = s->of->size(s->map);
    s->of->destroy(s->map);
    t_barrier(s->domain);
    CHECK(atomic_load(&s->destroyed) == destroyed + (s->owned ? (int)size : 0));
    free(s);
}

typedef struct row {
    t_operation operation;
    size_t least; /* allocations of a weft_map; a weft_table's first entries need none: oom_table_test.c */
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
    which = env->what;
    print_message("%s:\n", which->name);
    for (size_t i = 0; i < T_COUNT(rows); i++)
        t_out_of_memory(env->scheme, &rows[i].operation, which == &maps[MAP_map] ? rows[i].least : 0);
}

/* A map of a kind that only weft_map has, or any map with or without a destructor. */
static int create(void **out, const map_subject *of, weft_domain *domain, int way)
{
    if (way == 2)
        return weft_map_create((weft_map **)out, domain, &weft_map_strings);
    return of->create(out, domain, way == 1 ? destroy_value : NULL, NULL);
}

static void test_create(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    for (int way = 0; way < (of == &maps[MAP_map] ? 3 : 2); way++) {
        int result = -ENOMEM;
        long refusals = -1;
        for (long nth = 1; result != 0; nth++, refusals++) {
            t_alloc alloc;
            weft_domain *domain = t_domain(env->scheme, &alloc);
            void *map = env;
            t_alloc_fail(&alloc, nth, true);
            result = create(&map, of, domain, way);
            t_alloc_fail_never(&alloc);
            if (result == 0) {
                of->destroy(map);
            } else {
                assert_int_equal(result, -ENOMEM);
                assert_null(map);
            }
            t_domain_done(domain, &alloc);
        }
        assert_true(refusals >= 1);
    }
}

/* Without memory for a larger table the map is slower, but no operation fails. */
static void test_no_memory_for_tables(void **state)
{
    t_env *env = *state;
    enum { N = 4000 };
    const map_subject *of = &maps[MAP_map];
    weft_map *map = t_map_new(env->domain, NULL);
    atomic_store(&env->alloc.largest, 2000);
    t_map_fill(of, map, 0, N);
    size_t buckets = t_map_stats(map).buckets;
    assert_true(buckets < N);
    for (uintptr_t key = 0; key < N; key++)
        assert_int_equal(t_int(weft_map_get(map, NULL, t_ptr(key))), t_value_of(key));
    assert_int_equal(weft_map_size(map), N);
    atomic_store(&env->alloc.largest, 0);
    t_map_fill(of, map, N, 2 * N); /* with memory back it catches up */
    assert_true(t_map_stats(map).load <= 0.5);
    t_map_drain(of, map, 0, 2 * N);
    weft_map_destroy(map, NULL, NULL);
}

/*
 * In a thread that cannot get a place in the domain everything works that needs no new node. Without one a weft_table
 * refuses to replace a value if its bucket's slots are all in use.
 */
enum { ENTRIES = 6000, USED = ENTRIES / 2 };

static bool count_value(uintptr_t key, void *value, void *ctx)
{
    CHECK(t_int(value) == t_value_of(key));
    ++*(size_t *)ctx;
    return true;
}

static void use_without_memory(unsigned index, void *ctx)
{
    const subject *s = ctx;
    const map_subject *of = s->of;
    void *map = s->map, *value;
    size_t count = 0, replaced = 0;
    (void)index;
    of->walk(map, count_value, &count);
    CHECK(count == ENTRIES);
    for (uintptr_t k = 0; k < USED; k++) {
        uintptr_t now = t_value_of(k);
        CHECK(t_int(of->get(map, NULL, k)) == now);
        int error = of->compare_and_replace(map, k, t_ptr(now), t_ptr(now + 2));
        CHECK(error == 0 || (error == -ENOMEM && of == &maps[MAP_table]));
        replaced += error == 0;
        CHECK(of->remove(map, k, &value) && t_int(value) == now + (error == 0 ? 2 : 0));
        CHECK(!of->contains(map, k));
    }
    CHECK(replaced >= USED / 2);
    CHECK(of->size(map) == USED);
    CHECK(size_by_walk(s) == USED);
    CHECK(of != &maps[MAP_map] || t_map_stats(map).size == USED);
    of->clear(map);
    CHECK(of->size(map) == 0);
}

static void test_without_memory(void **state)
{
    t_env *env = *state;
    subject s = {.of = env->what, .map = t_map_of(env->what, env->domain)};
    t_map_fill(s.of, s.map, 0, ENTRIES);
    t_alloc_fail(&env->alloc, 1, true);
    t_run_in_turn(1, use_without_memory, &s);
    s.of->destroy(s.map);
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
    const map_subject *of = env->what;
    void *map = NULL;
    t_rng rng = {29};
    int given = 0, refusals = 0; /* values the map has taken, in all */
    CHECK(of->create(&map, env->domain, destroy_value, &s) == 0);
    for (uintptr_t i = 1; i < 30000; i++) {
        uintptr_t key = t_random(&rng) % KEYS;
        int result;
        t_alloc_fail(&env->alloc, (long)(t_random(&rng) % 3), t_random(&rng) % 2);
        switch (t_random(&rng) % 4) {
        case 0:
            result = of->insert(map, key, t_ptr(i));
            CHECK(result == -ENOMEM || result == (model[key] ? -EEXIST : 0));
            break;
        case 1:
            result = of->put(map, key, t_ptr(i), NULL);
            CHECK(result == -ENOMEM || result == (model[key] != 0));
            break;
        case 2:
            result = of->compare_and_replace(map, key, t_ptr(model[key] + !model[key]), t_ptr(i));
            CHECK(result == -ENOMEM || result == (model[key] ? 0 : -ENOENT));
            break;
        default:
            CHECK(of->remove(map, key, NULL) == (model[key] != 0));
            model[key] = 0;
            continue;
        }
        refusals += result == -ENOMEM;
        given += result >= 0;
        model[key] = result >= 0 ? i : model[key];
        CHECK(t_int(of->get(map, NULL, key)) == model[key]);
    }
    t_alloc_fail_never(&env->alloc);
    assert_true(refusals > 0);
    for (size_t key = 0; key < KEYS; key++)
        CHECK(t_int(of->get(map, NULL, key)) == model[key]);
    of->destroy(map);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&s.destroyed), given); /* each value once, and no other */
    memset(model, 0, sizeof model);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        T_MAPS(test_create),         T_MAPS(test_every_allocation),      T_BOTH(test_no_memory_for_tables),
        T_MAPS(test_without_memory), T_MAPS(test_memory_comes_and_goes),
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
