/*
 * The order of each client's own operations. A client does one thing at a time. So if a clock is too coarse to show
 * that one of its operations returned before the next was called (they touch: both happen at one time), the first
 * still comes first. Operations of different clients that touch are concurrent. If at each time the operations of at
 * most one client touch, other times can express its order: that time is split. If those of two clients do, no times
 * can ("a before c, b before d, and nothing else" is no interval order).
 */
#ifndef WEFT_CHECK_HISTORY_ORDER_H
#define WEFT_CHECK_HISTORY_ORDER_H

#include "check/history/history.h"

#define LIN_NONE SIZE_MAX

/* Per operation of a history: */
typedef struct lin_program {
    size_t *previous; /* its client's operation before it if they touch, or LIN_NONE */
    size_t *order;    /* all operations, client by client, as each did them */
    size_t *place;    /* the operation's index in `order` */
    uint16_t *turn;   /* its number in a row of touching operations that took no time, or 0 */
    bool *followed;   /* it is another one's `previous` */
    bool touching;    /* for the history: any operation has a `previous` */
} lin_program;

/* A client's operations with equal times are ordered by `turn`, and then by their places. False: out of memory. */
bool lin_program_make(const lin_history *history, lin_program *out);
void lin_program_free(lin_program *program);

/*
 * How to choose times if the operations of several clients touch at one time. LIN_UP and LIN_DOWN keep too much: one
 * client comes after another. LIN_LOOSE and higher numbers keep too little: one client's order, which the number
 * draws.
 */
typedef enum lin_tie { LIN_UP, LIN_DOWN, LIN_LOOSE } lin_tie;

typedef struct lin_timed {
    lin_history history; /* its times are indexes into `written`, the recorded times */
    uint64_t *written;
    size_t tie[2]; /* operations of two clients whose own operations touch at one time; LIN_NONE: the times are exact */
} lin_timed;

/* The history with times that keep each client's order, as far as they can. False: out of memory. */
bool lin_timed_make(const lin_history *history, const lin_program *program, unsigned tie, lin_timed *out);
void lin_timed_free(lin_timed *timed);

#endif
