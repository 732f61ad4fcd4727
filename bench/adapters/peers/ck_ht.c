/*
 * Concurrency Kit's ck_ht: open addressing, one writer with any number of readers. Writers take turns under a mutex;
 * readers are inside a ck_epoch section, because growing frees the old table. A lookup precedes each put, because
 * version 0.7.1 puts a key twice when it meets a tombstone.
 */
#include "bench/measure/loops_map.h"

#include <ck_epoch.h>
#include <ck_ht.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

typedef struct table {
    _Alignas(BENCH_LINE) ck_ht_t table;
    _Alignas(BENCH_LINE) pthread_mutex_t writer;
    ck_epoch_t epoch;
} table;

/* Stands before each block that ck_ht allocates, so that the epoch can free the block. */
typedef struct header {
    _Alignas(16) ck_epoch_entry_t entry;
} header;

/* The functions of ck_malloc have no context argument. */
static _Thread_local ck_epoch_record_t *writing;

static void free_now(ck_epoch_entry_t *entry)
{
    free(entry);
}

static void *ht_malloc(size_t size)
{
    header *h = malloc(sizeof *h + size);
    return h ? h + 1 : NULL;
}

static void ht_free(void *memory, size_t size, bool defer)
{
    header *h = (header *)memory - 1;
    (void)size;
    if (defer && writing)
        ck_epoch_call(writing, &h->entry, free_now);
    else
        free(h);
}

static struct ck_malloc ht_allocator = {.malloc = ht_malloc, .free = ht_free};

static int ht_create(void **out, const bench_setup *setup)
{
    table *t = aligned_alloc(BENCH_LINE, sizeof *t);
    (void)setup;
    if (!(*out = t))
        return -ENOMEM;
    pthread_mutex_init(&t->writer, NULL);
    ck_epoch_init(&t->epoch);
    if (!ck_ht_init(&t->table, CK_HT_MODE_DIRECT | CK_HT_WORKLOAD_DELETE, NULL, &ht_allocator, 16, 1)) {
        free(t);
        *out = NULL;
        return -ENOMEM;
    }
    return 0;
}

static void ht_destroy(void *object)
{
    table *t = object;
    ck_stack_entry_t *entry, *next;
    ck_ht_destroy(&t->table);
    for (entry = CK_STACK_FIRST(&t->epoch.records); entry; entry = next) {
        next = CK_STACK_NEXT(entry);
        free((char *)entry - offsetof(ck_epoch_record_t, record_next));
    }
    pthread_mutex_destroy(&t->writer);
    free(t);
}

static void *ht_thread_begin(void *object)
{
    table *t = object;
    ck_epoch_record_t *record = ck_epoch_recycle(&t->epoch, NULL);
    if (record)
        return record;
    record = aligned_alloc(BENCH_LINE, (sizeof *record + BENCH_LINE - 1) / BENCH_LINE * BENCH_LINE);
    if (record)
        ck_epoch_register(&t->epoch, record, NULL);
    return record;
}

static void ht_thread_end(void *object, void *thread)
{
    (void)object;
    ck_epoch_barrier(thread);
    ck_epoch_unregister(thread);
}

/* ck_ht does not allow 0 and the largest integer as keys. */
static inline uintptr_t ht_key(uint64_t key)
{
    return (uintptr_t)key + 1;
}

static inline bool ht_find(table *t, uint64_t key, ck_ht_hash_t *hash, ck_ht_entry_t *entry)
{
    ck_ht_hash_direct(hash, &t->table, ht_key(key));
    ck_ht_entry_key_set_direct(entry, ht_key(key));
    return ck_ht_get_spmc(&t->table, *hash, entry);
}

BENCH_OP void *ht_get(void *object, void *thread, uint64_t key)
{
    ck_epoch_section_t section;
    ck_ht_hash_t hash;
    ck_ht_entry_t entry;
    ck_epoch_begin(thread, &section);
    bool found = ht_find(object, key, &hash, &entry);
    ck_epoch_end(thread, &section);
    return found ? (void *)ck_ht_entry_value_direct(&entry) : NULL;
}

static void ht_write_begin(table *t, void *thread)
{
    pthread_mutex_lock(&t->writer);
    writing = thread;
}

static void ht_write_end(table *t)
{
    bool deferred = writing->n_pending > 0;
    ck_epoch_record_t *record = writing;
    writing = NULL;
    pthread_mutex_unlock(&t->writer);
    if (deferred)
        ck_epoch_poll(record);
}

BENCH_OP bool ht_insert(void *object, void *thread, uint64_t key, void *value)
{
    table *t = object;
    ck_ht_hash_t hash;
    ck_ht_entry_t entry;
    ht_write_begin(t, thread);
    bool absent = !ht_find(t, key, &hash, &entry);
    if (absent) {
        ck_ht_entry_set_direct(&entry, hash, ht_key(key), (uintptr_t)value);
        absent = ck_ht_put_spmc(&t->table, hash, &entry);
    }
    ht_write_end(t);
    return absent;
}

BENCH_OP bool ht_remove(void *object, void *thread, uint64_t key)
{
    table *t = object;
    ck_ht_hash_t hash;
    ck_ht_entry_t entry;
    ht_write_begin(t, thread);
    ck_ht_hash_direct(&hash, &t->table, ht_key(key));
    ck_ht_entry_key_set_direct(&entry, ht_key(key));
    bool removed = ck_ht_remove_spmc(&t->table, hash, &entry);
    ht_write_end(t);
    return removed;
}

static size_t ht_size(void *object, void *thread)
{
    (void)thread;
    return ck_ht_count(&((table *)object)->table);
}

BENCH_MAP_LOOPS(ht, ht_get, ht_insert, ht_remove, ht_size);

const bench_impl bench_ck_ht = {
    .name = "ck-ht",
    .family = BENCH_MAP,
    .role = BENCH_PEER,
    .limits = "one writer",
    .note = "Concurrency Kit's ck_ht: writers take turns under a mutex, readers under ck_epoch",
    .broken =
        "version 0.7.1 puts a key twice into a tombstone (fixed later upstream); avoided here by a lookup before each put",
    .create = ht_create,
    .destroy = ht_destroy,
    .thread_begin = ht_thread_begin,
    .thread_end = ht_thread_end,
    .map = &ht_ops,
    .drive = ht_drive,
};
