/* A count by one thread, file by file, with none of the program's parts: what its totals are compared with. */
#ifndef BENCH_WORDS_REFERENCE_H
#define BENCH_WORDS_REFERENCE_H

#include "bench/adapters/words/program.h"

typedef struct words_reference words_reference;

/* 0, or -errno; *path is the file at fault. */
int words_reference_create(words_reference **out, const corpus *text, const char **path);
void words_reference_destroy(words_reference *reference);

uint64_t words_reference_total(const words_reference *reference);
uint64_t words_reference_distinct(const words_reference *reference);

/* What the program counted, word by word. False, and why: it differs. */
bool words_reference_check(words_reference *reference, words_program *program, uint64_t total, char *fault,
                           size_t size);

#endif
