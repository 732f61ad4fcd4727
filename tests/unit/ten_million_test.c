/*
 * Two threads fill a map with ten million entries and empty it. Then the domain's `allocated` is within 1 MiB of the
 * start, and so is the allocator's own figure.
 */
#include "tests/unit/support.h"

#include <jemalloc/jemalloc.h>
#include <stdint.h>
#include <stdio.h>

#include <weft/hashmap/split_map.h>

enum { MANY = 10000000, THREADS = 2, MIB = 1 << 20 };

static size_t allocated_by_malloc(void)
{
    uint64_t epoch = 1;
    size_t allocated = 0, length = sizeof allocated;
    assert_int_equal(mallctl("thread.tcache.flush", NULL, NULL, NULL, 0), 0);
    assert_int_equal(mallctl("epoch", NULL, NULL, &epoch, sizeof epoch), 0);
    assert_int_equal(mallctl("stats.allocated", &allocated, &length, NULL, 0), 0);
    return allocated;
}

static void insert(unsigned index, void *map)
{
    for (uintptr_t key = index; key < MANY; key += THREADS)
        CHECK(weft_map_insert(map, t_ptr(key), t_ptr(key + 1)) == 0);
}

static void remove_each(unsigned index, void *map)
{
    void *value;
    for (uintptr_t key = index; key < MANY; key += THREADS)
        CHECK(weft_map_remove(map, t_ptr(key), &value) && t_int(value) == key + 1);
}

static void test_ten_million_and_back(void **state)
{
    weft_domain_config config = {.scheme = ((const t_case *)*state)->scheme};
    weft_domain *domain;
    weft_map *map;
    weft_map_statistics stats;
    assert_int_equal(weft_domain_create(&domain, &config), 0);
    assert_int_equal(weft_map_create(&map, domain, NULL), 0);
    size_t before = t_stats(domain).allocated, malloc_before = allocated_by_malloc();
    t_run(THREADS, insert, map);
    weft_map_stats(map, &stats);
    assert_int_equal(stats.size, MANY);
    assert_true(stats.load > 0.2 && stats.load <= 0.5);
    assert_true(stats.longest_chain >= 1 && stats.longest_chain <= 24);
    assert_true(t_stats(domain).allocated >= before + (size_t)MANY * 64);
    t_run(THREADS, remove_each, map);
    t_barrier(domain);
    weft_domain_flush(domain);
    weft_map_stats(map, &stats);
    assert_int_equal(stats.size, 0);
    size_t after = t_stats(domain).allocated, malloc_after = allocated_by_malloc();
    printf("allocated: %zu before, %zu after; by malloc %zu, %zu\n", before, after, malloc_before, malloc_after);
    assert_true(after <= before + MIB);
    assert_true(malloc_after <= malloc_before + MIB);
    weft_map_destroy(map, NULL, NULL);
    assert_int_equal(weft_domain_destroy(domain), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"test_ten_million_and_back (hazard)", test_ten_million_and_back, NULL, NULL, &t_hazard},
        {"test_ten_million_and_back (epoch)", test_ten_million_and_back, NULL, NULL, &t_epoch},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
