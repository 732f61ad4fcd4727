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

#endif
