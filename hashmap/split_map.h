/*
 * weft_map: a hash map for any number of threads, which grows and shrinks without ever stopping one.
 *
 * Source: O. Shalev, N. Shavit, "Split-Ordered Lists: Lock-Free Extensible Hash Tables", JACM 53(3), 2006, over the
 * list of M. Michael, "High Performance Dynamic Lock-Free Hash Tables and List-Based Sets", SPAA 2002. Differences:
 * buckets are the high bits of the hash, so that list order is hash order and no bits are reversed; a bucket is its
 * own dummy node, inside a lazily made segment; the table shrinks (split_map_table.h says how).
 *
 * When. Shared tables that are read more than written, or whose size is not known in advance. When not: with one writer
 * and no other readers, or if keys must be ordered.
 *
 * Cost. 64 bytes per entry and 16 to 64 bytes of buckets per entry (load 0.125 to 0.5; at most 0.5 after growth).
 * get: no write to shared memory. insert: two read-modify-writes, remove: four, a replacing put: one.
 *
 * Guarantees, numbered:
 *  1. All operations except create, destroy, size, clear and iteration are linearizable over the whole map, and may run
 *     together in any combination.
 *  2. size is exact when no update runs and no thread was lost inside an update, by a fork or its own end. Otherwise it
 *     is off by at most the number of such updates.
 *  3. Iteration sees each entry that is present throughout exactly once, whatever is inserted or removed meanwhile
 *     (also the entry that it has just returned). It sees an entry that is inserted or removed meanwhile at most once.
 *     It sees no key twice, unless the key was removed and inserted again behind another key with the same 64-bit hash.
 *  4. clear removes each entry that is present throughout; it is not atomic.
 *  5. Key and value destructors run once per entry, the value's first, when no guard and no operation can see the entry
 *     any more. If the value's destructor ends its thread, the key's is not called.
 *  6. Progress: lock-free; get, contains and iteration's steps write nothing that other threads wait for. Growing and
 *     shrinking happen inside the updates, a few buckets at a time.
 *  7. Out of memory for a larger bucket array costs speed, never an operation.
 *  8. No function here is a cancellation point, except inside your own code that it calls (`hash`, `equal`,
 *     destructors, the allocator, and reclaim callbacks, which any function may run). A thread that ends there loses at
 *     most its operation: other threads finish what it has begun of growing or shrinking. A `hash`, `equal` or
 *     allocator function may end its thread, but not with more than 32 guards held, not after the thread's exit hook
 *     has run, and not inside create. No code that destroy calls may end its thread.
 *
 * Values are never NULL (-EINVAL), since NULL means absent. A NULL map: -EINVAL, NULL, false, 0 or nothing done.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_H
#define WEFT_HASHMAP_SPLIT_MAP_H

#include <weft/base/typed.h>
#include <weft/reclaim/domain.h>

WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_map weft_map;

/* 128 random bits, drawn at each map's creation from getrandom(2); where that is refused, from clock and addresses. */
typedef struct weft_map_seed {
    uint64_t k0, k1;
} weft_map_seed;

/* A byte string as key. The map does not copy it, so it must live as long as its entry. */
typedef struct weft_bytes {
    const void *data;
    size_t size;
} weft_bytes;

/*
 * Zero in a field means its default. `hash` and `equal` come together or not at all (then keys are 64-bit integers
 * passed as (void *)(uintptr_t)key); they must not call into the same map. A hash that ignores its seed is weak
 * against chosen keys. Destructors may be called by any thread, and may retire and use other structures.
 */
typedef struct weft_map_config {
    uint64_t (*hash)(const void *key, const weft_map_seed *seed, void *ctx);
    bool (*equal)(const void *a, const void *b, void *ctx);
    void (*destroy_key)(void *key, void *ctx);
    void (*destroy_value)(void *value, void *ctx);
    void *ctx;         /* for all four; valid until the map's end and then a barrier or the domain's end */
    void *reserved[4]; /* zero */
} weft_map_config;

/* Ready-made: keys are `const char *`; SipHash-1-3. Copy it to add destructors. */
WEFT_API_OBJECT const weft_map_config weft_map_strings;
/* The same for keys that are `const weft_bytes *`. */
WEFT_API_OBJECT const weft_map_config weft_map_byte_strings;
/* The default spelled out: 64-bit integers passed as (void *)(uintptr_t)key. */
WEFT_API_OBJECT const weft_map_config weft_map_integers;

/* The hash of the ready-made configurations, for configurations of your own. */
WEFT_API uint64_t weft_map_hash_bytes(const void *data, size_t size, const weft_map_seed *seed);

