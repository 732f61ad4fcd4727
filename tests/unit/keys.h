/* Kinds of map keys, for tests that hold for all of them: ready-made ones, and the worst hashes. */
#ifndef WEFT_TESTS_UNIT_KEYS_H
#define WEFT_TESTS_UNIT_KEYS_H

#include "tests/unit/support.h"

#include <weft/hashmap/split_map.h>

enum { T_KEYS = 3000 }; /* keys of each kind */

typedef struct t_keys {
    const char *name;
    const weft_map_config *config; /* NULL: the keys of a map without configuration */
    void *(*key)(size_t i);        /* the ith of T_KEYS; the same key has the same address each time */
    void *(*twin)(size_t i);       /* an equal key, at another address if keys have addresses */
    size_t usable;                 /* the number of keys that are worth the time (colliding ones make long chains) */
} t_keys;

extern const t_keys t_all_keys[];
extern const size_t t_all_keys_count;

weft_map *t_map_new(weft_domain *domain, const weft_map_config *config);

weft_map_statistics t_map_stats(weft_map *map);

/* Insert and remove the keys from .. to - 1 of an integer map, which must succeed. */
void t_map_fill(weft_map *map, uintptr_t from, uintptr_t to);
void t_map_drain(weft_map *map, uintptr_t from, uintptr_t to);

/* The value of key i in t_map_fill. */
static inline uintptr_t t_value_of(uintptr_t key)
{
    return key * 2 + 1;
}

#endif
