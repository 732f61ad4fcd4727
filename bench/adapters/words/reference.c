#include "bench/adapters/words/reference.h"

#include "bench/adapters/baselines/chained.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct words_reference {
    chained table; /* key and value of a node are its entry's word */
    uint64_t total;
};

static uint64_t hash_of(const char *text, size_t length)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

static bool equal(const void *a, const void *b)
{
    const counted *x = a, *y = b;
    return x->length == y->length && memcmp(x->text, y->text, x->length) == 0;
}

typedef struct entry {
    chained_node node; /* first: freeing it frees the entry */
    counted word;
} entry;

static bool count(words_reference *r, const char *text, size_t length)
{
    uint64_t hash = hash_of(text, length);
    counted sought = {.length = length, .text = text};
    chained_node **place = chained_find(&r->table, hash, &sought), *node = *place;
    if (!node) {
        entry *made = malloc(sizeof *made + length);
        if (!made)
            return false;
        made->word = counted_begin((char *)(made + 1), text, length);
        node = &made->node;
        *node = (chained_node){.hash = hash, .key = &made->word, .value = &made->word};
        chained_link(&r->table, place, node);
    }
    ((counted *)node->value)->count++;
    r->total++;
    return true;
}

/* Reads the whole file at once, so there are no chunks. */
static int count_file(words_reference *r, const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0, room = 0, got;
    int error = file ? 0 : -errno;
    while (error == 0) {
        if (size == room) {
            char *more = realloc(text, room = room * 2 + 65536);
            if (!more) {
                error = -ENOMEM;
                break;
            }
            text = more;
        }
        if ((got = fread(text + size, 1, room - size, file)) == 0)
            break;
        size += got;
    }
    if (error == 0 && ferror(file))
        error = -EIO;
    size_t length;
    char *at = text, *w;
    while (error == 0 && size > 0 && (w = corpus_next(&at, text + size, &length)))
        if (!count(r, w, length))
            error = -ENOMEM;
    free(text);
    if (file)
        fclose(file);
    return error;
}

int words_reference_create(words_reference **out, const corpus *text, const char **path)
{
    words_reference *r = calloc(1, sizeof *r);
    int error = r && chained_init(&r->table, equal) ? 0 : -ENOMEM;
    *path = "";
    for (size_t i = 0; i < text->files && error == 0; i++)
        error = count_file(r, *path = text->file[i].path);
    *out = r;
    if (error != 0) {
        words_reference_destroy(r);
        *out = NULL;
    }
    return error;
}

void words_reference_destroy(words_reference *reference)
{
    if (!reference)
        return;
    if (reference->table.buckets)
        chained_clear(&reference->table);
    free(reference);
}

uint64_t words_reference_total(const words_reference *reference)
{
    return reference->total;
}

uint64_t words_reference_distinct(const words_reference *reference)
{
    return reference->table.size;
}

typedef struct comparison {
    words_reference *reference;
    uint64_t words, total, wrong;
} comparison;

static void compare(const counted *w, void *ctx)
{
    comparison *c = ctx;
    chained_node *node = *chained_find(&c->reference->table, hash_of(w->text, w->length), w);
    c->words++;
    c->total += w->count;
    c->wrong += !node || ((counted *)node->value)->count != w->count;
}

bool words_reference_check(words_reference *reference, words_program *program, uint64_t total, char *fault, size_t size)
{
    comparison c = {.reference = reference};
    words_program_each(program, compare, &c);
    if (c.wrong == 0 && c.words == reference->table.size && c.total == reference->total && total == reference->total)
        return true;
    snprintf(fault, size,
             "counted %" PRIu64 " words, %" PRIu64 " different, of which %" PRIu64
             " wrongly; one thread alone finds %" PRIu64 " and %zu",
             c.total, c.words, c.wrong, reference->total, reference->table.size);
    return false;
}
