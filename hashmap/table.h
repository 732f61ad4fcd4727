/*
 * weft_table: a hash map from 64-bit integers to pointers, with an operation on one cache line; it grows and shrinks
 * without ever stopping a thread.
 *
 * Source: buckets of a cache line whose header holds the state of all slots are those of M. Herlihy's and others' many
 * bucketized tables, nearest to A. Katsarakis et al., "DLHT: A Non-blocking Resizable Hashtable with Fast Deletes and
 * Memory-awareness", HPDC 2024. Different here: every change is one compare-and-swap of a bucket's head, of one word;
 * an entry is copied to the next array by whoever comes, so that nobody waits for a bucket that is on its way; removal
 * gives the value; the table shrinks. table_layout.h and table_move.h have the protocol.
 *
 * When. Keys are integers (all 64-bit values), and the table is large, or read and written by many threads. When not:
 * keys of another kind, or a hash of your own: <weft/hashmap/split_map.h>.
 *
 * Cost. 32 to 64 bytes an entry after growth, and 64 more for each two entries beyond three of a bucket, some 5 bytes
 * an entry at the fullest. get: one cache line in nine of ten cases, no write to shared memory. Read-modify-writes: an
 * insert makes three, a replacing put two (the taking, and the change of both slots), a removal two; all on the line of
 * the entry, but for the count of an insertion or a removal. An empty table: 448 bytes.
 *
 * Guarantees, numbered as those of weft_map:
 *  1. All operations except create, destroy, size, clear and iteration are linearizable over the whole table, and may
 *     run together in any combination.
 *  2. size is exact when no update runs and no thread was lost inside an update, by a fork or its own end. Otherwise it
 *     is off by at most the number of such updates.
 *  3. Iteration sees each entry that is present throughout exactly once, whatever is inserted or removed meanwhile, and
 *     each key once at most.
 *  4. clear removes each entry that is present throughout; it is not atomic.
 *  5. The value's destructor runs once per value, when no guard and no operation can see it any more. If there is no
 *     memory to retire a value in, it waits in the table for the next update of its bucket that has some.
 *  6. Progress: lock-free; lookups and iteration write nothing that other threads wait for. Growing and shrinking
 *     happen inside the updates, a few buckets at a time.
 *  7. Out of memory for a larger array costs speed. A put or insert that needs memory itself, for more slots of a
 *     bucket, is refused (-ENOMEM); a removal never is.
 *  8. No function here is a cancellation point, except inside your own code that it calls (destructors, the allocator,
 *     and reclaim callbacks, which any function may run). A thread that ends there loses at most its operation.
 *
 * Limits. A bucket has 15 slots. With a random seed and two entries a bucket on average, one in 10^9 buckets has more
 * keys; it moves to a larger array early. A thread that ends inside an insertion (in its allocator) leaves a slot unused
 * until its bucket moves. Between two steps of an operation, one bucket may take 2^31 - 1 insertions. On 32-bit machines
 * a compare-and-swap of 64 bits is needed (i586, ARMv7).
 *
 * Values are never NULL (-EINVAL), since NULL means absent. A NULL table: -EINVAL, NULL, false, 0 or nothing done.
 */
#ifndef WEFT_HASHMAP_TABLE_H
#define WEFT_HASHMAP_TABLE_H

#include <weft/base/typed.h>
#include <weft/reclaim/domain.h>

WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_table weft_table;

/* Zero in a field means its default. The destructor may be called by any thread, and may retire and use structures. */
typedef struct weft_table_config {
    void (*destroy_value)(void *value, void *ctx); /* NULL: values are not owned */
    void *ctx;         /* valid until the table's end and then a barrier or the domain's end */
    void *reserved[4]; /* zero */
} weft_table_config;

/* Figures of one moment; exact when no thread updates the table. */
typedef struct weft_table_statistics {
    size_t size;         /* entries */
    size_t buckets;      /* in use: while the table grows, some have been parted already */
    double load;         /* size / buckets */
    size_t fullest;      /* the most entries of a bucket, by a walk over all */
    size_t bucket_bytes; /* memory of the present array's buckets, without slots beyond the first three */
    size_t reserved[4];
} weft_table_statistics;

