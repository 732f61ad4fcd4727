/* The program with weft-msq, weft-treiber and weft_map with its ready-made byte strings, under each scheme. */
#include "bench/adapters/weft/domain.h"
#include "bench/adapters/words/program.h"

#include <weft/hashmap/split_map.h>

extern const bench_impl bench_weft_msq_hazard, bench_weft_msq_epoch, bench_weft_treiber_hazard,
    bench_weft_treiber_epoch;

/* The map's value; its key is inside it. */
typedef struct entry {
    weft_bytes key;
    counted word; /* the text is behind it */
} entry;

static int map_structure(void **structure, weft_domain *domain)
{
    return weft_map_create((weft_map **)structure, domain, &weft_map_byte_strings);
}

static int hazard_create(void **map)
{
    return weft_object_create(map, WEFT_HAZARD, map_structure);
}

static int epoch_create(void **map)
{
    return weft_object_create(map, WEFT_EPOCH, map_structure);
}

static void free_entry(void *key, void *value, void *ctx)
{
    (void)key;
    (void)ctx;
    free(value);
}

static void map_destroy(void *map)
{
    weft_map_destroy(((weft_object *)map)->structure, free_entry, NULL);
    weft_object_destroy(map);
}

static entry *entry_new(const char *text, size_t length)
{
    entry *e = malloc(sizeof *e + length);
    if (e) {
        e->word = counted_begin((char *)(e + 1), text, length);
        e->key = (weft_bytes){e->word.text, length};
    }
    return e;
}

/* Needs no guard: entries are never removed while words are counted. */
static bool map_count(void *map, const char *text, size_t length)
{
    weft_map *m = ((weft_object *)map)->structure;
    weft_bytes key = {text, length};
    entry *e = weft_map_get(m, NULL, &key);
    if (!e) {
        entry *made = entry_new(text, length);
        void *present = NULL;
        if (!made)
            return false;
        int there = weft_map_get_or_insert(m, NULL, &made->key, made, &present);
        if (there != 0)
            free(made);
        if (there < 0)
            return false;
        e = present;
    }
    __atomic_fetch_add(&e->word.count, 1, __ATOMIC_RELAXED);
    return true;
}

static void map_each(void *map, void (*visit)(const counted *w, void *ctx), void *ctx)
{
    weft_map_iterator it;
    void *value;
    weft_map_iterate(&it, ((weft_object *)map)->structure);
    while (weft_map_next(&it, NULL, &value))
        visit(&((entry *)value)->word, ctx);
    weft_map_iterate_end(&it);
}

static const words_map_ops hazard_map = {hazard_create, map_destroy, map_count, map_each};
static const words_map_ops epoch_map = {epoch_create, map_destroy, map_count, map_each};
static const words_parts hazard = {&bench_weft_msq_hazard, &bench_weft_treiber_hazard, &hazard_map};
static const words_parts epoch = {&bench_weft_msq_epoch, &bench_weft_treiber_epoch, &epoch_map};

WORDS_IMPL(bench_words_weft_hazard, &hazard, .name = "weft-map", .scheme = "hazard", .role = BENCH_WEFT,
           .note = "the whole program over weft-msq, weft-treiber and weft-map");
WORDS_IMPL(bench_words_weft_epoch, &epoch, .name = "weft-map", .scheme = "epoch", .role = BENCH_WEFT,
           .note = "the whole program over weft-msq, weft-treiber and weft-map");
