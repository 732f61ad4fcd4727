/*
 * What each client did in which order. It does one thing at a time, so where the clock is too coarse to show that one of its
 * operations returned before the next was called (they touch: both at one time), the first still comes first; operations of
 * different clients that touch are concurrent. Where at each moment one client at most touches itself, times can say so: that
 * moment is taken apart. Where two do, no times can (a before c, b before d, and nothing else, is no order of intervals).
 */
#ifndef WEFT_CHECK_HISTORY_ORDER_H
#define WEFT_CHECK_HISTORY_ORDER_H

#include "check/history/history.h"

#define LIN_NONE SIZE_MAX

/* Of each operation of a history: */
typedef struct lin_program {
    size_t *previous; /* the one of its client before it, if they touch, or LIN_NONE */
    size_t *order;    /* of them all: client by client, as each did them; and where each operation stands there */
    size_t *place;
    uint16_t *turn; /* after how many that took no time, then */
    bool *followed; /* it is somebody's previous */
    bool touching;  /* there is such a thing */
} lin_program;

/* Equal times of one client go by `turn`, and then as they stand. False: out of memory. */
bool lin_program_make(const lin_history *history, lin_program *out);
void lin_program_free(lin_program *program);

/* Where several clients touch themselves at one moment: one after another, either way round; or one of them does it in turn, and the
   others need not. Numbers from LIN_LOOSE on choose that one in as many ways. */
typedef enum lin_tie { LIN_UP, LIN_DOWN, LIN_LOOSE } lin_tie;

typedef struct lin_timed {
    lin_history history; /* its times are places in a list of those that were written */
    uint64_t *written;
    size_t tie
        [2]; /* two operations of clients that touch themselves at one time; LIN_NONE: there are none, and the times are exact */
} lin_timed;

/* The history with times that keep each client's order, loosely: where they can. False: out of memory. */
bool lin_timed_make(const lin_history *history, const lin_program *program, unsigned tie, lin_timed *out);
void lin_timed_free(lin_timed *timed);

#endif
