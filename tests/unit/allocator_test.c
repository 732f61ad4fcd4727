/*
 * A domain's allocator that is itself made of Weft: a container of another domain is its free list. So Weft is entered
 * again wherever it allocates or frees, also while barriers take lists.
 */
#include "tests/unit/sequence.h"

#include <stdlib.h>

#include <weft/hashmap/split_map.h>

enum { THREADS = 3, TURNS = T_SCALE(50000, 2500), POOLED = 64 };

typedef struct pool {
    const container *kind;
    void *free;
    atomic_size_t given, taken, reused;
} pool;

static void *pool_alloc(size_t size, size_t alignment, void *ctx)
{
    pool *p = ctx;
    void *memory = NULL;
    atomic_fetch_add(&p->given, 1);
    if (size <= POOLED && alignment <= 16 && p->kind->take(p->free, &memory)) {
        atomic_fetch_add(&p->reused, 1);
        return memory;
    }
    CHECK(posix_memalign(&memory, alignment < 16 ? 16 : alignment, size < POOLED ? POOLED : size) == 0);
    return memory;
}

static void pool_free(void *memory, size_t size, void *ctx)
{
    pool *p = ctx;
    atomic_fetch_add(&p->taken, 1);
    if (size > POOLED)
        free(memory);
    else
        CHECK(p->kind->put(p->free, memory) == 0);
}

static void free_value(void *memory, void *ctx)
{
    (void)ctx;
    free(memory);
}

typedef struct run {
    weft_domain *domain;
    const container *kind;
    void *sequence;
    weft_map *map;
    atomic_uint left;
} run;

static void use(unsigned index, void *ctx)
{
    run *r = ctx;
    void *value;
    for (uintptr_t i = 1; index > 0 && i <= TURNS; i++) {
        uintptr_t key = i * THREADS + index;
        CHECK(r->kind->put(r->sequence, t_ptr(i)) == 0);
        CHECK(weft_map_insert(r->map, t_ptr(key), t_ptr(i)) == 0);
        CHECK(r->kind->take(r->sequence, &value));
        CHECK(weft_map_remove(r->map, t_ptr(key), &value) && t_int(value) == i);
        if (i % 1000 == 0)
            weft_domain_flush(r->domain); /* empties caches: allocations go on */
    }
    while (index == 0 && atomic_load(&r->left) > 1)
        CHECK(weft_domain_barrier(r->domain, UINT64_MAX) == 0);
    atomic_fetch_sub(&r->left, 1);
}

static void test_allocator_made_of_weft(void **state)
{
    const t_env *env = *state;
    const container *kind = env->what;
    weft_domain *pools;
    pool p = {.kind = kind};
    run r = {.kind = kind, .left = THREADS};
    weft_domain_config of_pools = {.scheme = env->scheme};
    weft_domain_config config = {.scheme = env->scheme, .allocator = {pool_alloc, pool_free, &p}};
    assert_int_equal(weft_domain_create(&pools, &of_pools), 0);
    assert_int_equal(kind->create(&p.free, pools), 0);
    assert_int_equal(weft_domain_create(&r.domain, &config), 0);
    assert_int_equal(kind->create(&r.sequence, r.domain), 0);
    assert_int_equal(weft_map_create(&r.map, r.domain, NULL), 0);
    t_run(THREADS, use, &r);
    kind->destroy(r.sequence, NULL, NULL);
    weft_map_destroy(r.map, NULL, NULL);
    t_barrier(r.domain);
    assert_int_equal(t_stats(r.domain).pending, 0);
    assert_int_equal(weft_domain_destroy(r.domain), 0);
    assert_int_equal(atomic_load(&p.given), atomic_load(&p.taken));
    assert_true(atomic_load(&p.reused) > TURNS / 1000);
    kind->destroy(p.free, free_value, NULL);
    assert_int_equal(weft_domain_destroy(pools), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_SEQUENCES(test_allocator_made_of_weft),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
