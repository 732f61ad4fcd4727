/*
 * Maps and kinds of map keys, for tests that hold for all of them: ready-made ones, and the worst hashes. Keys are
 * integers as in tests/support/maps.h.
 */
#ifndef WEFT_TESTS_UNIT_KEYS_H
#define WEFT_TESTS_UNIT_KEYS_H

#include "tests/unit/support.h"

#include "tests/support/maps.h"

enum { T_KEYS = 3000 }; /* keys of each kind */

typedef struct t_keys {
    const char *name;
    const map_subject *of;
    const weft_map_config *config; /* of a weft_map; NULL: the keys of a map without configuration */
    uintptr_t (*key)(size_t i);    /* the ith of T_KEYS; the same key has the same address each time */
    uintptr_t (*twin)(size_t i);   /* an equal key, at another address if keys have addresses */
    size_t usable;                 /* the number of keys that are worth the time (colliding ones make long chains) */
} t_keys;

extern const t_keys t_all_keys[];
extern const size_t t_all_keys_count;

/* The test for each map of structures.def under each scheme, or for one. The environment's `what` is the subject. */
#define T_MAPS(test) WEFT_MAPS_BETWEEN(WEFT_COMMA, T_MAP_CASES, test)
#define T_MAP_CASES(KIND, name, test)                                                                                  \
    T_MAP_CASE(test, name, "hazard", WEFT_HAZARD), T_MAP_CASE(test, name, "epoch", WEFT_EPOCH)
#define T_MAP_CASE(test, name, label, scheme) T_CASE(test, #name ", " label, (&(t_case){scheme, &maps[MAP_##name]}))

weft_map *t_map_new(weft_domain *domain, const weft_map_config *config);

/* A map of that kind, whose values nobody owns. */
void *t_map_of(const map_subject *of, weft_domain *domain);

/* A map for keys of that kind. */
void *t_map_for(const t_keys *kind, weft_domain *domain);

weft_map_statistics t_map_stats(weft_map *map);

/* Insert and remove the keys from .. to - 1 of a map with integer keys, which must succeed. */
void t_map_fill(const map_subject *of, void *map, uintptr_t from, uintptr_t to);
void t_map_drain(const map_subject *of, void *map, uintptr_t from, uintptr_t to);

/* The value of key i in t_map_fill. */
static inline uintptr_t t_value_of(uintptr_t key)
{
    return key * 2 + 1;
}

#endif
