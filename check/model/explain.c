/* Searches as the linearizability checkers do, but with happens-before, which is partial, in place of real time. */
#include "check/model/explain.h"
#include "check/model/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A search that has failed: the operations that were left, and the state at that point. */
typedef struct tried {
    uint64_t history; /* its number */
    uint64_t left, state;
} tried;

enum { TRIED = 1 << 12 };

/* Outside the program's static data, which the machine restores before each execution. */
static struct beside {
    uint64_t histories;
    tried tried[TRIED];
} * beside;

void model_explain_prepare(void)
{
    if (!beside && !(beside = calloc(1, sizeof *beside)))
        abort();
}

/* ---- what was done ---- */

enum { MOST = 64 };

typedef struct done {
    lin_operation op; /* first */
    unsigned thread;
    uint32_t began[MODEL_THREADS], ended; /* clocks */
    bool dropped;
} done;

static done history[MOST];
static int count;

lin_operation *model_begin(lin_kind kind, int64_t key, int64_t value)
{
    done *d = &history[count++];
    if (count > MOST)
        abort();
    *d = (done){.op = {.kind = (uint8_t)kind, .key = key, .value = value}, .thread = model_thread()};
    for (unsigned t = 0; t < MODEL_THREADS; t++)
        d->began[t] = model_clock(t);
    return &d->op;
}

void model_end(lin_operation *op, lin_result got, int64_t result)
{
    done *d = (done *)(void *)op;
    op->got = (uint8_t)got;
    op->result = result;
    d->ended = model_tick();
}

void model_drop(lin_operation *op)
{
    ((done *)(void *)op)->dropped = true;
}

static bool precedes(const done *a, const done *b)
{
    return a->thread == b->thread ? a < b : a->ended <= b->began[a->thread];
}

/* ---- explaining ---- */

enum { STATE = 1024 };

/* False: this search has been tried. */
static bool is_new(uint64_t left, const char *state, size_t size)
{
    uint64_t hash = 14695981039346656037u, word;
    for (size_t i = 0; i < size; i += sizeof word) {
        memcpy(&word, state + i, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    tried *t = &beside->tried[(left * 0x9e3779b97f4a7c15u ^ hash) >> 52];
    if (t->history == beside->histories && t->left == left && t->state == hash)
        return false;
    *t = (tried){beside->histories, left, hash};
    return true;
}

/* Whether some order of the remaining operations keeps happens-before and satisfies the specification. */
static bool explained(const lin_spec *spec, uint64_t left, const char *state)
{
    char next[STATE];
    int begins[MOST], beginning = 0;
    if (!left)
        return true;
    for (int i = 0; i < count; i++) {
        bool first = left >> i & 1;
        for (int j = 0; j < count && first; j++)
            first = !(left >> j & 1) || j == i || !precedes(&history[j], &history[i]);
        if (first)
            begins[beginning++] = i;
    }
    for (int i = 0; i < beginning; i++) {
        memcpy(next, state, spec->size);
        uint64_t rest = left & ~((uint64_t)1 << begins[i]);
        if (spec->step(next, &history[begins[i]].op) == LIN_YES && is_new(rest, next, spec->size) &&
            explained(spec, rest, next))
            return true;
    }
    return false;
}

static void show_history(void)
{
    static const char *const answers[] = {"nothing", "", "false", "true"};
    for (int i = 0; i < count; i++) {
        const done *d = &history[i];
        if (d->dropped)
            continue;
        fprintf(stderr, "       thread %u: %s", d->thread, lin_forms[d->op.kind].name);
        if (d->op.key)
            fprintf(stderr, " %d", (int)d->op.key);
        if (d->op.value)
            fprintf(stderr, " %d", (int)d->op.value);
        fprintf(stderr, ": %s", answers[d->op.got]);
        if (d->op.got == LIN_VALUE)
            fprintf(stderr, "%d", (int)d->op.result);
        fputs(d->thread == 0 ? " (before or after the others)\n" : "\n", stderr);
    }
}

void model_explain(const lin_spec *spec)
{
    static char state[STATE];
    spec->init(state, spec->parameter);
    beside->histories++;
    uint64_t all = 0;
    for (int i = 0; i < count; i++)
        all |= (uint64_t)!history[i].dropped << i;
    bool fine = explained(spec, all, state);
    if (!fine && model_is_shown())
        show_history();
    model_check(fine, "no order explains what the operations have answered");
}
