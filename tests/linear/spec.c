/* Sequential specifications, for the search: small ones, since what it can decide is small. */
#include "tests/linear/check.h"

#include <string.h>

enum { MOST = 24 };

/* ---- queue and stack ---- */

typedef struct sequence {
    int64_t item[MOST]; /* unused ones are 0, so that equal states are equal bytes */
    size_t count;
} sequence;

static void sequence_init(void *state)
{
    memset(state, 0, sizeof(sequence));
}

static lin_step put(sequence *s, const lin_operation *op)
{
    if (s->count == MOST)
        return LIN_TOO_BIG;
    s->item[s->count++] = op->value;
    return LIN_YES;
}

static lin_step take(sequence *s, const lin_operation *op, size_t from)
{
    bool known = op->ret != LIN_NEVER;
    if (s->count == 0)
        return !known || op->got == LIN_NOTHING ? LIN_YES : LIN_NO;
    if (known && (op->got != LIN_VALUE || op->result != s->item[from]))
        return LIN_NO;
    memmove(&s->item[from], &s->item[from + 1], (s->count - from - 1) * sizeof s->item[0]);
    s->item[--s->count] = 0;
    return LIN_YES;
}

static lin_step queue_step(void *state, const lin_operation *op)
{
    return op->kind == LIN_ENQUEUE ? put(state, op) : take(state, op, 0);
}

static lin_step stack_step(void *state, const lin_operation *op)
{
    sequence *s = state;
    return op->kind == LIN_PUSH ? put(s, op) : take(s, op, s->count ? s->count - 1 : 0);
}

const lin_spec lin_queue_spec = {"queue", sizeof(sequence), sequence_init, queue_step};
const lin_spec lin_stack_spec = {"stack", sizeof(sequence), sequence_init, stack_step};

/* ---- map ---- */

typedef struct table {
    struct {
        int64_t key, value, used;
    } entry[MOST]; /* sorted by key */
} table;

static void table_init(void *state)
{
    memset(state, 0, sizeof(table));
}

static size_t find(const table *t, int64_t key)
{
    size_t i = 0;
    while (i < MOST && t->entry[i].used && t->entry[i].key < key)
        i++;
    return i;
}

static lin_step set(table *t, size_t at, bool there, const lin_operation *op)
{
    if (!there && t->entry[MOST - 1].used)
        return LIN_TOO_BIG;
    if (!there)
        memmove(&t->entry[at + 1], &t->entry[at], (MOST - 1 - at) * sizeof t->entry[0]);
    t->entry[at].key = op->key;
    t->entry[at].value = op->value;
    t->entry[at].used = 1;
    return LIN_YES;
}

static void erase(table *t, size_t at)
{
    memmove(&t->entry[at], &t->entry[at + 1], (MOST - 1 - at) * sizeof t->entry[0]);
    memset(&t->entry[MOST - 1], 0, sizeof t->entry[0]);
}

static bool as_read(const lin_operation *op, bool there, int64_t value)
{
    return op->ret == LIN_NEVER || (there ? op->got == LIN_VALUE && op->result == value : op->got == LIN_NOTHING);
}

static lin_step map_step(void *state, const lin_operation *op)
{
    table *t = state;
    size_t at = find(t, op->key);
    bool there = at < MOST && t->entry[at].used && t->entry[at].key == op->key, known = op->ret != LIN_NEVER;
    if (op->kind == LIN_GET || op->kind == LIN_PUT) {
        if (!as_read(op, there, there ? t->entry[at].value : 0))
            return LIN_NO;
        return op->kind == LIN_PUT ? set(t, at, there, op) : LIN_YES;
    }
    if (op->kind == LIN_INSERT) {
        if (known && (op->got == LIN_TRUE) == there)
            return LIN_NO;
        return there ? LIN_YES : set(t, at, false, op);
    }
    if (known && (op->got == LIN_TRUE) != there)
        return LIN_NO;
    if (there)
        erase(t, at);
    return LIN_YES;
}

const lin_spec lin_map_spec = {"map", sizeof(table), table_init, map_step};
