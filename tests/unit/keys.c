#include "tests/unit/keys.h"

#include <stdio.h>
#include <string.h>

static void *integer_key(size_t i)
{
    return t_ptr(i); /* 0 is a key */
}

static void *sparse_key(size_t i)
{
    return t_ptr((uintptr_t)0 - i * 0x10001u);
}

/* "key 17" and the like, each twice; the first string is empty. */
enum { TEXT = 16 };
static char text[2][T_KEYS][TEXT];
static weft_bytes bytes[2][T_KEYS];

static void make_strings(void)
{
    static bool made;
    if (made)
        return;
    made = true;
    for (size_t copy = 0; copy < 2; copy++) {
        for (size_t i = 0; i < T_KEYS; i++) {
            int n = i == 0 ? 0 : snprintf(text[copy][i], TEXT, "key %zu", i);
            bytes[copy][i] = (weft_bytes){text[copy][i], (size_t)n};
            /* as byte strings, half of them differ only behind a zero byte */
            if (i % 2 && i > 1)
                bytes[copy][i].size = TEXT;
        }
    }
}

static void *string_key(size_t i)
{
    make_strings();
    return text[0][i];
}

static void *string_twin(size_t i)
{
    make_strings();
    return text[1][i];
}

static void *bytes_key(size_t i)
{
    make_strings();
    return &bytes[0][i];
}

static void *bytes_twin(size_t i)
{
    make_strings();
    return &bytes[1][i];
}

static bool same(const void *a, const void *b, void *ctx)
{
    (void)ctx;
    return a == b;
}

static uint64_t one_hash(const void *key, const weft_map_seed *seed, void *ctx)
{
    (void)key;
    (void)seed;
    (void)ctx;
    return 42;
}

static uint64_t zero_hash(const void *key, const weft_map_seed *seed, void *ctx)
{
    (void)key;
    (void)seed;
    (void)ctx;
    return 0;
}

static uint64_t all_ones_hash(const void *key, const weft_map_seed *seed, void *ctx)
{
    (void)key;
    (void)seed;
    (void)ctx;
    return UINT64_MAX;
}

/* The high bits, which choose the bucket, are always the same. */
static uint64_t low_hash(const void *key, const weft_map_seed *seed, void *ctx)
{
    (void)seed;
    (void)ctx;
    return t_int(key) & 0xffff;
}

/* A few values, with the smallest and the largest among them. */
static uint64_t few_hashes(const void *key, const weft_map_seed *seed, void *ctx)
{
    static const uint64_t few[] = {0, 1, 2, 42, UINT64_MAX / 2, UINT64_MAX / 2 + 1, UINT64_MAX - 1, UINT64_MAX};
    (void)seed;
    (void)ctx;
    return few[t_int(key) % T_COUNT(few)];
}

static const weft_map_config one_config = {.hash = one_hash, .equal = same};
static const weft_map_config zero_config = {.hash = zero_hash, .equal = same};
static const weft_map_config ones_config = {.hash = all_ones_hash, .equal = same};
static const weft_map_config low_config = {.hash = low_hash, .equal = same};
static const weft_map_config few_config = {.hash = few_hashes, .equal = same};

const t_keys t_all_keys[] = {
    {"no configuration", NULL, integer_key, integer_key, T_KEYS},
    {"integers", &weft_map_integers, sparse_key, sparse_key, T_KEYS},
    {"strings", &weft_map_strings, string_key, string_twin, T_KEYS},
    {"byte strings", &weft_map_byte_strings, bytes_key, bytes_twin, T_KEYS},
    {"one hash for all", &one_config, integer_key, integer_key, 300},
    {"hash 0 for all", &zero_config, integer_key, integer_key, 300},
    {"hash of all ones", &ones_config, integer_key, integer_key, 300},
    {"constant high bits", &low_config, integer_key, integer_key, 1500},
    {"few hashes", &few_config, integer_key, integer_key, 1000},
};
const size_t t_all_keys_count = T_COUNT(t_all_keys);

weft_map *t_map_new(weft_domain *domain, const weft_map_config *config)
{
    weft_map *map = NULL;
    CHECK(weft_map_create(&map, domain, config) == 0);
    CHECK(map != NULL);
    return map;
}

weft_map_statistics t_map_stats(weft_map *map)
{
    weft_map_statistics stats;
    memset(&stats, 0xee, sizeof stats);
    weft_map_stats(map, &stats);
    return stats;
}

void t_map_fill(weft_map *map, uintptr_t from, uintptr_t to)
{
    for (uintptr_t key = from; key < to; key++)
        CHECK(weft_map_insert(map, t_ptr(key), t_ptr(t_value_of(key))) == 0);
}

void t_map_drain(weft_map *map, uintptr_t from, uintptr_t to)
{
    for (uintptr_t key = from; key < to; key++) {
        void *value = NULL;
        CHECK(weft_map_remove(map, t_ptr(key), &value));
        CHECK(t_int(value) == t_value_of(key));
    }
}
