/*
 * What a run must conserve: each value is taken exactly once, and each producer's values in its order. A value is a
 * producer's number and a sequence number.
 */
#ifndef WEFT_TESTS_STRESS_OBSERVE_H
#define WEFT_TESTS_STRESS_OBSERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { O_PRODUCERS = 8, O_SEQUENCE_BITS = 24 };

static inline void *o_value(size_t producer, size_t sequence)
{
    return (void *)(uintptr_t)((producer << O_SEQUENCE_BITS | sequence) + 1);
}

static inline size_t o_producer(const void *value)
{
    return ((uintptr_t)value - 1) >> O_SEQUENCE_BITS;
}

static inline size_t o_sequence(const void *value)
{
    return ((uintptr_t)value - 1) & (((size_t)1 << O_SEQUENCE_BITS) - 1);
}

/* The values that one taker got, in its order. */
typedef struct o_log {
    void **value;
    size_t count;
} o_log;

/* True: each of the `producers` times `each` values is in exactly one log, once. */
bool o_conserved(const o_log *logs, size_t n, size_t producers, size_t each);

/* True: in each log each producer's values ascend, as a queue's taker must see them. */
bool o_in_order(const o_log *logs, size_t n);

#endif
