#include "tests/support/maps.h"

#define KEY_POINTER(key) ((void *)(key))
#define KEY_INTEGER(key) (key)
#define NUMBER_POINTER(key) ((uintptr_t)(key))
#define NUMBER_INTEGER(key) ((uintptr_t)(key))
#define TYPE_POINTER void *
#define TYPE_INTEGER uint64_t
#define TYPE_OF_MANY_POINTER const void *
#define TYPE_OF_MANY_INTEGER uint64_t

/* clang-format off */
#define FUNCTIONS(KIND, name, unused)                                                                                  \
    static int name##_create(void **out, weft_domain *domain, void (*destroy_value)(void *value, void *ctx), void *ctx) \
    {                                                                                                                  \
        const weft_##name##_config config = {.destroy_value = destroy_value, .ctx = ctx};                              \
        return weft_##name##_create((weft_##name **)out, domain, destroy_value ? &config : NULL);                      \
    }                                                                                                                  \
    static int name##_insert(void *object, uintptr_t key, void *value)                                                 \
    {                                                                                                                  \
        return weft_##name##_insert(object, KEY_##KIND(key), value);                                                   \
    }                                                                                                                  \
    static int name##_put(void *object, uintptr_t key, void *value, void **old)                                        \
    {                                                                                                                  \
        return weft_##name##_put(object, KEY_##KIND(key), value, old);                                                 \
    }                                                                                                                  \
    static void *name##_get(void *object, weft_guard *guard, uintptr_t key)                                            \
    {                                                                                                                  \
        return weft_##name##_get(object, guard, KEY_##KIND(key));                                                      \
    }                                                                                                                  \
    static size_t name##_get_many(void *object, weft_guard *guards, const uintptr_t *keys, void **values, size_t count) \
    {                                                                                                                  \
        size_t found = 0;                                                                                              \
        for (size_t done = 0, n; done < count; done += n) {                                                            \
            TYPE_OF_MANY_##KIND some[64];                                                                              \
            n = count - done < 64 ? count - done : 64;                                                                 \
            for (size_t i = 0; keys && i < n; i++)                                                                     \
                some[i] = KEY_##KIND(keys[done + i]);                                                                  \
            found += weft_##name##_get_many(object, guards ? guards + done : NULL, keys ? some : NULL,                 \
                                                values ? values + done : NULL, n);                                     \
        }                                                                                                              \
        return found;                                                                                                  \
    }                                                                                                                  \
    static bool name##_contains(void *object, uintptr_t key)                                                           \
    {                                                                                                                  \
        return weft_##name##_contains(object, KEY_##KIND(key));                                                        \
    }                                                                                                                  \
    static int name##_get_or_insert(void *object, weft_guard *guard, uintptr_t key, void *value, void **present)       \
    {                                                                                                                  \
        return weft_##name##_get_or_insert(object, guard, KEY_##KIND(key), value, present);                            \
    }                                                                                                                  \
    static int name##_compare_and_replace(void *object, uintptr_t key, void *expected, void *desired)                  \
    {                                                                                                                  \
        return weft_##name##_compare_and_replace(object, KEY_##KIND(key), expected, desired);                          \
    }                                                                                                                  \
    static int name##_compare_and_remove(void *object, uintptr_t key, void *expected)                                  \
    {                                                                                                                  \
        return weft_##name##_compare_and_remove(object, KEY_##KIND(key), expected);                                    \
    }                                                                                                                  \
    static bool name##_remove(void *object, uintptr_t key, void **value)                                               \
    {                                                                                                                  \
        return weft_##name##_remove(object, KEY_##KIND(key), value);                                                   \
    }                                                                                                                  \
    static size_t name##_size(void *object)                                                                            \
    {                                                                                                                  \
        return weft_##name##_size(object);                                                                             \
    }                                                                                                                  \
    static int name##_reserve(void *object, size_t count)                                                              \
    {                                                                                                                  \
        return weft_##name##_reserve(object, count);                                                                   \
    }                                                                                                                  \
    static void name##_clear(void *object)                                                                             \
    {                                                                                                                  \
        weft_##name##_clear(object);                                                                                   \
    }                                                                                                                  \
    static void name##_walk(void *object, bool (*each)(uintptr_t key, void *value, void *ctx), void *ctx)              \
    {                                                                                                                  \
        weft_##name##_iterator it;                                                                                     \
        TYPE_##KIND key;                                                                                               \
        void *value;                                                                                                   \
        weft_##name##_iterate(&it, object);                                                                            \
        while (weft_##name##_next(&it, &key, &value) && each(NUMBER_##KIND(key), value, ctx))                          \
            ;                                                                                                          \
        weft_##name##_iterate_end(&it);                                                                                \
    }                                                                                                                  \
    static size_t name##_buckets(void *object)                                                                         \
    {                                                                                                                  \
        weft_##name##_statistics figures;                                                                              \
        weft_##name##_stats(object, &figures);                                                                         \
        return figures.buckets;                                                                                        \
    }                                                                                                                  \
    static void name##_destroy(void *object)                                                                           \
    {                                                                                                                  \
        weft_##name##_destroy(object, NULL, NULL);                                                                     \
    }

WEFT_MAPS(FUNCTIONS, 0)

#define LISTED(KIND, name, unused)                                                                                     \
    {#name, name##_create, name##_insert, name##_put, name##_get, name##_get_many, name##_contains,                    \
     name##_get_or_insert, name##_compare_and_replace, name##_compare_and_remove, name##_remove, name##_size,          \
     name##_reserve, name##_clear, name##_walk, name##_buckets, name##_destroy},
/* clang-format on */

const map_subject maps[MAPS] = {WEFT_MAPS(LISTED, 0)};
