#include "check/history/order.h"

#include <stdlib.h>
#include <string.h>

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* ---- each client's order ---- */

static int in_program_order(const void *a, const void *b)
{
    const lin_operation *x = *(const lin_operation *const *)a, *y = *(const lin_operation *const *)b;
    int order = compare(x->client, y->client);
    order = order ? order : compare(x->call, y->call);
    order = order ? order : compare(x->ret, y->ret);
    order = order ? order : compare(x->turn, y->turn);
    return order ? order : compare((uintptr_t)x, (uintptr_t)y);
}

bool lin_program_make(const lin_history *history, lin_program *out)
{
    const lin_operation **order = malloc((history->count + 1) * sizeof(const lin_operation *));
    *out = (lin_program){.order = malloc((history->count + 1) * sizeof *out->order),
                         .previous = malloc((history->count + 1) * sizeof *out->previous),
                         .place = malloc((history->count + 1) * sizeof *out->place),
                         .turn = malloc((history->count + 1) * sizeof *out->turn),
                         .followed = calloc(history->count + 1, sizeof *out->followed)};
    bool fine = order && out->order && out->previous && out->place && out->turn && out->followed;
    unsigned turn = 0;
    for (size_t i = 0; fine && i < history->count; i++)
        order[i] = &history->op[i];
    if (fine)
        qsort(order, history->count, sizeof(const lin_operation *), in_program_order);
    for (size_t i = 0; fine && i < history->count; i++) {
        size_t index = (size_t)(order[i] - history->op);
        bool touches = i > 0 && order[i - 1]->client == order[i]->client && order[i - 1]->ret == order[i]->call;
        turn = !touches || order[i]->call != order[i]->ret ? 0 : turn + (turn < UINT16_MAX);
        out->turn[index] = (uint16_t)turn;
        out->order[i] = index;
        out->place[index] = i;
        out->previous[index] = touches ? (size_t)(order[i - 1] - history->op) : LIN_NONE;
        if (touches)
            out->followed[out->previous[index]] = out->touching = true;
    }
    free(order);
    if (!fine)
        lin_program_free(out);
    return fine;
}

void lin_program_free(lin_program *program)
{
    free(program->previous);
    free(program->order);
    free(program->place);
    free(program->turn);
    free(program->followed);
    *program = (lin_program){0};
}

/* ---- times that keep it ---- */

/*
 * At one time calls come first, then touching operations of one client, then returns: so those of several clients
 * overlap.
 */
typedef enum group { CALLS, IN_TURN, RETURNS } group;

typedef struct moment {
    uint64_t time;
    size_t op, place;
    int64_t client; /* negative: reverses the order of clients */
    uint8_t group;
    bool is_return;
} moment;

static int by_moment(const void *a, const void *b)
{
    const moment *x = a, *y = b;
    int order = compare(x->time, y->time);
    order = order ? order : x->group - y->group;
    if (order || x->group != IN_TURN)
        return order;
    order = (x->client > y->client) - (x->client < y->client);
    order = order ? order : compare(x->place, y->place);
    return order ? order : x->is_return - y->is_return;
}

static size_t gather(const lin_history *h, const lin_program *p, unsigned tie, moment *at)
{
    size_t count = 0;
    for (size_t i = 0; i < h->count; i++) {
        const lin_operation *op = &h->op[i];
        moment call = {op->call, i, p->place[i], tie == LIN_DOWN ? -(int64_t)op->client : op->client, CALLS, false},
               back = call;
        call.group = p->previous[i] == LIN_NONE ? CALLS : IN_TURN;
        back.time = op->ret;
        back.group = p->followed[i] ? IN_TURN : RETURNS;
        back.is_return = true;
        at[count++] = call;
        if (op->ret != LIN_NEVER)
            at[count++] = back;
    }
    qsort(at, count, sizeof *at, by_moment);
    return count;
}

static size_t drawn(uint64_t time, unsigned tie, size_t below)
{
    uint64_t x = (time + 1) * 0x9e3779b97f4a7c15u ^ (tie + 1) * 0xc2b2ae3d27d4eb4fu;
    x = (x ^ x >> 31) * 0x94d049bb133111ebu;
    return (size_t)((x ^ x >> 29) % below);
}

/*
 * Finds the times at which the operations of several clients touch. LIN_LOOSE: only one client keeps its order there.
 */
static void note_ties(moment *at, size_t count, unsigned tie, lin_timed *out)
{
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && at[to].time == at[from].time && at[to].group == at[from].group;)
            to++;
        if (at[from].group != IN_TURN || at[from].client == at[to - 1].client)
            continue;
        int64_t kept = at[from + drawn(at[from].time, tie, to - from)].client;
        out->tie[0] = at[from].op;
        out->tie[1] = at[to - 1].op;
        for (size_t i = from; i < to && tie >= LIN_LOOSE; i++)
            if (at[i].client != kept)
                at[i].group = at[i].is_return ? RETURNS : CALLS;
    }
    if (tie >= LIN_LOOSE && out->tie[0] != LIN_NONE)
        qsort(at, count, sizeof *at, by_moment);
}

static void number(const moment *at, size_t count, lin_timed *out)
{
    uint64_t now = 0;
    for (size_t i = 0; i < count; i++) {
        now += i > 0 && (at[i].time != at[i - 1].time || at[i].group != at[i - 1].group || at[i].group == IN_TURN);
        out->written[now] = at[i].time;
        lin_operation *op = &out->history.op[at[i].op];
        *(at[i].is_return ? &op->ret : &op->call) = now;
    }
}

bool lin_timed_make(const lin_history *history, const lin_program *program, unsigned tie, lin_timed *out)
{
    moment *at = malloc((2 * history->count + 1) * sizeof *at);
    *out = (lin_timed){.tie = {LIN_NONE, LIN_NONE}};
    out->written = malloc((2 * history->count + 1) * sizeof *out->written);
    bool fine = at && out->written;
    for (size_t i = 0; fine && i < history->count; i++)
        fine = lin_add(&out->history, history->op[i]);
    for (size_t i = 0; fine && i < history->count; i++) /* a window keeps the clients' orders */
        out->history.op[i].turn = program->turn[i];
    if (fine) {
        size_t count = gather(history, program, tie, at);
        note_ties(at, count, tie, out);
        number(at, count, out);
        out->history.written = out->written;
    }
    free(at);
    if (!fine)
        lin_timed_free(out);
    return fine;
}

void lin_timed_free(lin_timed *timed)
{
    lin_free(&timed->history);
    free(timed->written);
    timed->written = NULL;
}
