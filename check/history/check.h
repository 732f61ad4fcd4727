/*
 * Is a history linearizable (M. Herlihy, J. Wing, TOPLAS 1990)? Queue, stack and map have a checker each, for long
 * histories. A search decides short histories of any sequential specification; the checkers are tested against it.
 */
#ifndef WEFT_CHECK_HISTORY_CHECK_H
#define WEFT_CHECK_HISTORY_CHECK_H

#include "check/history/history.h"

typedef enum lin_verdict { LIN_LINEARIZABLE, LIN_VIOLATION, LIN_UNDECIDED, LIN_NO_MEMORY } lin_verdict;

typedef struct lin_finding {
    lin_verdict verdict;
    char why[400];      /* of a violation, or of "undecided" */
    lin_history window; /* operations that cannot be ordered even by themselves; the caller frees it */
} lin_finding;

/*
 * Queue with distinct values: looks for the four patterns of T. Henzinger, A. Sezgin, V. Vafeiadis, "Aspect-Oriented
 * Linearizability Proofs", CONCUR 2013, theorem 3, by sorting. O(n log n).
 */
void lin_check_queue(const lin_history *history, lin_finding *out);

/* Stack with distinct values: finds the value at the bottom and removes it, again and again; see lifo.c. */
void lin_check_stack(const lin_history *history, lin_finding *out);

/*
 * Map, each key by itself (locality: Herlihy and Wing 1990, theorem 1): just-in-time linearization as in G. Lowe,
 * "Testing for Linearizability", Concurrency and Computation 29(4), 2017. Linear in the length, exponential in the
 * number of operations on one key that are open at once. More than 65,536 configurations at one point: undecided.
 */
void lin_check_map(const lin_history *history, lin_finding *out);

/* LIN_RING: undecided, since its capacity is not in its history; see lin_check_searched. */
void lin_check(const lin_history *history, lin_type type, lin_finding *out);

/* ---- any sequential specification ---- */

typedef enum lin_step { LIN_NO, LIN_YES, LIN_TOO_BIG } lin_step;

/* A state has `size` bytes; states are equal if their bytes are. `step` does the operation if the answer fits. */
typedef struct lin_spec {
    const char *name;
    size_t size;
    void (*init)(void *state, size_t parameter);
    lin_step (*step)(void *state, const lin_operation *op);
    size_t parameter;
} lin_spec;

extern const lin_spec lin_queue_spec, lin_stack_spec, lin_map_spec, lin_deque_spec, lin_channel_spec;
lin_spec lin_ring_spec(size_t capacity);
/* A ring that may answer at any time that it is full (lax: LIN_TRY_ENQUEUE), or that it is empty (LIN_TRY_DEQUEUE). */
lin_spec lin_lax_ring_spec(size_t capacity, lin_kind lax);

/* One key of a map: does the operation if the answer fits. */
bool lin_map_key_step(bool *there, int64_t *value, const lin_operation *op);

/*
 * J. Wing, C. Gong, "Testing and Verifying Concurrent Objects", JPDC 17, 1993, with G. Lowe's memoisation (2017).
 * Exponential. Undecided when its memory would exceed `most_bytes`.
 */
lin_verdict lin_search(const lin_history *history, const lin_spec *spec, size_t most_bytes);

/* Decides by the search alone, within 256 MiB. The window is the whole history. */
void lin_check_searched(const lin_history *history, const lin_spec *spec, lin_finding *out);

/* Removes operations from the window while it stays a violation (A. Zeller's ddmin, TSE 28(2), 2002). */
void lin_shrink(lin_finding *finding, lin_type type);

/* For the checkers: a verdict with its reason; an operation for the window. */
void lin_find(lin_finding *out, lin_verdict verdict, const char *format, ...) __attribute__((format(printf, 3, 4)));
void lin_show(lin_finding *out, const lin_history *history, size_t index);

#endif
