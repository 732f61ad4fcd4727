/* The text that is counted: files, cut into chunks. A word belongs to the chunk in which it begins. */
#ifndef BENCH_WORDS_CORPUS_H
#define BENCH_WORDS_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { CORPUS_CHUNK = 32 << 10 };
#define CORPUS_MOST (UINT64_C(32) << 20) /* bytes of the default text */

typedef struct corpus_chunk {
    uint32_t file;
    uint64_t offset;
    uint32_t size;
} corpus_chunk;

typedef struct corpus_file {
    char *path;
    uint64_t size;
    struct timespec changed;
} corpus_file;

typedef struct corpus {
    corpus_file *file;
    size_t files, file_room;
    corpus_chunk *chunks;
    size_t chunk_count, chunk_room;
    uint64_t bytes;
} corpus;

/* 0, or -errno: the file cannot be read (-EISDIR: it is a directory), or no memory. */
int corpus_add(corpus *text, const char *path);

/* Adds the text files below a directory, in order of their names, up to CORPUS_MOST in all; skips unreadable ones. */
void corpus_add_tree(corpus *text, const char *directory);

/* The path of a file that has changed since it was added; NULL: there is none. */
const char *corpus_changed(const corpus *text);

void corpus_free(corpus *text);

/* A buffer that threads pass on: data[begin..end) has the words of one chunk. It grows for a longer word. */
typedef struct corpus_buffer {
    char *data;
    size_t room, begin, end;
} corpus_buffer;

/* 0, or -errno. */
int corpus_read(const corpus *text, size_t chunk, corpus_buffer *buffer);

/* The lower case of a letter, 0 for other characters. */
extern const unsigned char corpus_letter[256];

/* The next word in [*at, end), lower-cased in place, or NULL; *length becomes its length, and *at moves behind it. */
static inline char *corpus_next(char **at, char *end, size_t *length)
{
    char *p = *at;
    while (p < end && !corpus_letter[(unsigned char)*p])
        p++;
    char *word = p;
    for (unsigned char lower; p < end && (lower = corpus_letter[(unsigned char)*p]) != 0; p++)
        *p = (char)lower;
    *at = p;
    *length = (size_t)(p - word);
    return p > word ? word : NULL;
}

#endif
