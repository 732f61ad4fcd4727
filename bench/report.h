/* The output: tables for people, one JSON object for programs. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench/machine.h"
#include "bench/suite.h"

#include <stdio.h>

void bench_print_machine(FILE *out, const bench_machine *machine, const bench_suite *suite);

/* The tables of the rows from `first` on. */
void bench_print_tables(FILE *out, const bench_suite *suite, size_t first);

/* False: could not be written. */
bool bench_write_json(FILE *out, const bench_machine *machine, const bench_suite *suite);

#endif
