/* A map grows and shrinks: sizes, buckets and load on the way from nothing to a million and back; iteration. */
#define _GNU_SOURCE
#include "tests/unit/keys.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <weft/hashmap/split_map_layout.h>

enum { MANY = T_SCALE(1000000, 100000) };

/* An array of fewer buckets than this need not shrink any further. */
enum { SMALL = 4096 };

/* What each map promises. */
typedef struct limits {
    double least, most; /* load; `least` of a map that is not small */
    size_t bucket;      /* bytes of a bucket, at least */
    size_t each;        /* bytes of buckets for each entry, at most: also while the upper half is being taken away */
    size_t fullest;     /* entries of a bucket */
    size_t held;        /* bytes for each entry in all, at least, when so many have just come */
} limits;

static const limits limits_of[MAPS] = {
    /* at load 0.5: never seen above 10 */
    [MAP_map] = {.least = 0.125, .most = 0.5, .bucket = sizeof(void *), .each = 128, .fullest = 24, .held = 48},
    /* its updates look at the size once in a 64th of the number of buckets */
    [MAP_table] =
        {.least = 1.0 / 8 - 1.0 / 64, .most = 2 + 1.0 / 64, .bucket = 64, .each = 640, .fullest = 15, .held = 32},
};

typedef struct figures {
    size_t size, buckets, fullest, bytes;
    double load;
} figures;

static figures figures_of(const map_subject *of, void *map)
{
    if (of == &maps[MAP_map]) {
        weft_map_statistics s = t_map_stats(map);
        return (figures){s.size, s.buckets, s.longest_chain, s.bucket_bytes, s.load};
    }
    weft_table_statistics s;
    memset(&s, 0xee, sizeof s);
    weft_table_stats(map, &s);
    assert_int_equal(s.bucket_bytes, 64 * s.buckets);
    return (figures){s.size, s.buckets, s.fullest, s.bucket_bytes, s.load};
}

static void assert_consistent(const map_subject *of, void *map, size_t size)
{
    const limits *l = &limits_of[of - maps];
    figures f = figures_of(of, map);
    assert_int_equal(of->size(map), size);
    assert_int_equal(f.size, size);
    assert_true(f.buckets > 0);
    assert_int_equal(of->buckets(map), f.buckets);
    volatile double load = (double)size / (double)f.buckets; /* rounded: i386 calculates with more digits */
    assert_true(f.load == load);
    assert_true(f.load <= l->most);
    if (size >= SMALL)
        assert_true(f.load >= l->least);
    assert_true(f.bytes >= f.buckets * l->bucket || size < SMALL);
    assert_true(f.bytes <= l->each * (size + SMALL));
    assert_true(f.fullest <= l->fullest);
    assert_true(f.fullest > 0 || size == 0);
}

static void test_grow_and_shrink(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    void *map = t_map_of(of, env->domain);
    weft_guard guard;
    assert_consistent(of, map, 0);
    for (uintptr_t size = 0, next; size < MANY; size = next) {
        next = size * 2 + 1 < MANY ? size * 2 + 1 : MANY;
        t_map_fill(of, map, size, next);
        assert_consistent(of, map, next);
    }
    weft_enter(&guard, env->domain);
    for (uintptr_t key = 0; key < MANY; key++)
        CHECK(t_int(of->get(map, key % 2 ? &guard : NULL, key)) == t_value_of(key));
    for (uintptr_t key = MANY; key < MANY + 1000; key++)
        CHECK(!of->contains(map, key));
    weft_leave(&guard);
    for (uintptr_t left = MANY; left > 0; left /= 2) {
        t_map_drain(of, map, left / 2, left);
        assert_consistent(of, map, left / 2);
    }
    assert_true(of->buckets(map) <= SMALL);
    t_map_fill(of, map, 0, 1000); /* the map works as before */
    assert_consistent(of, map, 1000);
    of->destroy(map);
}

/* Memory follows the size: the buckets of a million entries are given back when these have gone. */
static void test_memory_follows(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    void *map = t_map_of(of, env->domain);
    t_map_fill(of, map, 0, 100);
    t_map_drain(of, map, 0, 100);
    t_barrier(env->domain);
    weft_domain_flush(env->domain);
    size_t before = t_stats(env->domain).allocated;
    for (int round = 0; round < 2; round++) {
        t_map_fill(of, map, 0, MANY);
        assert_true(t_stats(env->domain).allocated > before + MANY * limits_of[of - maps].held);
        if (round == 0)
            t_map_drain(of, map, 0, MANY);
        else
            of->clear(map);
        t_barrier(env->domain);
        weft_domain_flush(env->domain);
        assert_true(t_stats(env->domain).allocated <= before + (1u << 20));
    }
    of->destroy(map);
}

