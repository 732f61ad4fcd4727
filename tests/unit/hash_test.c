/*
 * The integers' hash: for many seeds and typical patterns of keys, no bucket gets many more keys than at random. (A
 * single multiplication by a random word does not pass: for one word in a hundred, dense keys form clusters.)
 */
#include "tests/unit/support.h"

#include <string.h>

#include <weft/hashmap/split_map_layout.h>

enum { SEEDS = T_SCALE(4000, 400), KEYS = 1 << 10, BITS = 11 };

static uint64_t dense(uint64_t i)
{
    return i;
}

static uint64_t lines(uint64_t i)
{
    return 0x7f0000000000u + i * 64;
}

static uint64_t pages(uint64_t i)
{
    return i << 12;
}

static uint64_t high(uint64_t i)
{
    return i << 54;
}

static uint64_t both_ends(uint64_t i)
{
    return i << 59 | i >> 5;
}

static uint64_t odd_stride(uint64_t i)
{
    return i * 0x9e3779b97f4a7c15u;
}

/* The keys in the fullest bucket. At random, at load 0.5, there are more than 9 in one of about 10^7 tables. */
static unsigned fullest(uint64_t (*pattern)(uint64_t i), const weft_map_seed *seed)
{
    static unsigned char bucket[1 << BITS];
    unsigned most = 0;
    memset(bucket, 0, sizeof bucket);
    for (uint64_t i = 0; i < KEYS; i++) {
        unsigned now = ++bucket[weft_i_map_hash_integer(pattern(i), seed) >> (64 - BITS)];
        most = now > most ? now : most;
    }
    return most;
}

static void test_no_bucket_is_full(void **state)
{
    static uint64_t (*const patterns[])(uint64_t i) = {dense, lines, pages, high, both_ends, odd_stride};
    t_rng rng = {2026};
    (void)state;
    for (int s = 0; s < SEEDS; s++) {
        weft_map_seed seed = {t_random(&rng), t_random(&rng)};
        for (size_t p = 0; p < T_COUNT(patterns); p++)
            assert_true(fullest(patterns[p], &seed) <= 12);
    }
}

/* No two integers have the same hash, whatever the seed: so iteration gives no key twice. */
static void test_it_is_one_to_one(void **state)
{
    t_rng rng = {7};
    (void)state;
    for (int s = 0; s < 100; s++) {
        weft_map_seed seed = {t_random(&rng), t_random(&rng)};
        uint64_t key = t_random(&rng);
        for (int bit = 0; bit < 64; bit++)
            assert_int_not_equal(weft_i_map_hash_integer(key, &seed),
                                 weft_i_map_hash_integer(key ^ (uint64_t)1 << bit, &seed));
    }
}

/* The order of one map must not reveal that of another. */
static void test_each_map_has_its_own_seed(void **state)
{
    weft_map *map[8];
    (void)state;
    for (size_t i = 0; i < T_COUNT(map); i++) {
        assert_int_equal(weft_map_create(&map[i], NULL, NULL), 0);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(&map[i]->seed, &map[j]->seed, sizeof map[i]->seed);
            assert_true(weft_i_map_hash(map[i], t_ptr(1)) != weft_i_map_hash(map[j], t_ptr(1)));
        }
    }
    for (size_t i = 0; i < T_COUNT(map); i++)
        weft_map_destroy(map[i], NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_bucket_is_full),
        cmocka_unit_test(test_it_is_one_to_one),
        cmocka_unit_test(test_each_map_has_its_own_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
