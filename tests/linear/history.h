/*
 * A history: what real threads called and what they got, with the time of each call and return. One operation precedes
 * another if it returned before the other was called; operations whose times meet are concurrent.
 */
#ifndef WEFT_TESTS_LINEAR_HISTORY_H
#define WEFT_TESTS_LINEAR_HISTORY_H

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
    LIN_KINDS
} lin_kind;

/* NOTHING: null. */
typedef enum lin_result { LIN_NOTHING, LIN_VALUE, LIN_FALSE, LIN_TRUE } lin_result;

#define LIN_NEVER UINT64_MAX /* returned: the operation may or may not have happened */

typedef struct lin_operation {
    uint64_t call, ret;
    int64_t key;    /* maps */
    int64_t value;  /* handed in */
    int64_t result; /* when `got` is LIN_VALUE */
    uint32_t client;
    uint8_t kind; /* lin_kind */
    uint8_t got;  /* lin_result; of no meaning while `ret` is LIN_NEVER */
} lin_operation;

typedef struct lin_history {
    lin_operation *op;
    size_t count, room;
} lin_history;

/* False: out of memory, nothing added. */
bool lin_add(lin_history *history, lin_operation op);
void lin_free(lin_history *history);

const char *lin_kind_name(lin_kind kind);

typedef enum lin_type { LIN_QUEUE, LIN_STACK, LIN_MAP } lin_type;

/* Is it one of the type's operations? */
bool lin_kind_of(lin_kind kind, lin_type type);

/*
 * JSON lines, an operation each: {"client":0,"op":"enqueue","arg":5,"ret":null,"call":123,"return":456}. Reads all of
 * the stream for a structure of the type; false: bad input, and `error` says which line and what was expected there.
 */
bool lin_read(FILE *in, const char *name, lin_type type, lin_history *out, char *error, size_t room);
void lin_write(FILE *out, const lin_operation *op);

#endif
