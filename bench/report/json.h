/* The JSON object of a run: machine, probes and rows, written and, to go on with it, read again. */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include "bench/machine/machine.h"
#include "bench/run/suite.h"

#include <stdio.h>

/* False: it could not be written. */
bool bench_json_write(FILE *out, const bench_machine *machine, const bench_suite *suite, bool interrupted);

/* Adds the rows of a run that was interrupted. False, having said so: it is no such file, or of another machine, build or command. */
bool bench_json_resume(const char *path, const bench_machine *machine, bench_suite *suite);

#endif
