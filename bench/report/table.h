/* The tables. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "bench/machine/machine.h"
#include "bench/run/suite.h"

#include <stdio.h>

void bench_print_machine(FILE *out, const bench_machine *machine, const bench_suite *suite);

/* Limits, note and known fault of an implementation, on the rest of a line. */
void bench_print_note(FILE *out, const bench_impl *impl);

/* The tables of the rows of a family. */
void bench_print_tables(FILE *out, const bench_suite *suite, bench_family family);

#endif
