/*
 * Records what the threads of a case do to a structure, and checks whether some order of these operations keeps
 * happens-before and explains all answers. Happens-before comes from the machine's clocks, not from the order in which
 * the machine ran the steps.
 */
#ifndef WEFT_CHECK_MODEL_EXPLAIN_H
#define WEFT_CHECK_MODEL_EXPLAIN_H

#include "check/history/check.h"

/* Call it once, before model_explore: it allocates the memory that outlives an execution. */
void model_explain_prepare(void);

/* Within a case: an operation begins; it ends with its answer. At most 64 operations in an execution. */
lin_operation *model_begin(lin_kind kind, int64_t key, int64_t value);
void model_end(lin_operation *op, lin_result got, int64_t result);
/* It has not happened after all. */
void model_drop(lin_operation *op);

/* At the end of a case: fails the execution if no order explains the answers. */
void model_explain(const lin_spec *spec);

#endif
