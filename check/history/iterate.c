#include "check/history/iterate.h"

#include <stdlib.h>
#include <string.h>

/* The operations of one key, and what an iteration saw of it. */
typedef struct slice {
    const lin_history *history;
    const size_t *op;
    size_t count;
    const lin_entry *seen;
    size_t times;
} slice;

static bool puts_in(const lin_operation *op)
{
    return op->kind == LIN_PUT || (op->kind == LIN_INSERT && (op->got == LIN_TRUE || op->ret == LIN_NEVER)) ||
           (op->kind == LIN_GET_OR_INSERT && (op->got == LIN_NOTHING || op->ret == LIN_NEVER));
}

static bool takes_out(const lin_operation *op)
{
    return (op->kind == LIN_REMOVE || op->kind == LIN_REMOVE_IF) && (op->got == LIN_TRUE || op->ret == LIN_NEVER);
}

static const lin_operation *at(const slice *s, size_t i)
{
    return &s->history->op[s->op[i]];
}

/*
 * True: no operation of the other sort comes between `last` (a call, or 0: the beginning) and the iteration's return.
 */
static bool undisturbed(const slice *s, uint64_t last, const lin_iteration *it, bool (*other)(const lin_operation *op))
{
    for (size_t i = 0; i < s->count; i++)
        if (other(at(s, i)) && at(s, i)->ret >= last && at(s, i)->call <= it->ret)
            return false;
    return true;
}

/* Was the key present, or absent, throughout the iteration? */
static bool throughout(const slice *s, const lin_iteration *it, bool present)
{
    bool (*makes)(const lin_operation *op) = present ? puts_in : takes_out;
    bool (*ends)(const lin_operation *op) = present ? takes_out : puts_in;
    uint64_t latest = 0;
    bool any = !present;
    for (size_t i = 0; i < s->count; i++)
        if (makes(at(s, i)) && at(s, i)->ret < it->call && at(s, i)->call >= latest) {
            latest = at(s, i)->call;
            any = true;
        }
    return any && undisturbed(s, latest, it, ends);
}

static bool was_written(const slice *s, const lin_iteration *it, int64_t value)
{
    for (size_t i = 0; i < s->count; i++) {
        const lin_operation *op = at(s, i);
        bool writes = puts_in(op) || (op->kind == LIN_REPLACE && (op->got == LIN_TRUE || op->ret == LIN_NEVER));
        if (writes && op->value == value && op->call <= it->ret)
            return true;
    }
    return false;
}

static bool judge(const slice *s, const lin_iteration *it, int64_t key, size_t *certain, lin_finding *out)
{
    const char *wrong = NULL;
    if (s->times > 1)
        wrong = "seen twice";
    else if (s->times == 1 && !was_written(s, it, s->seen->value))
        wrong = "seen with a value that it never had";
    else if (throughout(s, it, true) && ++*certain && s->times == 0)
        wrong = "there all the time, and not seen";
    else if (s->times == 1 && throughout(s, it, false))
        wrong = "gone before, and seen";
    if (!wrong)
        return true;
    lin_find(out, LIN_VIOLATION, "an iteration from %llu to %llu: key %lld was %s", (unsigned long long)it->call,
             (unsigned long long)it->ret, (long long)key, wrong);
    for (size_t i = 0; i < s->count; i++)
        if (at(s, i)->call <= it->ret && (at(s, i)->kind != LIN_GET))
            lin_show(out, s->history, s->op[i]);
    return false;
}

static const lin_history *sorted; /* for by_key: qsort passes no context */

static int by_key(const void *a, const void *b)
{
    const lin_operation *x = &sorted->op[*(const size_t *)a], *y = &sorted->op[*(const size_t *)b];
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->call > y->call) - (x->call < y->call);
}

static int entries_by_key(const void *a, const void *b)
{
    int64_t x = ((const lin_entry *)a)->key, y = ((const lin_entry *)b)->key;
    return (x > y) - (x < y);
}

/* `order` is sorted by key; the entries get sorted here. */
static bool check_one(const lin_history *h, const size_t *order, lin_iteration *it, size_t *certain, lin_finding *out)
{
    size_t e = 0, i = 0;
    qsort(it->entry, it->count, sizeof *it->entry, entries_by_key);
    while (i < h->count || e < it->count) {
        int64_t key = i == h->count ? it->entry[e].key : h->op[order[i]].key;
        if (e < it->count && it->entry[e].key < key)
            key = it->entry[e].key;
        slice s = {.history = h, .op = order + i, .seen = it->entry + e};
        for (; i < h->count && h->op[order[i]].key == key; i++)
            s.count++;
        for (; e < it->count && it->entry[e].key == key; e++)
            s.times++;
        if (!judge(&s, it, key, certain, out))
            return false;
    }
    if (it->has_size && it->size != it->count) {
        lin_find(out, LIN_VIOLATION, "while nobody updated, size was %zu and an iteration saw %zu entries", it->size,
                 it->count);
        return false;
    }
    return true;
}

void lin_check_iterations(const lin_history *history, lin_iteration *iterations, size_t count, size_t *certain,
                          lin_finding *out)
{
    size_t *order = malloc((history->count + 1) * sizeof *order);
    *out = (lin_finding){0};
    lin_find(out, order ? LIN_LINEARIZABLE : LIN_NO_MEMORY, order ? "linearizable" : "out of memory");
    for (size_t i = 0; order && i < history->count; i++)
        order[i] = i;
    sorted = history;
    if (order && history->count)
        qsort(order, history->count, sizeof *order, by_key);
    for (size_t i = 0; order && i < count; i++)
        if (!check_one(history, order, &iterations[i], certain, out))
            break;
    free(order);
}
