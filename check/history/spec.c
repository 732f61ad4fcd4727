/* Sequential specifications for the search. Their states are small, since the search decides only short histories. */
#include "check/history/check.h"

#include <string.h>

enum { MOST = 24 };

/* ---- queue and stack ---- */

typedef struct sequence {
    int64_t item[MOST]; /* unused ones are 0, so that equal states have equal bytes */
    size_t count;
    size_t capacity, lax, held; /* of a ring; places that are reserved or kept */
    size_t closed;              /* of a channel */
} sequence;

static void sequence_init(void *state, size_t parameter)
{
    (void)parameter;
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

const lin_spec lin_queue_spec = {"queue", sizeof(sequence), sequence_init, queue_step, 0};
const lin_spec lin_stack_spec = {"stack", sizeof(sequence), sequence_init, stack_step, 0};

/* ---- map ---- */

typedef struct table {
    struct {
        int64_t key, value, used;
    } entry[MOST]; /* sorted by key */
} table;

static void table_init(void *state, size_t parameter)
{
    (void)parameter;
    memset(state, 0, sizeof(table));
}

static size_t find(const table *t, int64_t key)
{
    size_t i = 0;
    while (i < MOST && t->entry[i].used && t->entry[i].key < key)
        i++;
    return i;
}

static lin_step set(table *t, size_t at, bool there, int64_t key, int64_t value)
{
    if (!there && t->entry[MOST - 1].used)
        return LIN_TOO_BIG;
    if (!there)
        memmove(&t->entry[at + 1], &t->entry[at], (MOST - 1 - at) * sizeof t->entry[0]);
    t->entry[at].key = key;
    t->entry[at].value = value;
    t->entry[at].used = 1;
    return LIN_YES;
}

static void erase(table *t, size_t at)
{
    memmove(&t->entry[at], &t->entry[at + 1], (MOST - 1 - at) * sizeof t->entry[0]);
    memset(&t->entry[MOST - 1], 0, sizeof t->entry[0]);
}

bool lin_map_key_step(bool *there, int64_t *value, const lin_operation *op)
{
    bool known = op->ret != LIN_NEVER, was = *there, match = was && *value == op->result;
    bool read = was ? op->got == LIN_VALUE && match : op->got == LIN_NOTHING, fits = true, set = false;
    switch (op->kind) {
    case LIN_GET:
        fits = read;
        break;
    case LIN_PUT:
        fits = read;
        set = true;
        break;
    case LIN_GET_OR_INSERT:
        fits = read;
        set = !was;
        break;
    case LIN_INSERT:
        fits = op->got == (was ? LIN_FALSE : LIN_TRUE);
        set = !was;
        break;
    case LIN_REPLACE: /* `result` is the expected value */
        fits = op->got == (match ? LIN_TRUE : was ? LIN_FALSE : LIN_NOTHING);
        set = match;
        break;
    case LIN_REMOVE_IF:
        match = was && *value == op->value;
        fits = op->got == (match ? LIN_TRUE : was ? LIN_FALSE : LIN_NOTHING);
        *there = was && !match;
        break;
    default:
        fits = op->got == (was ? LIN_TRUE : LIN_FALSE);
        *there = false;
    }
    if (set) {
        *there = true;
        *value = op->value;
    }
    return fits || !known;
}

static lin_step map_step(void *state, const lin_operation *op)
{
    table *t = state;
    size_t at = find(t, op->key);
    bool there = at < MOST && t->entry[at].used && t->entry[at].key == op->key, stays = there;
    int64_t value = there ? t->entry[at].value : 0;
    if (!lin_map_key_step(&stays, &value, op))
        return LIN_NO;
    if (there && !stays)
        erase(t, at);
    return stays ? set(t, at, there, op->key, value) : LIN_YES;
}

const lin_spec lin_map_spec = {"map", sizeof(table), table_init, map_step, 0};

/* ---- for future structures: a ring that can be full, a work-stealing deque, a channel that can be closed ---- */

static void bounded_init(void *state, size_t parameter)
{
    sequence_init(state, 0);
    ((sequence *)state)->capacity = parameter / LIN_KINDS;
    ((sequence *)state)->lax = parameter % LIN_KINDS;
}

/* An answer "full", or "empty", that may be given at any time. */
static bool is_lax(const sequence *s, const lin_operation *op)
{
    if (s->lax == LIN_TRY_ENQUEUE)
        return op->got == LIN_FALSE;
    return s->lax == LIN_TRY_DEQUEUE && op->got == LIN_NOTHING && (op->kind == LIN_TRY_DEQUEUE || op->kind == LIN_HOLD);
}

/* If all places are held, the value itself does not go in. */
static lin_step force(sequence *s, const lin_operation *op, bool full)
{
    bool known = op->ret != LIN_NEVER;
    if (!full)
        return known && op->got != LIN_NOTHING ? LIN_NO : put(s, op);
    if (s->count == 0)
        return !known || (op->got == LIN_VALUE && op->result == op->value) ? LIN_YES : LIN_NO;
    lin_step step = take(s, op, 0);
    return step == LIN_YES ? put(s, op) : step;
}

static lin_step ring_step(void *state, const lin_operation *op)
{
    sequence *s = state;
    bool full = s->count + s->held >= s->capacity, known = op->ret != LIN_NEVER, filled = s->count > 0;
    if (known && is_lax(s, op))
        return LIN_YES;
    switch (op->kind) {
    case LIN_TRY_DEQUEUE:
        return take(s, op, 0);
    case LIN_HOLD:
        s->held += filled;
        return take(s, op, 0);
    case LIN_COMMIT:
    case LIN_RELEASE:
        if (s->held == 0)
            return LIN_NO;
        s->held -= op->kind == LIN_RELEASE;
        return op->kind == LIN_COMMIT ? put(s, op) : LIN_YES;
    case LIN_FORCE_ENQUEUE:
        return force(s, op, full);
    default:
        if (known && (op->got == LIN_TRUE) == full)
            return LIN_NO;
        if (full || op->kind == LIN_TRY_ENQUEUE)
            return full ? LIN_YES : put(s, op);
        s->held++;
        return LIN_YES;
    }
}

/* A thief takes the oldest value. */
static lin_step deque_step(void *state, const lin_operation *op)
{
    sequence *s = state;
    if (op->kind == LIN_PUSH_BOTTOM)
        return put(s, op);
    return take(s, op, op->kind == LIN_STEAL || s->count == 0 ? 0 : s->count - 1);
}

/*
 * A receive from an open channel waits, so "nothing" is an answer only if the channel is closed. A queue that can be
 * closed is a channel of which one also takes without waiting.
 */
static lin_step channel_step(void *state, const lin_operation *op)
{
    sequence *s = state;
    bool known = op->ret != LIN_NEVER;
    if (op->kind == LIN_CLOSE) {
        s->closed = 1;
        return LIN_YES;
    }
    if (op->kind == LIN_TRY_DEQUEUE)
        return take(s, op, 0);
    if (op->kind == LIN_RECEIVE)
        return s->count > 0 || s->closed ? take(s, op, 0) : known ? LIN_NO : LIN_YES;
    if (known && (op->got == LIN_TRUE) == (s->closed != 0))
        return LIN_NO;
    return s->closed ? LIN_YES : put(s, op);
}

lin_spec lin_lax_ring_spec(size_t capacity, lin_kind lax)
{
    return (lin_spec){"ring", sizeof(sequence), bounded_init, ring_step, capacity * LIN_KINDS + (size_t)lax};
}

lin_spec lin_ring_spec(size_t capacity)
{
    return lin_lax_ring_spec(capacity, LIN_ENQUEUE); /* which no ring has */
}

const lin_spec lin_deque_spec = {"deque", sizeof(sequence), sequence_init, deque_step, 0};
const lin_spec lin_channel_spec = {"channel", sizeof(sequence), sequence_init, channel_step, 0};
