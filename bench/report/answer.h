/* The closing lines. */
#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H

#include "bench/result/rows.h"

#include <stdio.h>

/* Two lines per family: which implementation is fastest, beside the best of the others, and where Weft is behind. */
void bench_print_answers(FILE *out, const bench_rows *rows);

#endif
