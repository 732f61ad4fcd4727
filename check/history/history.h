/*
 * A history: what real threads called and what they got, with the time of each call and return. One operation precedes
 * another if it returned before the other was called, or if the same client did it earlier. All others are concurrent,
 * also if one returns at the time at which the other is called.
 */
#ifndef WEFT_CHECK_HISTORY_HISTORY_H
#define WEFT_CHECK_HISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum lin_kind {
    LIN_ENQUEUE,
    LIN_DEQUEUE,
    LIN_PUSH,
    LIN_POP,
    LIN_GET,
    LIN_INSERT,
    LIN_PUT,
    LIN_REMOVE,
    LIN_GET_OR_INSERT, /* the value that was there; null: inserted */
    LIN_REPLACE,       /* true if the expected value was there; null: absent */
    LIN_REMOVE_IF,     /* likewise; `value` is the expected one */
    LIN_MAP_KINDS,
    LIN_TRY_ENQUEUE = LIN_MAP_KINDS, /* false: full */
    LIN_TRY_DEQUEUE,
    LIN_FORCE_ENQUEUE, /* the value that made room, perhaps its own; null: there was room */
    LIN_RESERVE,       /* a place; false: full */
    LIN_COMMIT,        /* puts a value, for which there is a reserved place */
    LIN_HOLD,          /* a dequeue that keeps the place */
    LIN_RELEASE,       /* a place is no longer reserved, or kept */
    LIN_PUSH_BOTTOM,   /* the owner's */
    LIN_POP_BOTTOM,
    LIN_STEAL,
    LIN_SEND,    /* false: closed */
    LIN_RECEIVE, /* null: closed and empty */
    LIN_CLOSE,
    LIN_KINDS
} lin_kind;

/* NOTHING: null. */
typedef enum lin_result { LIN_NOTHING, LIN_VALUE, LIN_FALSE, LIN_TRUE } lin_result;

#define LIN_NEVER UINT64_MAX /* the time of a return that never came: the operation may or may not have happened */

typedef struct lin_operation {
    uint64_t call, ret;
    int64_t key;    /* maps */
    int64_t value;  /* the argument */
    int64_t result; /* if `got` is LIN_VALUE; for LIN_REPLACE, the expected value */
    uint32_t client;
    uint8_t kind;  /* lin_kind */
    uint8_t got;   /* lin_result; no meaning if `ret` is LIN_NEVER */
    uint16_t turn; /* orders a client's operations that took no time, at one time; if equal, their places do */
} lin_operation;

typedef struct lin_history {
    lin_operation *op;
    size_t count, room;
    const uint64_t *written; /* NULL, or the recorded times: then the history's times are indexes into it (order.h) */
} lin_history;

/* The time that was recorded. */
static inline uint64_t lin_recorded(const lin_history *history, uint64_t time)
{
    return history->written && time != LIN_NEVER ? history->written[time] : time;
}

/* False: out of memory, nothing added. */
bool lin_add(lin_history *history, lin_operation op);
void lin_free(lin_history *history);

/* Only the search decides the last three. */
typedef enum lin_type { LIN_QUEUE, LIN_STACK, LIN_MAP, LIN_RING, LIN_DEQUE, LIN_CHANNEL, LIN_TYPES } lin_type;

const char *lin_type_name(lin_type type);

/* An operation's arguments and answer. */
typedef enum lin_argument {
    LIN_TAKES_NOTHING,
    LIN_TAKES_VALUE,
    LIN_TAKES_KEY,
    LIN_TAKES_PAIR,
    LIN_TAKES_TRIPLE
} lin_argument;
typedef enum lin_answer { LIN_GIVES_NOTHING, LIN_GIVES_VALUE, LIN_GIVES_TRUTH, LIN_GIVES_MAYBE } lin_answer;

typedef struct lin_form {
    const char *name;
    lin_type type;
    lin_argument argument;
    lin_answer answer; /* MAYBE: true, false or null */
} lin_form;

extern const lin_form lin_forms[LIN_KINDS];

/*
 * JSON lines, one operation each: {"client":0,"op":"enqueue","arg":5,"ret":null,"call":123,"return":456}. Reads the
 * whole stream as operations of this type. False: bad input; `error` says which line, and what was expected there.
 */
bool lin_read(FILE *in, const char *name, lin_type type, lin_history *out, char *error, size_t room);
void lin_write(FILE *out, const lin_operation *op);

#endif
