/*
 * A chained hash table for one thread at a time; the map baselines put their locks around it. Nodes come from malloc
 * and hold the hash; the table doubles when there is more than one entry per bucket, and never shrinks. Keys are 64-bit
 * integers, or byte strings if the caller supplies their hash and comparison.
 */
#ifndef BENCH_BASELINES_CHAINED_H
#define BENCH_BASELINES_CHAINED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct chained_node {
    struct chained_node *next;
    uint64_t hash;
    void *key;
    void *value;
} chained_node;

typedef struct chained {
    chained_node **buckets;
    size_t size, mask;                           /* mask + 1 buckets */
    bool (*equal)(const void *a, const void *b); /* NULL: keys are equal when their hashes and pointers are */
} chained;

/* False: no memory. */
bool chained_init(chained *table, bool (*equal)(const void *a, const void *b));
void chained_clear(chained *table); /* frees nodes and buckets, but not keys and values */

/* The place that points to the key's node, or the end of its chain. */
chained_node **chained_find(chained *table, uint64_t hash, const void *key);

/* Links a node, which the caller has allocated and filled, at the place that chained_find returned. */
void chained_link(chained *table, chained_node **place, chained_node *node);
/* Unlinks and returns the node at a place. */
chained_node *chained_unlink(chained *table, chained_node **place);

#endif
