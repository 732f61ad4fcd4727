/* The machine's seam for Weft: with its named orders, and what its cases choose. */
#ifndef WEFT_TESTS_CASES_SEAM_H
#define WEFT_TESTS_CASES_SEAM_H

#include "check/model/seam.h"
#include "tests/cases/orders.h"

/* Read by base/defs.h and reclaim/cache.c: whether nodes go back to the allocator at once. */
bool model_gives_back(void);
#define MODEL_GIVES_BACK model_gives_back()

/* Whether threads are asked before they are interrupted, and how often. */
size_t model_patience(void);
#define WEFT_PATIENCE model_patience()

/* After a lost race there is nothing to wait for. */
#define weft_i_backoff_wait(backoff) ((void)(backoff))

#endif
