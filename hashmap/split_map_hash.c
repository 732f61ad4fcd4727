/*
 * Ready-made configurations. Byte strings are hashed by SipHash-1-3 (J.-P. Aumasson, D. Bernstein, "SipHash: a Fast
 * Short-Input PRF", INDOCRYPT 2012; one and three rounds are the authors' fast variant), against chosen keys.
 */
#include <weft/base/seam.h>
#include <weft/hashmap/split_map_hash.h>

#include <string.h>

typedef struct sip {
    uint64_t v0, v1, v2, v3;
} sip;

static uint64_t rotate(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static void sip_round(sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static void sip_word(sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

/* In native byte order: hashes do not leave the process. */
uint64_t weft_map_hash_bytes(const void *data, size_t size, const weft_map_seed *seed)
{
    const unsigned char *at = data;
    sip s = {seed->k0 ^ 0x736f6d6570736575u, seed->k1 ^ 0x646f72616e646f6du, seed->k0 ^ 0x6c7967656e657261u,
             seed->k1 ^ 0x7465646279746573u};
    uint64_t word, last = (uint64_t)size << 56;
    size_t left = size;
    for (; left >= 8; at += 8, left -= 8) {
        memcpy(&word, at, 8);
        sip_word(&s, word);
    }
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)at[i] << (8 * i);
    sip_word(&s, last);
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static uint64_t hash_string(const void *key, const weft_map_seed *seed, void *ctx)
{
    (void)ctx;
    return weft_map_hash_bytes(key, strlen(key), seed);
}

static bool equal_strings(const void *a, const void *b, void *ctx)
{
    (void)ctx;
    return strcmp(a, b) == 0;
}

static uint64_t hash_byte_string(const void *key, const weft_map_seed *seed, void *ctx)
{
    const weft_bytes *bytes = key;
    (void)ctx;
    return weft_map_hash_bytes(bytes->data, bytes->size, seed);
}

static bool equal_byte_strings(const void *a, const void *b, void *ctx)
{
    const weft_bytes *x = a, *y = b;
    (void)ctx;
    return x->size == y->size && (x->size == 0 || memcmp(x->data, y->data, x->size) == 0);
}

WEFT_I_OBJECT const weft_map_config weft_map_strings = {.hash = hash_string, .equal = equal_strings};
WEFT_I_OBJECT const weft_map_config weft_map_byte_strings = {.hash = hash_byte_string, .equal = equal_byte_strings};
WEFT_I_OBJECT const weft_map_config weft_map_integers = {0};

/* If getrandom is refused (sandbox, early boot), the seed comes from clock and addresses, which can be guessed. */
void weft_i_map_seed(const void *map, weft_map_seed *seed)
{
    if (weft_i_sys_random(seed, sizeof *seed))
        return;
    const weft_map_seed fixed = {0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu};
    uint64_t from[3] = {weft_i_sys_clock_ns(), (uint64_t)(uintptr_t)map, (uint64_t)(uintptr_t)&from};
    seed->k0 = weft_map_hash_bytes(from, sizeof from, &fixed);
    seed->k1 = weft_map_hash_bytes(&seed->k0, sizeof seed->k0, &fixed) ^ from[0];
}
