/* For programs whose standard output is their result: it is an error if the result cannot be written. */
#ifndef WEFT_TOOLS_OUTPUT_H
#define WEFT_TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Call this first: it opens standard streams that are closed, so that no other file takes their place. Standard input
 * and output then fail; standard error discards.
 */
void output_begin(void);

/* Call this last: closes standard output. False: not all could be written; a message was printed on standard error. */
bool output_written(const char *program);

/* Closes a file that was written. False: not all could be written; errno may say why. */
bool output_close(FILE *file);

/*
 * A file that replaces `path` once it is complete, so that a full disk leaves the older file. A pipe, a terminal, or a
 * file in a directory that cannot be written is written in place.
 */
typedef struct output_file {
    FILE *stream;
    char *path, *temporary; /* NULL: it is written in place */
} output_file;

/* Whether a file could be written now; leaves nothing behind. False: errno says why. */
bool output_possible(const char *path);

/* False: errno says why. */
bool output_open(output_file *file, const char *path);

/*
 * Closes the file. False: not all could be written, errno may say why; the older file stays, unless it is written in
 * place.
 */
bool output_commit(output_file *file);

#endif
