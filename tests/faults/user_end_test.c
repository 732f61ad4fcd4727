/*
 * Threads end in user code that a function of Weft's has called: allocators, destructors, reclaim callbacks. The
 * structures stay intact for other threads.
 */
#include "tests/unit/support.h"

#include "tests/support/containers.h"
#include "tests/support/maps.h"

#include <stdlib.h>

static void run_one(void *(*body)(void *ctx), void *ctx, void *expected)
{
    pthread_t thread;
    void *result = NULL;
    CHECK(pthread_create(&thread, NULL, body, ctx) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == expected);
}

/* The result that pthread_exit passes to pthread_join. */
static char ended;

/* ---- an allocator ---- */

/* Ends its thread at one of its calls. It keeps a list of all blocks, to free those that were lost there. */
typedef struct block {
    _Alignas(64) struct block *next, **link;
} block;

typedef struct keeper {
    pthread_mutex_t lock;
    block *blocks;
    int calls, end_at; /* end_at: the call at which the thread ends; 0: none */
} keeper;

static void *keep(size_t size, size_t alignment, void *ctx)
{
    keeper *k = ctx;
    void *memory = NULL;
    CHECK(alignment <= sizeof(block));
    if (++k->calls == k->end_at)
        pthread_exit(&ended);
    CHECK(posix_memalign(&memory, sizeof(block), sizeof(block) + size) == 0);
    block *b = memory;
    CHECK(pthread_mutex_lock(&k->lock) == 0);
    b->next = k->blocks;
    b->link = &k->blocks;
    if (b->next)
        b->next->link = &b->next;
    k->blocks = b;
    CHECK(pthread_mutex_unlock(&k->lock) == 0);
    return b + 1;
}

static void let_go(void *memory, size_t size, void *ctx)
{
    keeper *k = ctx;
    block *b = (block *)memory - 1;
    (void)size;
    CHECK(pthread_mutex_lock(&k->lock) == 0);
    *b->link = b->next;
    if (b->next)
        b->next->link = b->link;
    CHECK(pthread_mutex_unlock(&k->lock) == 0);
    free(b);
}

/* Frees the blocks that are left, and returns their number. */
static int free_what_is_left(keeper *k)
{
    int count = 0;
    for (block *b = k->blocks, *next; b; b = next, count++) {
        next = b->next;
        free(b);
    }
    k->blocks = NULL;
    return count;
}

static weft_domain *domain_of(keeper *k, weft_scheme scheme)
{
    const weft_domain_config config = {.scheme = scheme, .allocator = {keep, let_go, k}};
    weft_domain *domain = NULL;
    CHECK(weft_domain_create(&domain, &config) == 0);
    return domain;
}

static void free_value(void *value, void *ctx)
{
    (void)ctx;
    free(value);
}

typedef struct making {
    const container *is; /* NULL: a map, of this kind */
    const map_subject *of;
    keeper keeper;
    weft_domain *domain;
    int allocations; /* the calls that making it took */
} making;

static void *make(void *ctx)
{
    making *m = ctx;
    void *made;
    m->keeper.calls = 0;
    CHECK((m->is ? m->is->create(&made, m->domain) : m->of->create(&made, m->domain, free_value, NULL)) == 0);
    m->allocations = m->keeper.calls;
    if (m->is)
        m->is->destroy(made, NULL, NULL);
    else
        m->of->destroy(made);
    return NULL;
}

/* A structure that was never made does not keep its domain from being destroyed, whichever allocation was the last. */
static void test_an_allocator_ends_its_thread_in_create(void **state)
{
    for (size_t i = 0; i < CONTAINERS + MAPS; i++)
        for (int n = 1, last = 1; n <= last; n++) {
            making m = {.keeper = {.lock = PTHREAD_MUTEX_INITIALIZER}};
            if (i < CONTAINERS)
                m.is = &containers[i];
            else
                m.of = &maps[i - CONTAINERS];
            m.domain = domain_of(&m.keeper, ((const t_case *)*state)->scheme);
            m.keeper.end_at = n;
            run_one(make, &m, &ended);
            m.keeper.end_at = 0;
            run_one(make, &m, NULL);
            last = m.allocations;
            assert_int_equal(weft_domain_destroy(m.domain), 0);
            assert_in_range(free_what_is_left(&m.keeper), 0, n - 1);
        }
}

/* ---- destructors ---- */

enum { ENTRIES = 100 };

typedef struct owner {
    weft_domain *domain;
    const map_subject *of;
    void *map;
    atomic_int keys, values;
    atomic_bool key_ends, value_ends; /* the thread, once */
} owner;

static void destroy_key(void *key, void *ctx)
{
    owner *o = ctx;
    (void)key;
    atomic_fetch_add(&o->keys, 1);
    if (atomic_exchange(&o->key_ends, false))
        pthread_exit(&ended);
}

