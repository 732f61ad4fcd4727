/*
 * The program with mutex-queue, mutex-stack and a chained table under one mutex. The hash is weft_map's own, so that
 * structures are compared and not hashes. Hashing, counting and allocation are done outside the lock.
 */
#include "bench/adapters/baselines/chained.h"
#include "bench/adapters/words/program.h"
#include "bench/measure/worker.h"

#include <weft/hashmap/split_map.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

extern const bench_impl bench_mutex_queue, bench_mutex_stack;

typedef struct table {
    _Alignas(BENCH_LINE) pthread_mutex_t lock;
    chained chained; /* keys are weft_bytes, values words */
} table;

static const weft_map_seed seed = {0x243f6a8885a308d3, 0x13198a2e03707344};

typedef struct entry {
    chained_node node;
    weft_bytes key;
    counted word; /* the text is behind it */
} entry;

static bool equal(const void *a, const void *b)
{
    const weft_bytes *x = a, *y = b;
    return x->size == y->size && memcmp(x->data, y->data, x->size) == 0;
}

static int map_create(void **map)
{
    table *t = aligned_alloc(BENCH_LINE, sizeof *t);
    if (!(*map = t))
        return -ENOMEM;
    pthread_mutex_init(&t->lock, NULL);
    if (chained_init(&t->chained, equal))
        return 0;
    free(t);
    *map = NULL;
    return -ENOMEM;
}

/* The node is an entry's first member: freeing it frees the entry. */
static void map_destroy(void *map)
{
    table *t = map;
    chained_clear(&t->chained);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static entry *entry_new(const char *text, size_t length, uint64_t hash)
{
    entry *e = malloc(sizeof *e + length);
    if (e) {
        e->word = counted_begin((char *)(e + 1), text, length);
        e->key = (weft_bytes){e->word.text, length};
        e->node = (chained_node){.hash = hash, .key = &e->key, .value = &e->word};
    }
    return e;
}

static bool map_count(void *map, const char *text, size_t length)
{
    table *t = map;
    weft_bytes key = {text, length};
    uint64_t hash = weft_map_hash_bytes(text, length, &seed);
    entry *made = NULL;
    pthread_mutex_lock(&t->lock);
    chained_node *node = *chained_find(&t->chained, hash, &key);
    pthread_mutex_unlock(&t->lock);
    if (!node) {
        if (!(made = entry_new(text, length, hash)))
            return false;
        pthread_mutex_lock(&t->lock);
        chained_node **place = chained_find(&t->chained, hash, &key);
        node = *place ? *place : &made->node;
        if (!*place)
            chained_link(&t->chained, place, node);
        pthread_mutex_unlock(&t->lock);
        if (node != &made->node)
            free(made);
    }
    __atomic_fetch_add(&((counted *)node->value)->count, 1, __ATOMIC_RELAXED);
    return true;
}

static void map_each(void *map, void (*visit)(const counted *w, void *ctx), void *ctx)
{
    chained *c = &((table *)map)->chained;
    for (size_t i = 0; i <= c->mask; i++)
        for (chained_node *node = c->buckets[i]; node; node = node->next)
            visit(node->value, ctx);
}

static const words_map_ops map_ops = {map_create, map_destroy, map_count, map_each};
static const words_parts mutex = {&bench_mutex_queue, &bench_mutex_stack, &map_ops};

WORDS_IMPL(
    bench_words_mutex, &mutex, .name = "mutex-map", .role = BENCH_BASELINE, .limits = "may wait",
    .note = "the same program over mutex-queue, mutex-stack and a chained table under one mutex, with weft-map's hash");