/*
 * NULL domain: the default one. NULL config: values are not owned. -ENOMEM; -EINVAL: `out` NULL. On error *out is NULL.
 */
WEFT_API WEFT_NODISCARD int weft_table_create(weft_table **out, weft_domain *domain, const weft_table_config *config);

/*
 * Adds an entry. 0; -EEXIST: the key is there, and nothing changed; -ENOMEM likewise; -EINVAL: NULL value. Linearizes
 * at the compare-and-swap that makes the slot LIVE; -EEXIST at the second read of the bucket's head.
 */
WEFT_API WEFT_NODISCARD int weft_table_insert(weft_table *table, uint64_t key, void *value);

/*
 * Inserts (0) or replaces (1), -ENOMEM, -EINVAL. The replaced value goes to *old. Other threads may still read it, so
 * the caller hands it to weft_retire or weft_retire_hook, whose callback frees it. With `old` NULL and a value
 * destructor, the table destroys it when no guard holds it. *old is NULL if nothing was replaced. Linearizes as insert.
 */
WEFT_API WEFT_NODISCARD int weft_table_put(weft_table *table, uint64_t key, void *value, void **old);

/*
 * The value, protected by `guard` (entered in the table's domain) until that is used again or left. NULL: absent.
 * `guard` may be NULL if values are not pointers that any thread frees. Linearizes at the last read of a bucket's head.
 */
WEFT_API WEFT_NODISCARD void *weft_table_get(weft_table *table, weft_guard *guard, uint64_t key);

/*
 * values[i] gets what get would return for keys[i], protected by guards[i] (all entered; `guards` may be NULL, as in
 * get). Returns how many keys are present. Each lookup linearizes on its own. They wait for memory together, 16 at a
 * time.
 */
WEFT_API size_t weft_table_get_many(weft_table *table, weft_guard *guards, const uint64_t *keys, void **values,
                                    size_t count);

/* Whether the key has an entry. Linearizes as get. */
WEFT_API WEFT_NODISCARD bool weft_table_contains(weft_table *table, uint64_t key);

/*
 * 0: inserted, *present is `value`. 1: the key was there, *present is its value, protected by `guard` as in get.
 * -ENOMEM, -EINVAL (NULL value or present): *present is NULL.
 */
WEFT_API WEFT_NODISCARD int weft_table_get_or_insert(weft_table *table, weft_guard *guard, uint64_t key, void *value,
                                                     void **present);

/*
 * Replaces the key's value if it is `expected`. 0; -EAGAIN: it has another value; -ENOENT: absent; -EINVAL: either
 * value NULL; -ENOMEM. The expected value goes to the value destructor or, without one, to the caller, who retires it
 * like a value that put has replaced. It stays in the table if `desired` is the same.
 */
WEFT_API WEFT_NODISCARD int weft_table_compare_and_replace(weft_table *table, uint64_t key, void *expected,
                                                           void *desired);

/*
 * Removes the entry. *value gets its value, which the caller hands to weft_retire or weft_retire_hook, as after put.
 * With `value` NULL and a value destructor, the table destroys it when no guard holds it. False: absent, *value is
 * NULL. Needs no memory. Linearizes at the compare-and-swap that makes the slot FREE or DEAD.
 */
WEFT_API bool weft_table_remove(weft_table *table, uint64_t key, void **value);

/*
 * Removes the entry if its value is `expected`. 0; -EAGAIN: it has another value; -ENOENT: absent; -EINVAL: NULL table
 * or expected. The table destroys the value as remove with NULL does; without a destructor it goes to the caller, who
 * retires it. Linearizes as remove; -EAGAIN and -ENOENT as get.
 */
WEFT_API WEFT_NODISCARD int weft_table_compare_and_remove(weft_table *table, uint64_t key, void *expected);

/* The number of entries, by guarantee 2. Wait-free; reads a counter for each of WEFT_TABLE_STRIPES (16). */
WEFT_API WEFT_NODISCARD size_t weft_table_size(weft_table *table);