static void destroy_value(void *value, void *ctx)
{
    owner *o = ctx;
    free(value);
    atomic_fetch_add(&o->values, 1);
    if (atomic_exchange(&o->value_ends, false))
        pthread_exit(&ended);
}

static void *remove_all(void *ctx)
{
    owner *o = ctx;
    for (uintptr_t key = 0; key < ENTRIES; key++)
        CHECK(o->of->remove(o->map, key, NULL));
    weft_domain_flush(o->domain);
    return NULL;
}

static void *replace_all(void *ctx)
{
    owner *o = ctx;
    for (uintptr_t key = 0; key < ENTRIES; key++)
        CHECK(o->of->put(o->map, key, malloc(8), NULL) == 1);
    weft_domain_flush(o->domain);
    return NULL;
}

/* The map's own memory does not depend on what its user's destructors do: t_env_teardown counts it. */
static void test_a_destructor_ends_its_thread(void **state)
{
    static const struct {
        void *(*body)(void *ctx);
        bool key, value; /* ends the thread */
        int keys, values;
        size_t map;
    } cases[] = {
        {remove_all, true, false, ENTRIES, ENTRIES, MAP_map},
        {remove_all, false, true, ENTRIES - 1, ENTRIES, MAP_map}, /* one key's destructor is not called any more */
        {replace_all, false, true, ENTRIES, 2 * ENTRIES, MAP_map},
        {remove_all, false, true, 0, ENTRIES, MAP_table},
        {replace_all, false, true, 0, 2 * ENTRIES, MAP_table},
    };
    t_env *env = *state;
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        owner o = {.domain = env->domain, .of = &maps[cases[i].map]};
        const weft_map_config config = {.destroy_key = destroy_key, .destroy_value = destroy_value, .ctx = &o};
        if (cases[i].map == MAP_map)
            assert_int_equal(weft_map_create((weft_map **)&o.map, env->domain, &config), 0);
        else
            assert_int_equal(o.of->create(&o.map, env->domain, destroy_value, &o), 0);
        for (uintptr_t key = 0; key < ENTRIES; key++)
            assert_int_equal(o.of->insert(o.map, key, malloc(8)), 0);
        atomic_store(&o.key_ends, cases[i].key);
        atomic_store(&o.value_ends, cases[i].value);
        run_one(cases[i].body, &o, &ended);
        o.of->destroy(o.map);
        t_barrier(env->domain);
        assert_int_equal(atomic_load(&o.keys), cases[i].keys);
        assert_int_equal(atomic_load(&o.values), cases[i].values);
    }
}

/* ---- somebody else's reclaim callback ---- */

enum { VALUES = 4000 };

typedef struct taker {
    weft_domain *domain;
    weft_treiber *stack;
    size_t taken;
    bool ordered;
} taker;

static void end_thread(void *object, void *ctx)
{
    (void)object;
    (void)ctx;
    pthread_exit(&ended);
}

static void take(void *value, void *ctx)
{
    taker *t = ctx;
    t->ordered = t->ordered && t_int(value) == VALUES - t->taken;
    t->taken++;
}

static void *take_all(void *ctx)
{
    taker *t = ctx;
    CHECK(weft_retire(t->domain, t, end_thread, NULL) == 0);
    (void)weft_treiber_pop_all(t->stack, take, t);
    return NULL;
}

/* Retiring the nodes runs the callback. By then all values have been handed out. */
static void test_a_callback_ends_its_thread_in_pop_all(void **state)
{
    keeper k = {.lock = PTHREAD_MUTEX_INITIALIZER};
    taker t = {.domain = domain_of(&k, ((const t_case *)*state)->scheme), .ordered = true};
    assert_int_equal(weft_treiber_create(&t.stack, t.domain), 0);
    for (uintptr_t i = 1; i <= VALUES; i++)
        assert_int_equal(weft_treiber_push(t.stack, t_ptr(i)), 0);
    run_one(take_all, &t, &ended);
    assert_int_equal(t.taken, VALUES);
    assert_true(t.ordered);
    assert_true(weft_treiber_is_empty(t.stack));
    weft_treiber_destroy(t.stack, NULL, NULL);
    t_barrier(t.domain);
    assert_int_equal(weft_domain_destroy(t.domain), 0);
    assert_in_range(free_what_is_left(&k), 1, VALUES);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        {"test_an_allocator_ends_its_thread_in_create (hazard)", test_an_allocator_ends_its_thread_in_create, NULL,
         NULL, &t_hazard},
        {"test_an_allocator_ends_its_thread_in_create (epoch)", test_an_allocator_ends_its_thread_in_create, NULL, NULL,
         &t_epoch},
        T_BOTH(test_a_destructor_ends_its_thread),
        {"test_a_callback_ends_its_thread_in_pop_all (hazard)", test_a_callback_ends_its_thread_in_pop_all, NULL, NULL,
         &t_hazard},
        {"test_a_callback_ends_its_thread_in_pop_all (epoch)", test_a_callback_ends_its_thread_in_pop_all, NULL, NULL,
         &t_epoch},
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
