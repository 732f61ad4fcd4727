#include "check/history/generate.h"

#include <stdlib.h>

enum { MOST_CLIENTS = 64, MOST_KEYS = 4096 };

typedef enum stage { IDLE, CALLED, DONE } stage;

typedef struct simulation {
    lin_random *random;
    const lin_shape *shape;
    lin_history *out;
    stage at[MOST_CLIENTS];
    size_t op[MOST_CLIENTS];
    int64_t *item; /* queue and stack, from `first` to `last` */
    size_t first, last;
    int64_t value[MOST_KEYS]; /* 0: absent */
    int64_t next_value;
    uint64_t now;
} simulation;

static lin_operation choose(simulation *s, uint32_t client)
{
    lin_operation op = {.call = s->now, .ret = LIN_NEVER, .client = client};
    bool put = lin_below(s->random, 100) < s->shape->puts;
    if (s->shape->type == LIN_QUEUE)
        op.kind = put ? LIN_ENQUEUE : LIN_DEQUEUE;
    else if (s->shape->type == LIN_STACK)
        op.kind = put ? LIN_PUSH : LIN_POP;
    else
        op.kind = (uint8_t)(LIN_GET + lin_below(s->random, LIN_MAP_KINDS - LIN_GET));
    op.key = s->shape->type == LIN_MAP ? (int64_t)lin_below(s->random, s->shape->keys) : 0;
    if (lin_forms[op.kind].argument != LIN_TAKES_NOTHING && lin_forms[op.kind].argument != LIN_TAKES_KEY)
        op.value = ++s->next_value;
    if (op.kind == LIN_REPLACE)
        op.result = s->value[op.key];
    else if (op.kind == LIN_REMOVE_IF && s->value[op.key] && lin_below(s->random, 2))
        op.value = s->value[op.key];
    return op;
}

static void answer(lin_operation *op, int64_t value)
{
    op->got = value ? LIN_VALUE : LIN_NOTHING;
    op->result = value;
}

/* The operation takes effect. */
static void happen(simulation *s, lin_operation *op)
{
    int64_t *value = &s->value[op->key];
    switch (op->kind) {
    case LIN_ENQUEUE:
    case LIN_PUSH:
        s->item[s->last++] = op->value;
        break;
    case LIN_DEQUEUE:
        answer(op, s->first < s->last ? s->item[s->first++] : 0);
        break;
    case LIN_POP:
        answer(op, s->first < s->last ? s->item[--s->last] : 0);
        break;
    case LIN_INSERT:
        op->got = *value ? LIN_FALSE : LIN_TRUE;
        *value = *value ? *value : op->value;
        break;
    case LIN_REMOVE:
        op->got = *value ? LIN_TRUE : LIN_FALSE;
        *value = 0;
        break;
    case LIN_REMOVE_IF:
        op->got = *value == 0 ? LIN_NOTHING : *value == op->value ? LIN_TRUE : LIN_FALSE;
        *value = op->got == LIN_TRUE ? 0 : *value;
        break;
    case LIN_REPLACE:
        op->got = *value == 0 ? LIN_NOTHING : *value == op->result ? LIN_TRUE : LIN_FALSE;
        *value = op->got == LIN_TRUE ? op->value : *value;
        break;
    default:
        answer(op, *value);
        if (op->kind == LIN_PUT || (op->kind == LIN_GET_OR_INSERT && !*value))
            *value = op->value;
    }
}

static bool advance(simulation *s, unsigned client)
{
    lin_operation *op = &s->out->op[s->op[client]];
    s->now += 1 + lin_below(s->random, 3);
    switch (s->at[client]) {
    case IDLE:
        if (s->out->count == s->shape->operations)
            return true;
        s->op[client] = s->out->count;
        s->at[client] = CALLED;
        return lin_add(s->out, choose(s, client));
    case CALLED:
        happen(s, op);
        s->at[client] = DONE;
        return true;
    default:
        op->ret = s->now;
        s->at[client] = IDLE;
        return true;
    }
}

static bool all_idle(const simulation *s)
{
    for (unsigned c = 0; c < s->shape->clients; c++)
        if (s->at[c] != IDLE)
            return false;
    return true;
}

bool lin_generate(lin_random *random, const lin_shape *shape, lin_history *out)
{
    simulation s = {.random = random, .shape = shape, .out = out};
    bool fine = (s.item = malloc((shape->operations + 1) * sizeof *s.item)) != NULL;
    unsigned client = 0;
    while (fine && (out->count < shape->operations || !all_idle(&s))) {
        if (lin_below(random, 100) >= shape->stays || s.at[client] == IDLE)
            client = (unsigned)lin_below(random, shape->clients);
        fine = advance(&s, client);
        if (shape->last_may_pend && out->count == shape->operations && lin_below(random, 4) == 0)
            break;
    }
    free(s.item);
    return fine;
}

void lin_spoil(lin_random *random, lin_history *history, lin_type type)
{
    lin_operation *a = &history->op[lin_below(random, history->count)],
                  *b = &history->op[lin_below(random, history->count)];
    switch (lin_below(random, 4)) {
    case 0: { /* swaps two answers */
        lin_operation was = *a;
        if (a->kind != b->kind || a->ret == LIN_NEVER || b->ret == LIN_NEVER)
            return;
        a->got = b->got;
        b->got = was.got;
        if (a->kind != LIN_REPLACE) {
            a->result = b->result;
            b->result = was.result;
        }
        return;
    }
    case 1: /* turns a value into nothing, or negates a truth value */
        if (type == LIN_MAP && a->ret != LIN_NEVER && a->got >= LIN_FALSE)
            a->got = a->got == LIN_TRUE ? LIN_FALSE : LIN_TRUE;
        else if (a->got == LIN_VALUE)
            a->got = LIN_NOTHING;
        return;
    case 2: /* shortens the operation at its end, or (default) at its beginning */
        if (a->ret != LIN_NEVER)
            a->ret = a->call + (a->ret - a->call) / 2;
        return;
    default:
        if (a->ret != LIN_NEVER)
            a->call = a->ret - (a->ret - a->call) / 2;
    }
}