/* Figures of one moment; exact when no thread updates the map. */
typedef struct weft_map_statistics {
    size_t size;          /* entries */
    size_t buckets;       /* in use by the present table size */
    double load;          /* size / buckets */
    size_t longest_chain; /* entries between two neighbouring buckets, by a walk over all */
    size_t bucket_bytes;  /* memory of the bucket segments */
    size_t reserved[4];
} weft_map_statistics;

/*
 * NULL domain: the default one. NULL config: integer keys, values not owned. -ENOMEM; -EINVAL: `out` NULL, or hash
 * without equal or the reverse. On error *out is NULL.
 */
WEFT_API WEFT_NODISCARD int weft_map_create(weft_map **out, weft_domain *domain, const weft_map_config *config);

/*
 * Adds an entry. 0: the map has taken key and value; -EEXIST: the key is there, nothing changed and both stay the
 * caller's; -ENOMEM likewise; -EINVAL: NULL value. Linearizes at the compare-and-swap that links the node; -EEXIST at
 * the read of the present value.
 */
WEFT_API WEFT_NODISCARD int weft_map_insert(weft_map *map, void *key, void *value);

/*
 * Inserts (0) or replaces (1), -ENOMEM, -EINVAL. If it replaces, the map keeps the key that it has, and the passed key
 * stays the caller's. The replaced value goes to *old. Other threads may still read it, so the caller hands it to
 * weft_retire or weft_retire_hook, whose callback frees it. With `old` NULL and a value destructor, the map destroys it
 * when no guard holds it. *old is NULL if nothing was replaced. Linearizes as insert, or at the compare-and-swap on the
 * entry's value.
 */
WEFT_API WEFT_NODISCARD int weft_map_put(weft_map *map, void *key, void *value, void **old);

/*
 * The value, protected by `guard` (entered in the map's domain) until that is used again or left. NULL: absent. `guard`
 * may be NULL if values are not pointers that any thread frees. Linearizes at the read of the entry's value.
 */
WEFT_API WEFT_NODISCARD void *weft_map_get(weft_map *map, weft_guard *guard, const void *key);

/*
 * values[i] gets what get would return for keys[i], protected by guards[i] (all entered; `guards` may be NULL, as in get).
 * Returns how many keys are present. Each lookup linearizes on its own: all together are not of one moment. They wait
 * for memory together, 16 at a time, which pays where the table exceeds the cache.
 */
WEFT_API size_t weft_map_get_many(weft_map *map, weft_guard *guards, const void *const *keys, void **values,
                                  size_t count);

/* Whether the key has an entry. Linearizes as get. */
WEFT_API WEFT_NODISCARD bool weft_map_contains(weft_map *map, const void *key);

/*
 * 0: inserted, *present is `value`. 1: the key was there, *present is its value, protected by `guard` as in get.
 * -ENOMEM, -EINVAL (NULL value or present): *present is NULL. The map takes key and value only with 0.
 */
WEFT_API WEFT_NODISCARD int weft_map_get_or_insert(weft_map *map, weft_guard *guard, void *key, void *value,
                                                   void **present);

/*
 * Replaces the key's value if it is `expected`. 0; -EAGAIN: it has another value; -ENOENT: absent; -EINVAL: either
 * value NULL; -ENOMEM (only with a value destructor). The expected value goes to the value destructor or, without one,
 * to the caller, who retires it like a value that put has replaced. It stays in the map if `desired` is the same.
 */
WEFT_API WEFT_NODISCARD int weft_map_compare_and_replace(weft_map *map, const void *key, void *expected, void *desired);

/*
 * Removes the entry. *value gets its value, which the caller hands to weft_retire or weft_retire_hook, as after put.
 * With `value` NULL and a value destructor, the map destroys it when no guard holds it. False: absent, *value is NULL.
 * Linearizes at the compare-and-swap that empties the entry.
 */
WEFT_API bool weft_map_remove(weft_map *map, const void *key, void **value);

/*
 * Removes the entry if its value is `expected`. 0; -EAGAIN: it has another value; -ENOENT: absent; -EINVAL: NULL map or
 * expected. The map destroys key and value as remove with NULL does. Without a value destructor the value goes to the
 * caller, who retires it. Linearizes as remove; -EAGAIN and -ENOENT as get.
 */
WEFT_API WEFT_NODISCARD int weft_map_compare_and_remove(weft_map *map, const void *key, void *expected);

