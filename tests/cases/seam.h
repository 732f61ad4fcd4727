/* The machine's seam for Weft, with its named orders and the settings that cases choose. */
#ifndef WEFT_TESTS_CASES_SEAM_H
#define WEFT_TESTS_CASES_SEAM_H

#include "check/model/seam.h"
#include "tests/cases/orders.h"

/* For base/defs.h and reclaim/cache.c: whether nodes go back to the allocator at once. */
bool model_gives_back(void);
#define MODEL_GIVES_BACK model_gives_back()

/* How long scans wait for threads to pass a fence before they interrupt them. */
size_t model_patience(void);
#define WEFT_PATIENCE model_patience()

/* Segments of two cells; and no backoff and no second looks, which would only add steps. */
#define WEFT_SEGMENT_CELLS 2
#define WEFT_SEGQ_LOOKS 0

/*
 * Two cells; indices that wrap after two elements; an array that is halved after the deque was empty twice; pops that are
 * hasty again after one that was careful.
 */
#define WEFT_DEQUE_CELLS 2
#define WEFT_DEQUE_FIRST ((size_t)-2)
#define WEFT_DEQUE_QUIET 2
#define WEFT_DEQUE_CALM 0
#define weft_i_backoff_wait(backoff, pace) ((void)(backoff), (void)(pace))
#define weft_i_backoff_over(backoff, pace) ((void)(backoff), (void)(pace))

/* One spare slot, which is claimed for good, or all; positions that wrap after the first lap. */
size_t model_spares(void);
#define WEFT_RING_SPARES model_spares()
#define WEFT_RING_FIRST ((size_t)-1)

#endif
