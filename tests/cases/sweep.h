/* Weakens every named order step by step: which case notices, or why none can. */
#ifndef WEFT_TESTS_CASES_SWEEP_H
#define WEFT_TESTS_CASES_SWEEP_H

#include "tests/cases/kernels.h"

/* -1: there is no such order. */
int sweep_order_of(const char *name);

/* The orders weaker than that one, strongest first; ends with -1. */
const int *sweep_weaker(int order);

/* The reason why no case can notice that weakening. NULL: there is none. */
const char *sweep_reason(const char *order, int to);

/* Runs a case with one order weakened. The heavy fence (HEAVY_FENCE) can only be removed. */
void sweep_run(const kernel_case *c, size_t order, int to, const model_options *options, model_result *out);
extern const char sweep_heavy_fence[];

/*
 * Whether the case fails then, in some executions at random, some by priorities, and some of the search, or (deep)
 * all.
 */
bool sweep_notices(const kernel_case *c, size_t order, int to, bool deep, model_result *out);

/* Prints a line for each; docs: as docs/orders.md. Returns the number of those neither noticed nor explained. */
size_t sweep_all(bool deep, bool docs);

#endif
