/* For programs whose standard output is their result: a result that nobody got is none. */
#ifndef WEFT_TOOLS_OUTPUT_H
#define WEFT_TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/* First of all: what is closed of the standard streams becomes one that fails, or the next file opened would take its place. */
void output_begin(void);

/* Last of all: closes standard output. False, having said so on standard error: not all of it could be written. */
bool output_written(const char *program);

/* Closes a file that was written; false: not all of it could be, errno may say why. */
bool output_close(FILE *file);

/*
 * A file that takes the place of `path` once it is whole, so that a full disk leaves the older one. What is no regular file (a pipe,
 * a terminal) is written as it is, and so is a file in a directory that cannot be written.
 */
typedef struct output_file {
    FILE *stream;
    char *path, *temporary; /* NULL: it is written in place */
} output_file;

/* Whether it could be written now; leaves nothing behind. False: errno says why. */
bool output_possible(const char *path);

/* False: errno says why. */
bool output_open(output_file *file, const char *path);

/* Closes it. False: not all of it could be written, errno may say why; the older file is as it was. */
bool output_commit(output_file *file);

#endif
