/* Rows as JSON objects. */
#ifndef BENCH_FIELDS_H
#define BENCH_FIELDS_H

#include "bench/result/rows.h"

#include <jansson.h>

/* New references. Null stands for values that were not measured: 0, infinity, "". */
json_t *bench_json_real(double value);
json_t *bench_json_text(const char *value);
json_t *bench_json_row(const bench_row *row);

/* False: it is not a row of this program. */
bool bench_json_get_row(const json_t *object, bench_what what, bench_row *row);

#endif