/* The size crosses the border between two table sizes up and down, a hundred thousand times. */
static void test_size_at_a_border(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    void *map = t_map_of(of, env->domain);
    t_map_fill(of, map, 0, 2048);
    size_t calls = 0;
    for (int round = 0; round < T_SCALE(20000, 2000); round++) {
        if (round == 1000)
            calls = atomic_load(&env->alloc.calls);
        t_map_fill(of, map, 2048, 2053);
        t_map_drain(of, map, 2048, 2053);
    }
    assert_consistent(of, map, 2048);
    if (!WEFT_I_ASAN) /* no flutter between two sizes, and nodes are recycled */
        assert_true(atomic_load(&env->alloc.calls) <= calls + 16);
    of->destroy(map);
}

/* Buckets that were made ahead stay, whatever comes and goes, until the map may shrink again. */
static void test_reserve(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    void *map = t_map_of(of, env->domain);
    size_t calls = atomic_load(&env->alloc.calls);
    assert_int_equal(of->reserve(map, MANY), 0);
    if (!WEFT_I_ASAN) /* the nodes by which buckets are opened come back on the way */
        assert_true(atomic_load(&env->alloc.calls) <= calls + 20000);
    size_t buckets = of->buckets(map);
    assert_true((double)MANY / (double)buckets <= limits_of[of - maps].most);
    assert_int_equal(of->reserve(map, MANY / 2), 0); /* never fewer at once */
    assert_int_equal(of->reserve(map, MANY), 0);
    t_map_fill(of, map, 0, MANY);
    assert_int_equal(of->buckets(map), buckets);
    t_map_drain(of, map, 0, MANY / 2);
    of->clear(map);
    assert_int_equal(of->buckets(map), buckets);
    assert_int_equal(of->reserve(map, 0), 0);
    of->clear(map);
    assert_true(of->buckets(map) <= SMALL);
    t_map_fill(of, map, 0, 1000);
    assert_consistent(of, map, 1000);
    of->destroy(map);
}

/* Too many buckets for the memory, or for any: the map works on with those that it has. */
static void test_reserve_too_much(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    void *map = t_map_of(of, env->domain);
    t_map_fill(of, map, 0, 100);
    size_t buckets = of->buckets(map);
    assert_int_equal(of->reserve(map, SIZE_MAX), -ENOMEM);
    assert_int_equal(of->reserve(map, SIZE_MAX / 2 + 1), -ENOMEM);
    assert_int_equal(of->buckets(map), buckets);
    t_alloc_fail(&env->alloc, 1, true);
    assert_int_equal(of->reserve(map, MANY), -ENOMEM);
    t_alloc_fail_never(&env->alloc);
    assert_consistent(of, map, 100);
    t_map_fill(of, map, 100, 1000);
    t_map_drain(of, map, 0, 1000);
    assert_int_equal(of->size(map), 0);
    of->destroy(map);
}

/* ---- iteration ---- */

/* Sees each of the integer keys from .. to once, with its value. */
typedef struct range {
    uintptr_t from, to;
    size_t count;
} range;

static unsigned char seen_in_range[MANY];

static bool see_in_range(uintptr_t key, void *value, void *ctx)
{
    range *r = ctx;
    CHECK(key >= r->from && key < r->to);
    CHECK(t_int(value) == t_value_of(key));
    CHECK(seen_in_range[key]++ == 0);
    r->count++;
    return true;
}

static void assert_iterates(const map_subject *of, void *map, uintptr_t from, uintptr_t to)
{
    range r = {from, to, 0};
    memset(seen_in_range, 0, sizeof seen_in_range);
    of->walk(map, see_in_range, &r);
    assert_int_equal(r.count, to - from);
}

static void test_iteration(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    void *map = t_map_of(of, env->domain);
    for (uintptr_t size = 0, next; size < MANY / 10; size = next) {
        next = size * 3 + 1 < MANY / 10 ? size * 3 + 1 : MANY / 10;
        assert_iterates(of, map, 0, size);
        t_map_fill(of, map, size, next);
    }
    assert_iterates(of, map, 0, MANY / 10);
    t_map_drain(of, map, 0, MANY / 20);
    assert_iterates(of, map, MANY / 20, MANY / 10);
    of->clear(map);
    assert_iterates(of, map, 0, 0);
    of->destroy(map);
}

typedef struct of_kind {
    const t_keys *kind;
    void *map;
    size_t count, seen[T_KEYS];
    int way;
} of_kind;

static bool see_key(uintptr_t key, void *value, void *ctx)
{
    of_kind *s = ctx;
    CHECK(key == s->kind->key(t_int(value) - 1));
    CHECK(s->seen[t_int(value) - 1]++ == 0);
    s->count++;
    return true;
}

