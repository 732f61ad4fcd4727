/*
 * Is a history linearizable (M. Herlihy, J. Wing, TOPLAS 1990)? One checker per type decides long histories; a search
 * for any sequential specification decides short ones, and the others are tested against it.
 */
#ifndef WEFT_CHECK_HISTORY_CHECK_H
#define WEFT_CHECK_HISTORY_CHECK_H

#include "check/history/history.h"

typedef enum lin_verdict { LIN_LINEARIZABLE, LIN_VIOLATION, LIN_UNDECIDED, LIN_NO_MEMORY } lin_verdict;

typedef struct lin_finding {
    lin_verdict verdict;
    char why[400];      /* of a violation, or of "undecided" */
    lin_history window; /* operations that cannot be ordered, taken alone; the caller frees it */
} lin_finding;

/*
 * Queue, values enqueued distinct: the four patterns of T. Henzinger, A. Sezgin, V. Vafeiadis, "Aspect-Oriented
 * Linearizability Proofs", CONCUR 2013, theorem 3, found by sorting: O(n log n).
 */
void lin_check_queue(const lin_history *history, lin_finding *out);

/* Stack, values pushed distinct: who lies at the bottom is decided and taken away, again and again; see lifo.c. */
void lin_check_stack(const lin_history *history, lin_finding *out);

/*
 * Map, each key alone (locality, Herlihy and Wing 1990, theorem 1): G. Lowe, "Testing for Linearizability", Concurrency
 * and Computation 29(4), 2017, section on just-in-time linearization. Linear in the length, exponential in how many
 * operations on one key are open at once; more than 65,536 configurations at one point: undecided.
 */
void lin_check_map(const lin_history *history, lin_finding *out);

/* LIN_RING: undecided, since its capacity is not in its history; see lin_check_searched. */
void lin_check(const lin_history *history, lin_type type, lin_finding *out);

/* ---- any sequential specification ---- */

typedef enum lin_step { LIN_NO, LIN_YES, LIN_TOO_BIG } lin_step;

/* A state is `size` bytes, equal if they are; `step` does the operation on it, if it would have answered so. */
typedef struct lin_spec {
    const char *name;
    size_t size;
    void (*init)(void *state, size_t parameter);
    lin_step (*step)(void *state, const lin_operation *op);
    size_t parameter;
} lin_spec;

extern const lin_spec lin_queue_spec, lin_stack_spec, lin_map_spec, lin_deque_spec, lin_channel_spec;
lin_spec lin_ring_spec(size_t capacity);

/* One key of a map: does the operation, if it would have answered so. */
bool lin_map_key_step(bool *there, int64_t *value, const lin_operation *op);

/*
 * J. Wing, C. Gong, "Testing and Verifying Concurrent Objects", JPDC 17, 1993, with G. Lowe's memoisation (2017).
 * Exponential; gives up as undecided when what it remembers takes more than `most_bytes`.
 */
lin_verdict lin_search(const lin_history *history, const lin_spec *spec, size_t most_bytes);

/* By the search alone, within 256 MiB; the window is the whole history. */
void lin_check_searched(const lin_history *history, const lin_spec *spec, lin_finding *out);

/* Takes operations out of the window as long as it stays a violation (A. Zeller's ddmin, TSE 28(2), 2002). */
void lin_shrink(lin_finding *finding, lin_type type);

/* For the checkers' files: a verdict with its reason. */
void lin_find(lin_finding *out, lin_verdict verdict, const char *format, ...) __attribute__((format(printf, 3, 4)));
void lin_show(lin_finding *out, const lin_history *history, size_t index);

#endif
