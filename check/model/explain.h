/*
 * What the threads of a case have done to a structure, and whether some order of it, one that keeps happens-before,
 * explains all answers. The machine's clocks tell what happened before what, not the order in which it ran the steps.
 */
#ifndef WEFT_CHECK_MODEL_EXPLAIN_H
#define WEFT_CHECK_MODEL_EXPLAIN_H

#include "check/history/check.h"

/* Once, before model_explore: the memory that the machine must not put back between executions. */
void model_explain_prepare(void);

/* Within a case: an operation that begins now; its answer. At most 64 in an execution. */
lin_operation *model_begin(lin_kind kind, int64_t key, int64_t value);
void model_end(lin_operation *op, lin_result got, int64_t result);

/* At the end of a case: fails the execution where no order explains what was done. */
void model_explain(const lin_spec *spec);

#endif
