/*
 * The search puts operations in order one after another, each time one that no remaining one precedes. If none fits, it
 * takes the last one back. It remembers which operations it has ordered and the state after them, and does not try the
 * same pair again.
 */
#include "check/history/check.h"
#include "check/history/order.h"

#include <stdlib.h>
#include <string.h>

/* A call or a return, in a list by time. Operations that have been put in order are removed from the list. */
typedef struct event {
    struct event *before, *after;
    struct event *match; /* a call's return, or NULL */
    const lin_operation *op;
    size_t index;
    bool is_call;
} event;

typedef struct memo {
    unsigned char **slot;
    size_t slots, used, bytes, most_bytes, key_size;
} memo;

typedef struct search {
    const lin_spec *spec;
    lin_program program;
    size_t count, mask_size;
    event *events, head;
    event **chosen;        /* the calls put in order so far */
    unsigned char *states; /* the state before each, and after the last */
    unsigned char *key;    /* mask and state, as remembered */
    memo seen;
} search;

static int by_time(const void *a, const void *b)
{
    const event *x = *(event *const *)a, *y = *(event *const *)b;
    uint64_t s = x->is_call ? x->op->call : x->op->ret, t = y->is_call ? y->op->call : y->op->ret;
    if (s != t)
        return s < t ? -1 : 1;
    if (x->is_call != y->is_call)
        return x->is_call ? -1 : 1; /* at one time: concurrent */
    return (x->index > y->index) - (x->index < y->index);
}

static bool link_events(search *s, const lin_history *h)
{
    event **order = malloc((2 * s->count + 1) * sizeof(event *)), *last = &s->head;
    size_t n = 0;
    if (!order)
        return false;
    for (size_t i = 0; i < s->count; i++) {
        event *call = &s->events[2 * i], *ret = call + 1;
        bool returned = h->op[i].ret != LIN_NEVER;
        *call = (event){.op = &h->op[i], .index = i, .is_call = true, .match = returned ? ret : NULL};
        *ret = (event){.op = &h->op[i], .index = i};
        order[n++] = call;
        if (returned)
            order[n++] = ret;
    }
    qsort(order, n, sizeof(event *), by_time);
    for (size_t i = 0; i < n; i++) {
        order[i]->before = last;
        last->after = order[i];
        last = order[i];
    }
    free(order);
    return true;
}

static void unlink_one(event *e)
{
    e->before->after = e->after;
    if (e->after)
        e->after->before = e->before;
}

static void relink_one(event *e)
{
    e->before->after = e;
    if (e->after)
        e->after->before = e;
}

static void lift(event *call)
{
    unlink_one(call);
    if (call->match)
        unlink_one(call->match);
}

static void unlift(event *call)
{
    if (call->match)
        relink_one(call->match);
    relink_one(call);
}

/* ---- what has been tried ---- */

static size_t hash_of(const unsigned char *key, size_t size)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        h = (h ^ key[i]) * 0x100000001b3u;
    return (size_t)(h ^ h >> 29);
}

static bool grow(memo *m)
{
    size_t slots = m->slots ? m->slots * 2 : 1024;
    unsigned char **grown = calloc(slots, sizeof *grown);
    if (!grown)
        return false;
    for (size_t i = 0; i < m->slots; i++)
        if (m->slot[i]) {
            size_t at = hash_of(m->slot[i], m->key_size) % slots;
            while (grown[at])
                at = (at + 1) % slots;
            grown[at] = m->slot[i];
        }
    free(m->slot);
    m->slot = grown;
    m->slots = slots;
    return true;
}

typedef enum added { NEW, OLD, FULL } added;

static added remember(memo *m, const unsigned char *key)
{
    if (m->used * 2 >= m->slots && !grow(m))
        return FULL;
    size_t at = hash_of(key, m->key_size) % m->slots;
    for (; m->slot[at]; at = (at + 1) % m->slots)
        if (memcmp(m->slot[at], key, m->key_size) == 0)
            return OLD;
    if (m->bytes + m->key_size > m->most_bytes || !(m->slot[at] = malloc(m->key_size)))
        return FULL;
    memcpy(m->slot[at], key, m->key_size);
    m->bytes += m->key_size + 2 * sizeof(void *);
    m->used++;
    return NEW;
}

/* ---- the search ---- */

/* True: the client's operation before has been put in order. */
static bool is_next(const search *s, const event *call)
{
    size_t previous = s->program.previous[call->index];
    return previous == LIN_NONE || s->key[previous / 8] >> previous % 8 & 1;
}

static lin_verdict run(search *s)
{
    size_t depth = 0, size = s->spec->size, returned = 0, left = 0;
    for (event *e = s->head.after; e; e = e->after)
        left += !e->is_call;
    s->spec->init(s->states, s->spec->parameter);
    for (event *e = s->head.after; returned < left;) {
        unsigned char *state = s->states + (depth + 1) * size;
        lin_step step = LIN_NO;
        if (e && e->is_call && is_next(s, e)) {
            memcpy(state, s->states + depth * size, size);
            step = s->spec->step(state, e->op);
        }
        if (step == LIN_TOO_BIG)
            return LIN_UNDECIDED;
        if (step == LIN_YES) {
            s->key[e->index / 8] |= (unsigned char)(1u << e->index % 8);
            memcpy(s->key + s->mask_size, state, size);
            added what = remember(&s->seen, s->key);
            if (what == FULL)
                return LIN_UNDECIDED;
            if (what == NEW) {
                s->chosen[depth++] = e;
                returned += e->match != NULL;
                lift(e);
                e = s->head.after;
                continue;
            }
            s->key[e->index / 8] &= (unsigned char)~(1u << e->index % 8);
        }
        if (e && e->is_call) {
            e = e->after;
            continue;
        }
        if (depth == 0) /* no order has a place for this return's call */
            return LIN_VIOLATION;
        e = s->chosen[--depth];
        returned -= e->match != NULL;
        s->key[e->index / 8] &= (unsigned char)~(1u << e->index % 8);
        unlift(e);
        e = e->after;
    }
    return LIN_LINEARIZABLE;
}

lin_verdict lin_search(const lin_history *history, const lin_spec *spec, size_t most_bytes)
{
    search s = {.spec = spec, .count = history->count, .mask_size = history->count / 8 + 1};
    lin_verdict verdict = LIN_NO_MEMORY;
    s.events = calloc(2 * s.count + 1, sizeof *s.events);
    s.chosen = malloc((s.count + 1) * sizeof *s.chosen);
    s.states = malloc((s.count + 2) * spec->size);
    s.key = calloc(1, s.mask_size + spec->size);
    s.seen.key_size = s.mask_size + spec->size;
    s.seen.most_bytes = most_bytes;
    if (s.events && s.chosen && s.states && s.key && lin_program_make(history, &s.program) && link_events(&s, history))
        verdict = run(&s);
    lin_program_free(&s.program);
    for (size_t i = 0; i < s.seen.slots; i++)
        free(s.seen.slot[i]);
    free(s.seen.slot);
    free(s.key);
    free(s.states);
    free(s.chosen);
    free(s.events);
    return verdict;
}
