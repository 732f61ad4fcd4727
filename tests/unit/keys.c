#include "tests/unit/keys.h"

#include <stdio.h>
#include <string.h>

static uintptr_t integer_key(size_t i)
{
    return i; /* 0 is a key */
}

static uintptr_t sparse_key(size_t i)
{
    return (uintptr_t)0 - i * 0x10001u;
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

static uintptr_t string_key(size_t i)
{
    make_strings();
    return t_int(text[0][i]);
}

static uintptr_t string_twin(size_t i)
{
    make_strings();
    return t_int(text[1][i]);
}

static uintptr_t bytes_key(size_t i)
{
    make_strings();
    return t_int(&bytes[0][i]);
}

static uintptr_t bytes_twin(size_t i)
{
    make_strings();
    return t_int(&bytes[1][i]);
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
    {"no configuration", &maps[MAP_map], NULL, integer_key, integer_key, T_KEYS},
    {"integers", &maps[MAP_map], &weft_map_integers, sparse_key, sparse_key, T_KEYS},
    {"strings", &maps[MAP_map], &weft_map_strings, string_key, string_twin, T_KEYS},
    {"byte strings", &maps[MAP_map], &weft_map_byte_strings, bytes_key, bytes_twin, T_KEYS},
    {"one hash for all", &maps[MAP_map], &one_config, integer_key, integer_key, 300},
    {"hash 0 for all", &maps[MAP_map], &zero_config, integer_key, integer_key, 300},
    {"hash of all ones", &maps[MAP_map], &ones_config, integer_key, integer_key, 300},
    {"constant high bits", &maps[MAP_map], &low_config, integer_key, integer_key, 1500},
    {"few hashes", &maps[MAP_map], &few_config, integer_key, integer_key, 1000},
    {"integers", &maps[MAP_table], NULL, integer_key, integer_key, T_KEYS},
    {"sparse integers", &maps[MAP_table], NULL, sparse_key, sparse_key, T_KEYS},
};
const size_t t_all_keys_count = T_COUNT(t_all_keys);

weft_map *t_map_new(weft_domain *domain, const weft_map_config *config)
{
    weft_map *map = NULL;
    CHECK(weft_map_create(&map, domain, config) == 0);
    CHECK(map != NULL);
    return map;
}

void *t_map_of(const map_subject *of, weft_domain *domain)
{
    void *map = NULL;
    CHECK(of->create(&map, domain, NULL, NULL) == 0);
    CHECK(map != NULL);
    return map;
}

void *t_map_for(const t_keys *kind, weft_domain *domain)
{
    return kind->of == &maps[MAP_map] ? t_map_new(domain, kind->config) : t_map_of(kind->of, domain);
}

weft_map_statistics t_map_stats(weft_map *map)
{
    weft_map_statistics stats;
    memset(&stats, 0xee, sizeof stats);
    weft_map_stats(map, &stats);
    return stats;
}

void t_map_fill(const map_subject *of, void *map, uintptr_t from, uintptr_t to)
{
    for (uintptr_t key = from; key < to; key++)
        CHECK(of->insert(map, key, t_ptr(t_value_of(key))) == 0);
}

void t_map_drain(const map_subject *of, void *map, uintptr_t from, uintptr_t to)
{
    for (uintptr_t key = from; key < to; key++) {
        void *value = NULL;
        CHECK(of->remove(map, key, &value));
        CHECK(t_int(value) == t_value_of(key));
    }
}