/* The number of entries, by guarantee 2. Wait-free; reads a counter for each of WEFT_MAP_STRIPES (16). */
WEFT_API WEFT_NODISCARD size_t weft_map_size(weft_map *map);

/*
 * Makes buckets for `count` entries, which the map keeps whatever is removed; 0: from now on it shrinks again. 0;
 * -ENOMEM: it keeps those that it could make; -EINVAL: NULL map. Takes about 50 ns per bucket, two to five for each entry; others may use the map.
 */
WEFT_API WEFT_NODISCARD int weft_map_reserve(weft_map *map, size_t count);

/* Removes all entries that an iteration meets; destructors as in remove with NULL. Not atomic. */
WEFT_API void weft_map_clear(weft_map *map);

/*
 * Iteration under updates, in hash order:
 *
 *     weft_map_iterator it;
 *     void *key, *value;
 *     weft_map_iterate(&it, map);
 *     while (weft_map_next(&it, &key, &value))
 *         ...                                  // key and value are held until the next step; updates are allowed
 *     weft_map_iterate_end(&it);               // also after breaking off
 */
typedef struct weft_map_iterator {
    weft_map *map;
    weft_guard entry; /* holds the node, and with it the key */
    weft_guard held;  /* holds the value */
    uint64_t hash;    /* of the last entry seen */
    size_t seen;      /* one more than that entry's order among those of its hash */
    void *reserved[4];
} weft_map_iterator;

/* Begins an iteration in this thread. */
WEFT_API void weft_map_iterate(weft_map_iterator *iterator, weft_map *map);

/*
 * Gets the next entry's key and value, protected until the next step. Either pointer may be NULL. False: the end.
 * Lock-free.
 */
WEFT_API WEFT_NODISCARD bool weft_map_next(weft_map_iterator *iterator, void **key, void **value);

/* Ends the iteration, and with it the protection of its last entry. */
WEFT_API void weft_map_iterate_end(weft_map_iterator *iterator);

/* Fills *out by a walk over the whole table. */
WEFT_API void weft_map_stats(weft_map *map, weft_map_statistics *out);

/*
 * Frees the map. `drain(key, value, ctx)` gets every entry and no destructor runs; with NULL the destructors run. No
 * other thread may be using the map or hold a guard from it.
 */
WEFT_API void weft_map_destroy(weft_map *map, void (*drain)(void *key, void *value, void *ctx), void *ctx);

WEFT_END_DECLS

