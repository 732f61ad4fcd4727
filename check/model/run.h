/* private. The executions of a case. */
#ifndef WEFT_CHECK_MODEL_RUN_H
#define WEFT_CHECK_MODEL_RUN_H

#include "check/model/state.h"

void m_explore(const model_case *c, const model_options *options, model_result *out);

#endif
