/*
 * The program: threads count the words of a text in one map. Each thread repeatedly takes a filled buffer from the
 * queue, counts its words and pushes the buffer on the stack; if the queue is empty, it pops an empty buffer from the
 * stack, reads the next chunk into it and enqueues it. Queue, stack and map are parameters.
 */
#ifndef BENCH_WORDS_PROGRAM_H
#define BENCH_WORDS_PROGRAM_H

#include "bench/measure/adapter.h"
#include "bench/adapters/words/corpus.h"

#include <string.h>

/* A word and its count: a part of a map's entry, which has the text behind it and lives as long as the map. */
typedef struct counted {
    uint64_t count; /* incremented atomically */
    size_t length;
    const char *text;
} counted;

/* Copies the text to `room`. */
static inline counted counted_begin(char *room, const char *text, size_t length)
{
    memcpy(room, text, length);
    return (counted){.length = length, .text = room};
}

typedef struct words_map_ops {
    int (*create)(void **map);
    void (*destroy)(void *map);
    bool (*count)(void *map, const char *text, size_t length); /* counts this word once; false: no memory */
    void (*each)(void *map, void (*visit)(const counted *w, void *ctx), void *ctx); /* while no thread counts */
} words_map_ops;

typedef struct words_parts {
    const bench_impl *queue, *stack;
    const words_map_ops *map;
} words_parts;

typedef struct words_program words_program;

/* The implementations of family `words` create and destroy one; the text is set before the threads begin. */
int words_program_create(words_program **out, const words_parts *parts, unsigned threads);
void words_program_destroy(void *program);
void *words_program_thread_begin(void *program);
void words_program_thread_end(void *program, void *thread);
void words_program_drive(bench_worker *worker);

void words_program_read(words_program *program, const corpus *text);
int words_program_error(const words_program *program); /* 0, or what went wrong reading: -errno */
void words_program_each(words_program *program, void (*visit)(const counted *w, void *ctx), void *ctx);

/* Defines an implementation of the family: WORDS_IMPL(prefix, &parts, .name = ...). */
#define WORDS_IMPL(prefix, parts, ...)                                                                                 \
    static int prefix##_create(void **out, const bench_setup *setup)                                                   \
    {                                                                                                                  \
        return words_program_create((words_program **)out, parts, setup->threads);                                     \
    }                                                                                                                  \
    const bench_impl prefix = {.family = BENCH_WORDS,                                                                  \
                               .create = prefix##_create,                                                              \
                               .destroy = words_program_destroy,                                                       \
                               .thread_begin = words_program_thread_begin,                                             \
                               .thread_end = words_program_thread_end,                                                 \
                               .drive = words_program_drive,                                                           \
                               __VA_ARGS__}

#endif