/* clang-format off */
#ifndef __cplusplus
/* A typed view: <weft/base/typed.h>. Keys that are not integers need a configuration, as in weft_map_create. */
#define WEFT_MAP_OF(name, key_type, value_type)                                                                        \
    WEFT_I_TYPED_CHECK(key_type);                                                                                      \
    WEFT_I_TYPED_CHECK(value_type);                                                                                    \
    typedef struct name name;                                                                                          \
    typedef struct name##_i_each {                                                                                     \
        void (*function)(key_type key, value_type value, void *ctx);                                                   \
        void *ctx;                                                                                                     \
    } name##_i_each;                                                                                                   \
    weft_i_typed void name##_i_call(void *key, void *value, void *each)                                                \
    {                                                                                                                  \
        ((name##_i_each *)each)->function(WEFT_I_TYPED(key_type, key), WEFT_I_TYPED(value_type, value), ((name##_i_each *)each)->ctx); \
    }                                                                                                                  \
    weft_i_typed weft_map *name##_untyped(name *typed) { return (weft_map *)(void *)typed; }                           \
    WEFT_NODISCARD weft_i_typed int name##_create(name **out, weft_domain *domain, const weft_map_config *config)      \
    {                                                                                                                  \
        weft_map *made = NULL;                                                                                         \
        int error = weft_map_create(out ? &made : NULL, domain, config);                                               \
        if (out)                                                                                                       \
            *out = (name *)(void *)made;                                                                               \
        return error;                                                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_insert(name *typed, key_type key, value_type value)                         \
    {                                                                                                                  \
        return weft_map_insert(name##_untyped(typed), WEFT_I_WORD(key), WEFT_I_WORD(value));                           \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_put(name *typed, key_type key, value_type value, value_type *old)           \
    {                                                                                                                  \
        void *word = NULL;                                                                                             \
        int done = weft_map_put(name##_untyped(typed), WEFT_I_WORD(key), WEFT_I_WORD(value), old ? &word : NULL);      \
        if (old)                                                                                                       \
            *old = WEFT_I_TYPED(value_type, word);                                                                     \
        return done;                                                                                                   \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed value_type name##_get(name *typed, weft_guard *guard, key_type key)                    \
    {                                                                                                                  \
        return WEFT_I_TYPED(value_type, weft_map_get(name##_untyped(typed), guard, WEFT_I_WORD(key)));                 \
    }                                                                                                                  \
    weft_i_typed size_t name##_get_many(name *typed, weft_guard *guards, key_type const *keys, value_type *values, size_t count) \
    {                                                                                                                  \
        size_t found = 0;                                                                                              \
        for (size_t done = 0, n; keys && values && done < count; done += n) {                                          \
            const void *key_words[64];                                                                                 \
            void *value_words[64] = {NULL};                                                                            \
            n = count - done < 64 ? count - done : 64;                                                                 \
            for (size_t i = 0; i < n; i++)                                                                             \
                key_words[i] = WEFT_I_WORD(keys[done + i]);                                                            \
            found += weft_map_get_many(name##_untyped(typed), guards ? guards + done : NULL, key_words, value_words, n); \
            for (size_t i = 0; i < n; i++)                                                                             \
                values[done + i] = WEFT_I_TYPED(value_type, value_words[i]);                                           \
        }                                                                                                              \
        return found;                                                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_contains(name *typed, key_type key)                                        \
    {                                                                                                                  \
        return weft_map_contains(name##_untyped(typed), WEFT_I_WORD(key));                                             \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_get_or_insert(name *typed, weft_guard *guard, key_type key, value_type value, value_type *present) \
    {                                                                                                                  \
        void *word = NULL;                                                                                             \
        int done = weft_map_get_or_insert(name##_untyped(typed), guard, WEFT_I_WORD(key), WEFT_I_WORD(value), present ? &word : NULL); \
        if (present)                                                                                                   \
            *present = WEFT_I_TYPED(value_type, word);                                                                 \
        return done;                                                                                                   \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_compare_and_replace(name *typed, key_type key, value_type expected, value_type desired) \
    {                                                                                                                  \
        return weft_map_compare_and_replace(name##_untyped(typed), WEFT_I_WORD(key), WEFT_I_WORD(expected), WEFT_I_WORD(desired)); \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_compare_and_remove(name *typed, key_type key, value_type expected)          \
    {                                                                                                                  \
        return weft_map_compare_and_remove(name##_untyped(typed), WEFT_I_WORD(key), WEFT_I_WORD(expected));            \
    }                                                                                                                  \
    weft_i_typed bool name##_remove(name *typed, key_type key, value_type *value)                                      \
    {                                                                                                                  \
        void *word = NULL;                                                                                             \
        bool removed = weft_map_remove(name##_untyped(typed), WEFT_I_WORD(key), value ? &word : NULL);                 \
        if (value)                                                                                                     \
            *value = WEFT_I_TYPED(value_type, word);                                                                   \
        return removed;                                                                                                \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed size_t name##_size(name *typed) { return weft_map_size(name##_untyped(typed)); }       \
    WEFT_NODISCARD weft_i_typed int name##_reserve(name *typed, size_t count) { return weft_map_reserve(name##_untyped(typed), count); } \
    weft_i_typed void name##_clear(name *typed) { weft_map_clear(name##_untyped(typed)); }                             \
    weft_i_typed void name##_iterate(weft_map_iterator *iterator, name *typed) { weft_map_iterate(iterator, name##_untyped(typed)); } \
    WEFT_NODISCARD weft_i_typed bool name##_next(weft_map_iterator *iterator, key_type *key, value_type *value)        \
    {                                                                                                                  \
        void *key_word, *value_word;                                                                                   \
        if (!weft_map_next(iterator, &key_word, &value_word))                                                          \
            return false;                                                                                              \
        if (key)                                                                                                       \
            *key = WEFT_I_TYPED(key_type, key_word);                                                                   \
        if (value)                                                                                                     \
            *value = WEFT_I_TYPED(value_type, value_word);                                                             \
        return true;                                                                                                   \
    }                                                                                                                  \
    weft_i_typed void name##_iterate_end(weft_map_iterator *iterator) { weft_map_iterate_end(iterator); }              \
    weft_i_typed void name##_destroy(name *typed, void (*drain)(key_type key, value_type value, void *ctx), void *ctx) \
    {                                                                                                                  \
        name##_i_each call = {drain, ctx};                                                                             \
        weft_map_destroy(name##_untyped(typed), drain ? name##_i_call : NULL, &call);                                  \
    }                                                                                                                  \
    typedef name name##_i_end
#endif
/* clang-format on */

#endif
