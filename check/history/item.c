#include "check/history/item.h"

#include <stdarg.h>
#include <stdlib.h>

void lin_find(lin_finding *out, lin_verdict verdict, const char *format, ...)
{
    va_list rest;
    out->verdict = verdict;
    va_start(rest, format);
    (void)vsnprintf(out->why, sizeof out->why, format, rest);
    va_end(rest);
}

void lin_show(lin_finding *out, const lin_history *history, size_t index)
{
    if (index == LIN_NONE)
        return;
    lin_operation op = history->op[index];
    op.call = lin_recorded(history, op.call);
    op.ret = lin_recorded(history, op.ret);
    if (!lin_add(&out->window, op))
        lin_find(out, LIN_NO_MEMORY, "out of memory");
}

typedef struct end {
    int64_t value;
    size_t op;
} end;

static int by_value(const void *a, const void *b)
{
    int64_t x = ((const end *)a)->value, y = ((const end *)b)->value;
    if (x != y)
        return x < y ? -1 : 1;
    return lin_compare(((const end *)a)->op, ((const end *)b)->op);
}

/* The puts and takes, each sorted by value. */
typedef struct ends {
    end *put, *take;
    size_t puts, takes;
} ends;

static bool sort_ends(const lin_history *h, lin_kind put, lin_kind take, ends *e, lin_items *items)
{
    e->put = malloc((h->count + 1) * sizeof *e->put);
    e->take = malloc((h->count + 1) * sizeof *e->take);
    items->empty = malloc((h->count + 1) * sizeof *items->empty);
    if (!e->put || !e->take || !items->empty)
        return false;
    for (size_t i = 0; i < h->count; i++) {
        const lin_operation *op = &h->op[i];
        if (op->kind == put)
            e->put[e->puts++] = (end){op->value, i};
        else if (op->kind == take && op->ret == LIN_NEVER)
            items->unknown++;
        else if (op->kind == take && op->got == LIN_VALUE)
            e->take[e->takes++] = (end){op->result, i};
        else if (op->kind == take)
            items->empty[items->empties++] = i;
    }
    qsort(e->put, e->puts, sizeof *e->put, by_value);
    qsort(e->take, e->takes, sizeof *e->take, by_value);
    items->item = malloc((e->puts + 1) * sizeof *items->item);
    return items->item != NULL;
}

static bool pair(const lin_history *h, const ends *e, lin_items *items, lin_finding *out)
{
    size_t t = 0;
    for (size_t p = 0; p < e->puts; p++) {
        const lin_operation *in = &h->op[e->put[p].op];
        lin_item item = {in->value, in->call, in->ret, LIN_NEVER, LIN_NEVER, e->put[p].op, LIN_NONE, 0};
        if (p > 0 && e->put[p - 1].value == in->value) {
            lin_find(out, LIN_UNDECIDED, "%lld is put in twice; this checker needs distinct values",
                     (long long)in->value);
            return false;
        }
        if (t < e->takes && e->take[t].value < in->value)
            break;
        if (t < e->takes && e->take[t].value == in->value) {
            item.out = e->take[t++].op;
            item.out_call = h->op[item.out].call;
            item.out_return = h->op[item.out].ret;
        }
        if (t > 0 && t < e->takes && e->take[t].value == e->take[t - 1].value) {
            lin_find(out, LIN_VIOLATION, "%lld was taken twice", (long long)e->take[t].value);
            lin_show(out, h, item.in);
            lin_show(out, h, e->take[t - 1].op);
            lin_show(out, h, e->take[t].op);
            return false;
        }
        if (item.out != LIN_NONE && item.out_return < item.in_call) {
            lin_find(out, LIN_VIOLATION, "%lld was taken before it was put in", (long long)in->value);
            lin_show(out, h, item.out);
            lin_show(out, h, item.in);
            return false;
        }
        if (item.out != LIN_NONE || item.in_return != LIN_NEVER)
            items->item[items->count++] = item;
    }
    if (t < e->takes) {
        lin_find(out, LIN_VIOLATION, "%lld was taken and never put in", (long long)e->take[t].value);
        lin_show(out, h, e->take[t].op);
        return false;
    }
    return true;
}

bool lin_items_make(const lin_history *history, lin_kind put, lin_kind take, lin_items *items, lin_finding *out)
{
    ends e = {0};
    bool fine = sort_ends(history, put, take, &e, items);
    if (!fine)
        lin_find(out, LIN_NO_MEMORY, "out of memory");
    fine = fine && pair(history, &e, items, out);
    free(e.put);
    free(e.take);
    return fine;
}

void lin_items_free(lin_items *items)
{
    free(items->item);
    free(items->empty);
    *items = (lin_items){0};
}

/* ---- empty ---- */

typedef struct span {
    uint64_t from, to; /* an open interval, in which the structure is never empty */
} span;

static void show_cover(const lin_history *h, const lin_items *items, const lin_operation *empty, lin_finding *out)
{
    uint64_t reached = empty->call;
    bool first = true;
    while (reached <= empty->ret) { /* of the values inside at that moment, shows the one that stays longest */
        const lin_item *best = NULL;
        for (size_t i = 0; i < items->count; i++) {
            const lin_item *item = &items->item[i];
            if (item->in_return < reached && item->out_call > reached - !first &&
                (!best || item->out_call > best->out_call))
                best = item;
        }
        if (!best || (!first && best->out_call <= reached))
            return;
        lin_show(out, h, best->in);
        lin_show(out, h, best->out);
        reached = best->out_call;
        first = false;
    }
}

bool lin_empties(const lin_history *history, const lin_items *items, lin_finding *out)
{
    span *spans = malloc((items->count + 1) * sizeof *spans);
    size_t count = 0;
    bool fine = spans != NULL;
    if (!spans)
        lin_find(out, LIN_NO_MEMORY, "out of memory");
    for (size_t i = 0; spans && i < items->count; i++) {
        const lin_item *item = &items->item[i];
        if (item->in_return >= item->out_call)
            continue;
        if (count > 0 && item->in_return < spans[count - 1].to) {
            if (item->out_call > spans[count - 1].to)
                spans[count - 1].to = item->out_call;
        } else {
            spans[count++] = (span){item->in_return, item->out_call};
        }
    }
    for (size_t i = 0; fine && i < items->empties; i++) {
        const lin_operation *empty = &history->op[items->empty[i]];
        size_t low = 0, high = count; /* the last span that begins before the call */
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (spans[middle].from < empty->call)
                low = middle + 1;
            else
                high = middle;
        }
        if (low > 0 && empty->ret < spans[low - 1].to) {
            lin_find(out, LIN_VIOLATION, "it was found empty, and at no moment of that was it");
            lin_show(out, history, items->empty[i]);
            show_cover(history, items, empty, out);
            fine = false;
        }
    }
    free(spans);
    return fine;
}