/*
 * Makes buckets for `count` entries, which the table keeps whatever is removed; 0: from now on it shrinks again. 0;
 * -ENOMEM: it keeps those that it could make; -EINVAL: NULL table. Others may use the table.
 */
WEFT_API WEFT_NODISCARD int weft_table_reserve(weft_table *table, size_t count);

/* Removes all entries that an iteration meets; destructors as in remove with NULL. Not atomic. */
WEFT_API void weft_table_clear(weft_table *table);

/*
 * Iteration under updates:
 *
 *     weft_table_iterator it;
 *     uint64_t key;
 *     void *value;
 *     weft_table_iterate(&it, table);
 *     while (weft_table_next(&it, &key, &value))
 *         ...                                    // the value is held until the next step; updates are allowed
 *     weft_table_iterate_end(&it);               // also after breaking off
 */
typedef struct weft_table_iterator {
    weft_table *table;
    weft_guard held;   /* holds the value */
    uint64_t from;     /* where the next bucket begins */
    uint64_t keys[15]; /* of the last one, mixed, that are still to be seen */
    unsigned left;     /* their number */
    bool ended;        /* there is no next bucket */
    void *reserved[4];
} weft_table_iterator;

/* Begins an iteration in this thread. */
WEFT_API void weft_table_iterate(weft_table_iterator *iterator, weft_table *table);

/*
 * Gets the next entry's key and value, protected until the next step. Either pointer may be NULL. False: the end.
 * Lock-free.
 */
WEFT_API WEFT_NODISCARD bool weft_table_next(weft_table_iterator *iterator, uint64_t *key, void **value);

/* Ends the iteration, and with it the protection of its last value. */
WEFT_API void weft_table_iterate_end(weft_table_iterator *iterator);

/* Fills *out by a walk over the whole table. */
WEFT_API void weft_table_stats(weft_table *table, weft_table_statistics *out);

/*
 * Frees the table. `drain(key, value, ctx)` gets every entry and no destructor runs; with NULL the destructors run. No
 * other thread may be using the table or hold a guard from it.
 */
WEFT_API void weft_table_destroy(weft_table *table, void (*drain)(uint64_t key, void *value, void *ctx), void *ctx);

WEFT_END_DECLS

