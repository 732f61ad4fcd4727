/*
 * Counts words with one thread, file by file, without the program's parts: the program's results are compared with
 * this.
 */
#ifndef BENCH_WORDS_REFERENCE_H
#define BENCH_WORDS_REFERENCE_H

#include "bench/adapters/words/program.h"

typedef struct words_reference words_reference;

/* 0, or -errno; *path is the file that failed. */
int words_reference_create(words_reference **out, const corpus *text, const char **path);
void words_reference_destroy(words_reference *reference);

uint64_t words_reference_total(const words_reference *reference);
uint64_t words_reference_distinct(const words_reference *reference);

/* Compares with the program's counts, word by word. False, and why in `fault`: they differ. */
bool words_reference_check(words_reference *reference, words_program *program, uint64_t total, char *fault,
                           size_t size);

#endif
