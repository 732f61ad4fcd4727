/*
 * Checks a map's history key by key. Each operation is put in order as late as possible: when one returns, all orders
 * of open operations that end with it are tried. A configuration is a possible state at that time: the key's value,
 * and which of the open operations have happened.
 */
#include "check/history/check.h"
#include "check/history/item.h"

#include <stdlib.h>

enum { MOST_OPEN = 64, MOST_CONFIGURATIONS = 1 << 16 };

typedef struct configuration {
    uint64_t done; /* the open operations that have happened, a bit per place */
    int64_t value;
    bool there;
} configuration;

typedef struct set {
    configuration *at;
    size_t count, room;
    uint32_t *slot; /* an index with open addressing: place + 1 */
    size_t slots;
} set;

typedef struct key_check {
    const lin_history *history;
    lin_finding *out;
    size_t open[MOST_OPEN]; /* operations, or LIN_NONE */
    size_t recent[4], recents;
    set now, next;
} key_check;

static size_t hash_of(const configuration *c)
{
    uint64_t h = c->done * 0x9e3779b97f4a7c15u ^ (uint64_t)c->value * 0xc2b2ae3d27d4eb4fu ^ c->there;
    return (size_t)(h ^ h >> 31);
}

static bool same(const configuration *a, const configuration *b)
{
    return a->done == b->done && a->there == b->there && (!a->there || a->value == b->value);
}

/* Removes the last one first: all slots probed on the way to it were filled earlier. */
static void clear(set *s)
{
    while (s->count > 0) {
        size_t at = hash_of(&s->at[s->count - 1]) % s->slots;
        while (s->slot[at] != s->count)
            at = (at + 1) % s->slots;
        s->slot[at] = 0;
        s->count--;
    }
}

static bool grow(set *s)
{
    size_t room = s->room ? s->room * 2 : 16;
    configuration *at = realloc(s->at, room * sizeof *at);
    uint32_t *slot = calloc(room * 4, sizeof *slot);
    if (at)
        s->at = at;
    if (!at || !slot) {
        free(slot);
        return false;
    }
    free(s->slot);
    s->slot = slot;
    s->slots = room * 4;
    s->room = room;
    for (size_t i = 0; i < s->count; i++) {
        size_t p = hash_of(&s->at[i]) % s->slots;
        while (s->slot[p])
            p = (p + 1) % s->slots;
        s->slot[p] = (uint32_t)(i + 1);
    }
    return true;
}

/* False: out of memory, or too many. */
static bool add(set *s, configuration c)
{
    c.value = c.there ? c.value : 0;
    if (s->count == MOST_CONFIGURATIONS || (s->count == s->room && !grow(s)))
        return false;
    size_t p = hash_of(&c) % s->slots;
    for (; s->slot[p]; p = (p + 1) % s->slots)
        if (same(&s->at[s->slot[p] - 1], &c))
            return true;
    s->at[s->count++] = c;
    s->slot[p] = (uint32_t)s->count;
    return true;
}

static bool step(configuration *c, const lin_operation *op)
{
    return lin_map_key_step(&c->there, &c->value, op);
}

static void violated(key_check *k, size_t last)
{
    const lin_history *h = k->history;
    const lin_operation *op = &h->op[last];
    char known[160];
    size_t used = 0;
    for (size_t i = 0; i < k->now.count && i < 4 && used < sizeof known; i++)
        used += (size_t)(k->now.at[i].there ? snprintf(known + used, sizeof known - used, "%s%lld", i ? ", " : "",
                                                       (long long)k->now.at[i].value)
                                            : snprintf(known + used, sizeof known - used, "%sabsent", i ? ", " : ""));
    lin_find(k->out, LIN_VIOLATION,
             "key %lld: what %s returned fits nowhere; before the operations then open it was %s%s", (long long)op->key,
             lin_forms[op->kind].name, known, k->now.count > 4 ? ", ..." : "");
    for (size_t i = k->recents > 4 ? k->recents - 4 : 0; i < k->recents; i++)
        lin_show(k->out, h, k->recent[i % 4]);
    for (size_t i = 0; i < MOST_OPEN; i++)
        lin_show(k->out, h, k->open[i]);
}

/* The operation at `place` returns, so it has happened. */
static bool returns(key_check *k, size_t place)
{
    uint64_t bit = (uint64_t)1 << place;
    set work = k->now;
    size_t before = work.count;
    clear(&k->next);
    for (size_t i = 0; i < work.count; i++) {
        configuration c = work.at[i];
        if (c.done & bit) {
            c.done &= ~bit;
            if (!add(&k->next, c))
                goto too_many;
            continue;
        }
        for (size_t o = 0; o < MOST_OPEN; o++) {
            configuration more = c;
            if (k->open[o] == LIN_NONE || c.done >> o & 1 || !step(&more, &k->history->op[k->open[o]]))
                continue;
            more.done |= (uint64_t)1 << o;
            if (!add(&work, more))
                goto too_many;
        }
    }
    k->now = work;
    if (k->next.count == 0) {
        k->now.count = before;
        violated(k, k->open[place]);
        k->now.count = work.count;
        return false;
    }
    k->now = k->next;
    k->next = work;
    return true;
too_many:
    k->now = work;
    lin_find(k->out, LIN_UNDECIDED, "key %lld: too many operations open at once",
             (long long)k->history->op[k->open[place]].key);
    return false;
}

typedef struct event {
    int64_t key;
    uint64_t time;
    size_t op;
    bool is_return;
} event;

static int in_turn(const void *a, const void *b)
{
    const event *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->is_return != y->is_return)
        return x->is_return ? 1 : -1; /* at one time: concurrent */
    return lin_compare(x->op, y->op);
}

static bool next_event(key_check *k, const event *e)
{
    size_t place = 0;
    while (place < MOST_OPEN && k->open[place] != (e->is_return ? e->op : LIN_NONE))
        place++;
    if (place == MOST_OPEN) {
        lin_find(k->out, LIN_UNDECIDED, "key %lld: more than %d operations open at once", (long long)e->key, MOST_OPEN);
        return false;
    }
    if (!e->is_return) {
        k->open[place] = e->op;
        return true;
    }
    if (!returns(k, place))
        return false;
    k->open[place] = LIN_NONE;
    k->recent[k->recents++ % 4] = e->op;
    return true;
}

static void check_keys(key_check *k, const event *events, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || events[i].key != events[i - 1].key) {
            for (size_t o = 0; o < MOST_OPEN; o++)
                k->open[o] = LIN_NONE;
            k->recents = 0;
            clear(&k->now);
            if (!add(&k->now, (configuration){0})) {
                lin_find(k->out, LIN_NO_MEMORY, "out of memory");
                return;
            }
        }
        if (!next_event(k, &events[i]))
            return;
    }
}

void lin_check_map(const lin_history *history, lin_finding *out)
{
    key_check k = {.history = history, .out = out};
    event *events = malloc((2 * history->count + 1) * sizeof *events);
    size_t count = 0;
    lin_find(out, LIN_LINEARIZABLE, "linearizable");
    if (!events) {
        lin_find(out, LIN_NO_MEMORY, "out of memory");
        return;
    }
    for (size_t i = 0; i < history->count; i++) {
        const lin_operation *op = &history->op[i];
        events[count++] = (event){op->key, op->call, i, false};
        if (op->ret != LIN_NEVER)
            events[count++] = (event){op->key, op->ret, i, true};
    }
    qsort(events, count, sizeof *events, in_turn);
    check_keys(&k, events, count);
    free(events);
    free(k.now.at);
    free(k.now.slot);
    free(k.next.at);
    free(k.next.slot);
}
