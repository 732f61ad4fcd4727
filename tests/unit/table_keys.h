/* Keys that are made for a bucket of a weft_table, for tests that fill it. */
#ifndef WEFT_TESTS_UNIT_TABLE_KEYS_H
#define WEFT_TESTS_UNIT_TABLE_KEYS_H

#include "tests/unit/support.h"

#include <weft/hashmap/table_layout.h>

/*
 * The ith of 16 keys of a bucket that is one of 2^bits. The array of twice that size parts even and odd ones, the one
 * after that parts more.
 */
static inline uint64_t t_key_in(const weft_table *table, unsigned bits, uint64_t bucket, uint64_t i)
{
    uint64_t below = (i & 1) << 3 | (i & 2) << 1 | (i & 4) >> 1 | (i & 8) >> 3; /* its bits in reverse */
    return weft_i_table_unmix(table, bucket << (64 - bits) | below << (64 - bits - 4) | 1);
}

/* Inserts the first `count` of them, with the values 1, 2, ... */
static inline void t_fill_bucket(weft_table *table, unsigned bits, uint64_t bucket, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(weft_table_insert(table, t_key_in(table, bits, bucket, i), t_ptr((uintptr_t)i + 1)), 0);
}

/* There are the first `count` of them, with these values, and not the others. */
static inline void t_assert_bucket(weft_table *table, unsigned bits, uint64_t bucket, uint64_t count)
{
    for (uint64_t i = 0; i <= WEFT_TABLE_SLOTS; i++)
        assert_int_equal(t_int(weft_table_get(table, NULL, t_key_in(table, bits, bucket, i))), i < count ? i + 1 : 0);
}

#endif
