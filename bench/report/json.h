/* Writes a run as a JSON object: machine, probes and rows; and reads it, to resume the run. */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include "bench/machine/machine.h"
#include "bench/run/suite.h"

#include <stdio.h>

/* False: it could not be written. */
bool bench_json_write(FILE *out, const bench_machine *machine, const bench_suite *suite, bool interrupted);

/*
 * Adds the rows of an interrupted run. False: the file has no such run, or one of another machine, build or command; a
 * message was printed.
 */
bool bench_json_resume(const char *path, const bench_machine *machine, bench_suite *suite);

#endif
