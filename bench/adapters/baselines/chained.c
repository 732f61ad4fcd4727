#include "bench/adapters/baselines/chained.h"

#include <stdlib.h>

enum { FIRST_BUCKETS = 16 };

bool chained_init(chained *table, bool (*equal)(const void *a, const void *b))
{
    table->size = 0;
    table->mask = FIRST_BUCKETS - 1;
    table->equal = equal;
    table->buckets = calloc(FIRST_BUCKETS, sizeof *table->buckets);
    return table->buckets != NULL;
}

void chained_clear(chained *table)
{
    for (size_t i = 0; i <= table->mask; i++)
        for (chained_node *node = table->buckets[i], *next; node; node = next) {
            next = node->next;
            free(node);
        }
    free(table->buckets);
    table->buckets = NULL;
}

chained_node **chained_find(chained *table, uint64_t hash, const void *key)
{
    chained_node **place = &table->buckets[hash & table->mask];
    for (chained_node *node; (node = *place); place = &node->next)
        if (node->hash == hash && (node->key == key || (table->equal && table->equal(node->key, key))))
            break;
    return place;
}

/* Without memory for more buckets, the chains only get longer. */
static void grow(chained *table)
{
    size_t mask = table->mask * 2 + 1;
    chained_node **buckets = calloc(mask + 1, sizeof *buckets);
    if (!buckets)
        return;
    for (size_t i = 0; i <= table->mask; i++)
        for (chained_node *node = table->buckets[i], *next; node; node = next) {
            next = node->next;
            node->next = buckets[node->hash & mask];
            buckets[node->hash & mask] = node;
        }
    free(table->buckets);
    table->buckets = buckets;
    table->mask = mask;
}

void chained_link(chained *table, chained_node **place, chained_node *node)
{
    node->next = *place;
    *place = node;
    if (++table->size > table->mask + 1)
        grow(table);
}

chained_node *chained_unlink(chained *table, chained_node **place)
{
    chained_node *node = *place;
    *place = node->next;
    table->size--;
    return node;
}
