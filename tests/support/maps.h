/* The maps of structures.def behind one table, as containers.h has the queues and stacks. Keys are integers. */
#ifndef WEFT_TESTS_SUPPORT_MAPS_H
#define WEFT_TESTS_SUPPORT_MAPS_H

#include "structures.def"

typedef struct map_subject {
    const char *name;
    int (*create)(void **out, weft_domain *domain, void (*destroy_value)(void *value, void *ctx), void *ctx);
    int (*insert)(void *object, uintptr_t key, void *value);
    int (*put)(void *object, uintptr_t key, void *value, void **old);
    void *(*get)(void *object, weft_guard *guard, uintptr_t key);
    size_t (*get_many)(void *object, weft_guard *guards, const uintptr_t *keys, void **values, size_t count);
    bool (*contains)(void *object, uintptr_t key);
    int (*get_or_insert)(void *object, weft_guard *guard, uintptr_t key, void *value, void **present);
    int (*compare_and_replace)(void *object, uintptr_t key, void *expected, void *desired);
    int (*compare_and_remove)(void *object, uintptr_t key, void *expected);
    bool (*remove)(void *object, uintptr_t key, void **value);
    size_t (*size)(void *object);
    int (*reserve)(void *object, size_t count);
    void (*clear)(void *object);
    /* Calls `each` for what an iteration meets, until that returns false. */
    void (*walk)(void *object, bool (*each)(uintptr_t key, void *value, void *ctx), void *ctx);
    size_t (*buckets)(void *object);
    void (*destroy)(void *object); /* without a drain */
} map_subject;

/* MAP_x is the index of weft_x in the table. */
#define MAP_PLACE(KIND, name, unused) MAP_##name,
enum { WEFT_MAPS(MAP_PLACE, 0) MAPS };

extern const map_subject maps[MAPS];

#endif
