/* Every named order, made weaker step by step: which case notices, or why none can. */
#ifndef WEFT_TESTS_CASES_SWEEP_H
#define WEFT_TESTS_CASES_SWEEP_H

#include "tests/cases/kernels.h"

/* -1: it is none. */
int sweep_order_of(const char *name);

/* The orders weaker than that one, strongest first; ends with -1. */
const int *sweep_weaker(int order);

/* The written reason why nothing can notice that weakening; NULL: none. */
const char *sweep_reason(const char *order, int to);

/* Runs a case with one order weaker. The heavy fence (HEAVY_FENCE) can only be taken away. */
void sweep_run(const kernel_case *c, size_t order, int to, const model_options *options, model_result *out);
extern const char sweep_heavy_fence[];

/* Whether that fails: some executions at random, some by priorities, some of the search or (deep) all. */
bool sweep_notices(const kernel_case *c, size_t order, int to, bool deep, model_result *out);

/* Prints a line for each; docs: as docs/orders.md. How many are neither noticed nor explained. */
size_t sweep_all(bool deep, bool docs);

#endif