/* clang-format off */
#ifndef __cplusplus
/* A typed view: <weft/base/typed.h>. */
#define WEFT_TABLE_OF(name, value_type)                                                                                \
    WEFT_I_TYPED_CHECK(value_type);                                                                                    \
    typedef struct name name;                                                                                          \
    typedef struct name##_i_each {                                                                                     \
        void (*function)(uint64_t key, value_type value, void *ctx);                                                   \
        void *ctx;                                                                                                     \
    } name##_i_each;                                                                                                   \
    weft_i_typed void name##_i_call(uint64_t key, void *value, void *each)                                             \
    {                                                                                                                  \
        ((name##_i_each *)each)->function(key, WEFT_I_TYPED(value_type, value), ((name##_i_each *)each)->ctx);         \
    }                                                                                                                  \
    weft_i_typed weft_table *name##_untyped(name *typed) { return (weft_table *)(void *)typed; }                       \
    WEFT_NODISCARD weft_i_typed int name##_create(name **out, weft_domain *domain, const weft_table_config *config)    \
    {                                                                                                                  \
        weft_table *made = NULL;                                                                                       \
        int error = weft_table_create(out ? &made : NULL, domain, config);                                             \
        if (out)                                                                                                       \
            *out = (name *)(void *)made;                                                                               \
        return error;                                                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_insert(name *typed, uint64_t key, value_type value)                         \
    {                                                                                                                  \
        return weft_table_insert(name##_untyped(typed), key, WEFT_I_WORD(value));                                      \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_put(name *typed, uint64_t key, value_type value, value_type *old)           \
    {                                                                                                                  \
        void *word = NULL;                                                                                             \
        int done = weft_table_put(name##_untyped(typed), key, WEFT_I_WORD(value), old ? &word : NULL);                 \
        if (old)                                                                                                       \
            *old = WEFT_I_TYPED(value_type, word);                                                                     \
        return done;                                                                                                   \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed value_type name##_get(name *typed, weft_guard *guard, uint64_t key)                    \
    {                                                                                                                  \
        return WEFT_I_TYPED(value_type, weft_table_get(name##_untyped(typed), guard, key));                            \
    }                                                                                                                  \
    weft_i_typed size_t name##_get_many(name *typed, weft_guard *guards, const uint64_t *keys, value_type *values, size_t count) \
    {                                                                                                                  \
        size_t found = 0;                                                                                              \
        for (size_t done = 0, n; keys && values && done < count; done += n) {                                          \
            void *value_words[64] = {NULL};                                                                            \
            n = count - done < 64 ? count - done : 64;                                                                 \
            found += weft_table_get_many(name##_untyped(typed), guards ? guards + done : NULL, keys + done, value_words, n); \
            for (size_t i = 0; i < n; i++)                                                                             \
                values[done + i] = WEFT_I_TYPED(value_type, value_words[i]);                                           \
        }                                                                                                              \
        return found;                                                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_contains(name *typed, uint64_t key)                                        \
    {                                                                                                                  \
        return weft_table_contains(name##_untyped(typed), key);                                                        \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_get_or_insert(name *typed, weft_guard *guard, uint64_t key, value_type value, value_type *present) \
    {                                                                                                                  \
        void *word = NULL;                                                                                             \
        int done = weft_table_get_or_insert(name##_untyped(typed), guard, key, WEFT_I_WORD(value), present ? &word : NULL); \
        if (present)                                                                                                   \
            *present = WEFT_I_TYPED(value_type, word);                                                                 \
        return done;                                                                                                   \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_compare_and_replace(name *typed, uint64_t key, value_type expected, value_type desired) \
    {                                                                                                                  \
        return weft_table_compare_and_replace(name##_untyped(typed), key, WEFT_I_WORD(expected), WEFT_I_WORD(desired)); \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_compare_and_remove(name *typed, uint64_t key, value_type expected)          \
    {                                                                                                                  \
        return weft_table_compare_and_remove(name##_untyped(typed), key, WEFT_I_WORD(expected));                       \
    }                                                                                                                  \
    weft_i_typed bool name##_remove(name *typed, uint64_t key, value_type *value)                                      \
    {                                                                                                                  \
        void *word = NULL;                                                                                             \
        bool removed = weft_table_remove(name##_untyped(typed), key, value ? &word : NULL);                            \
        if (value)                                                                                                     \
            *value = WEFT_I_TYPED(value_type, word);                                                                   \
        return removed;                                                                                                \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed size_t name##_size(name *typed) { return weft_table_size(name##_untyped(typed)); }     \
    WEFT_NODISCARD weft_i_typed int name##_reserve(name *typed, size_t count) { return weft_table_reserve(name##_untyped(typed), count); } \
    weft_i_typed void name##_clear(name *typed) { weft_table_clear(name##_untyped(typed)); }                           \
    weft_i_typed void name##_iterate(weft_table_iterator *iterator, name *typed) { weft_table_iterate(iterator, name##_untyped(typed)); } \
    WEFT_NODISCARD weft_i_typed bool name##_next(weft_table_iterator *iterator, uint64_t *key, value_type *value)      \
    {                                                                                                                  \
        void *word = NULL;                                                                                             \
        bool any = weft_table_next(iterator, key, &word);                                                              \
        if (any && value)                                                                                              \
            *value = WEFT_I_TYPED(value_type, word);                                                                   \
        return any;                                                                                                    \
    }                                                                                                                  \
    weft_i_typed void name##_iterate_end(weft_table_iterator *iterator) { weft_table_iterate_end(iterator); }          \
    weft_i_typed void name##_destroy(name *typed, void (*drain)(uint64_t key, value_type value, void *ctx), void *ctx) \
    {                                                                                                                  \
        name##_i_each call = {drain, ctx};                                                                             \
        weft_table_destroy(name##_untyped(typed), drain ? name##_i_call : NULL, &call);                                \
    }                                                                                                                  \
    typedef name name##_i_end
#endif
/* clang-format on */

#endif
