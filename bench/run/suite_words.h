/* The words family. */
#ifndef BENCH_SUITE_WORDS_H
#define BENCH_SUITE_WORDS_H

#include "bench/run/suite.h"

void bench_suite_words(bench_suite *suite);

/* The files named, or the default text. False: one cannot be read; a message was printed. */
bool bench_suite_words_text(const bench_options *options, corpus *text);

#endif