/* For every kind of key, colliding ones included. */
static void test_iteration_of_all_kinds(void **state)
{
    t_env *env = *state;
    for (size_t k = 0; k < t_all_keys_count; k++) {
        const t_keys *kind = &t_all_keys[k];
        of_kind s = {.kind = kind, .map = t_map_for(kind, env->domain)};
        for (size_t i = 0; i < kind->usable; i++)
            assert_int_equal(kind->of->insert(s.map, kind->key(i), t_ptr(i + 1)), 0);
        assert_int_equal(figures_of(kind->of, s.map).size, kind->usable);
        kind->of->walk(s.map, see_key, &s);
        assert_int_equal(s.count, kind->usable);
        kind->of->clear(s.map);
        assert_int_equal(kind->of->size(s.map), 0);
        kind->of->destroy(s.map);
    }
}

static void test_iterator_edges(void **state)
{
    t_env *env = *state;
    weft_map *map = t_map_new(env->domain, NULL);
    weft_map_iterator it, second;
    void *key = NULL, *value = NULL;
    t_map_fill(&maps[MAP_map], map, 0, 10);
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
    assert_false(weft_map_next(&second, &key, &value)); /* the end stays the end */
    weft_map_iterate_end(&second);
    assert_int_equal(t_stats(env->domain).guards_held, 0);
    weft_map_destroy(map, NULL, NULL);
}

/* Updates by the iterating thread: what stays is seen once, what is removed is not seen after that. */
enum { FIRST = 20000 };

typedef struct own {
    const map_subject *of;
    void *map;
    t_rng rng;
    size_t next;
    unsigned char seen[3 * FIRST], gone[3 * FIRST];
} own;

static bool update_and_see(uintptr_t key, void *value, void *ctx)
{
    own *o = ctx;
    uintptr_t other = t_random(&o->rng) % FIRST;
    CHECK(t_int(value) == t_value_of(key));
    CHECK(!o->gone[key] && o->seen[key]++ == 0);
    if (o->of->remove(o->map, other, NULL))
        o->gone[other] = 1;
    if (o->next < 3 * FIRST) {
        t_map_fill(o->of, o->map, o->next, o->next + 1);
        o->next++;
    }
    return true;
}

static void test_iteration_under_own_updates(void **state)
{
    static own o;
    t_env *env = *state;
    size_t stayed = 0;
    o = (own){.of = env->what, .map = t_map_of(env->what, env->domain), .rng = {3}, .next = FIRST};
    t_map_fill(o.of, o.map, 0, FIRST);
    o.of->walk(o.map, update_and_see, &o);
    for (size_t k = 0; k < FIRST; k++) {
        CHECK(o.gone[k] || o.seen[k] == 1);
        stayed += !o.gone[k];
    }
    assert_true(stayed < FIRST && o.next > FIRST);
    assert_int_equal(o.of->size(o.map), stayed + o.next - FIRST);
    o.of->destroy(o.map);
}

/*
 * An iteration that removes what it is given misses nothing, even if keys share a hash. Each entry that was there is
 * seen once; entries that are put in behind it (other keys, or the same key again) hide none.
 */
static bool remove_seen(uintptr_t key, void *value, void *ctx)
{
    of_kind *s = ctx;
    const map_subject *of = s->kind->of;
    size_t i = t_int(value) - 1, half = s->kind->usable / 2, step = s->count++;
    s->seen[i]++;
    CHECK(of->remove(s->map, key, NULL));
    if (s->way == 1 && step < half)
        CHECK(of->insert(s->map, s->kind->key(half + step), t_ptr(half + step + 1)) == 0);
    if (s->way == 2 && i < half) /* the same key, as another entry */
        CHECK(of->insert(s->map, s->kind->key(i), t_ptr(half + i + 1)) == 0);
    return true;
}

static void test_iteration_that_removes(void **state)
{
    t_env *env = *state;
    for (size_t k = 0; k < t_all_keys_count; k++) {
        const t_keys *kind = &t_all_keys[k];
        for (int way = 0; way < 3; way++) {
            of_kind s = {.kind = kind, .map = t_map_for(kind, env->domain), .way = way};
            size_t half = kind->usable / 2;
            for (size_t i = 0; i < half; i++)
                assert_int_equal(kind->of->insert(s.map, kind->key(i), t_ptr(i + 1)), 0);
            kind->of->walk(s.map, remove_seen, &s);
            for (size_t i = 0; i < half; i++)
                assert_int_equal(s.seen[i], 1);
            assert_true(way > 0 || kind->of->size(s.map) == 0);
            kind->of->destroy(s.map);
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
        T_MAPS(test_grow_and_shrink),
        T_MAPS(test_memory_follows),
        T_MAPS(test_size_at_a_border),
        T_MAPS(test_reserve),
        T_MAPS(test_reserve_too_much),
        T_MAPS(test_iteration),
        T_BOTH(test_iteration_of_all_kinds),
        T_BOTH(test_iterator_edges),
        T_MAPS(test_iteration_under_own_updates),
        T_BOTH(test_iteration_that_removes),
        T_BOTH(test_iterator_holds_its_entry),
        T_BOTH(test_counters_are_not_shared),
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
