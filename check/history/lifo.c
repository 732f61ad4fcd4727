/*
 * Checks a stack's history with distinct values and nothing pending in O(n (t + log n)), with t operations open at
 * once.
 *
 * A value must be inside from the return of its push to the call of its pop: an open interval. A value without such an
 * interval (its push and pop overlap) can be pushed and popped at one moment, so it constrains nothing. Take a maximal
 * run (L, R) of moments covered by the other values' intervals. There the stack is never empty, so one value v is at
 * the bottom throughout. It is pushed at L or before and popped at R or after, so push(v) was called at L or before,
 * and pop(v) returned at R or after. Conversely, any v with these times will do. Its push goes before the others'
 * pushes, which all return at L or later and so can come after L. Its pop goes after the others' pops, which are all
 * called at R or before. So v is removed, and the rest of the run splits into runs that do not affect each other. A
 * run without such a v is a violation. An answer of "empty" inside a run is a violation, too. (The idea to find a
 * value whose removal keeps the answer is from Z. Lee and U. Mathur, "Efficient Decrease-and-Conquer Linearizability
 * Monitoring", arXiv 2410.04581.)
 *
 * Moments are points (times that occur) and the gaps between them, numbered in order: point i is 2i, the gap behind it
 * 2i + 1. A tree over the moments counts the intervals that cover each, and finds the next moment that no interval
 * covers.
 */
#include "check/history/item.h"

#include <stdlib.h>
#include <string.h>

enum { BARE_FOR_GOOD = 1 << 29 };

typedef struct cover {
    int *least, *add; /* per subtree: its least count; a number to be added to all its counts */
    size_t leaves;
} cover;

typedef struct lifo {
    const lin_history *history;
    lin_finding *out;
    lin_item **item; /* those with an interval, by the return of the push */
    size_t count;
    uint64_t *time;
    size_t times;
    size_t *open_start, *open; /* the items whose push was open when the i-th push returned */
    bool *gone;
    size_t (*run)[2]; /* not yet checked: the first moment, and the one behind the last */
    size_t runs;
    cover cover;
} lifo;

static void change(cover *c, size_t node, size_t low, size_t high, size_t from, size_t to, int by)
{
    if (to <= low || high <= from)
        return;
    if (from <= low && high <= to) {
        c->least[node] += by;
        c->add[node] += by;
        return;
    }
    size_t middle = (low + high) / 2;
    change(c, 2 * node, low, middle, from, to, by);
    change(c, 2 * node + 1, middle, high, from, to, by);
    int left = c->least[2 * node], right = c->least[2 * node + 1];
    c->least[node] = (left < right ? left : right) + c->add[node];
}

/* The first moment in [from, to) that no interval covers, or `to`. */
static size_t next_bare(const cover *c, size_t node, size_t low, size_t high, size_t from, size_t to, int above)
{
    if (to <= low || high <= from || c->least[node] + above > 0)
        return to;
    if (high - low == 1)
        return low;
    size_t middle = (low + high) / 2;
    size_t found = next_bare(c, 2 * node, low, middle, from, to, above + c->add[node]);
    return found < to ? found : next_bare(c, 2 * node + 1, middle, high, from, to, above + c->add[node]);
}

static int by_time(const void *a, const void *b)
{
    return lin_compare(*(const uint64_t *)a, *(const uint64_t *)b);
}

static size_t point(const lifo *l, uint64_t time)
{
    const uint64_t *found = bsearch(&time, l->time, l->times, sizeof time, by_time);
    return 2 * (size_t)(found - l->time);
}

static int by_push_return(const void *a, const void *b)
{
    return lin_compare((*(lin_item *const *)a)->in_return, (*(lin_item *const *)b)->in_return);
}

/* ---- preparing ---- */

static bool take_items(lifo *l, const lin_items *items)
{
    l->item = malloc((items->count + 1) * sizeof(lin_item *));
    l->time = malloc((2 * items->count + 1) * sizeof *l->time);
    if (!l->item || !l->time)
        return false;
    for (size_t i = 0; i < items->count; i++)
        if (items->item[i].in_return < items->item[i].out_call) {
            l->item[l->count] = &items->item[i];
            l->time[2 * l->count] = items->item[i].in_return;
            l->time[2 * l->count++ + 1] = items->item[i].out_call;
        }
    qsort(l->item, l->count, sizeof(lin_item *), by_push_return);
    qsort(l->time, 2 * l->count, sizeof *l->time, by_time);
    for (size_t i = 0; i < 2 * l->count; i++)
        if (l->times == 0 || l->time[i] != l->time[l->times - 1])
            l->time[l->times++] = l->time[i];
    l->cover.leaves = 2 * l->times;
    l->cover.least = calloc(4 * l->cover.leaves + 4, sizeof(int));
    l->cover.add = calloc(4 * l->cover.leaves + 4, sizeof(int));
    l->gone = calloc(l->count + 1, sizeof *l->gone);
    l->run = malloc((l->cover.leaves + 1) * sizeof *l->run);
    l->open_start = calloc(l->count + 2, sizeof *l->open_start);
    return l->cover.least && l->cover.add && l->gone && l->run && l->open_start;
}

static int by_push_call(const void *a, const void *b)
{
    return lin_compare((*(lin_item *const *)a)->in_call, (*(lin_item *const *)b)->in_call);
}

/* Appends the open pushes to the list. False: out of memory. */
static bool append_open(lifo *l, const size_t *active, size_t count, size_t *total, size_t *room)
{
    if (*total + count > *room) {
        size_t more = 2 * *room + count;
        size_t *grown = realloc(l->open, more * sizeof *l->open);
        if (!grown)
            return false;
        l->open = grown;
        *room = more;
    }
    if (count > 0)
        memcpy(l->open + *total, active, count * sizeof *active);
    *total += count;
    return true;
}

/* Notes for each push which pushes are open at its return, in one sweep over the times. */
static bool note_open(lifo *l)
{
    lin_item **called = malloc((l->count + 1) * sizeof *called);
    size_t *active = malloc((l->count + 1) * sizeof *active);
    size_t total = 0, room = 0, count = 0, next = 0;
    bool fine = called && active;
    for (size_t i = 0; fine && i < l->count; i++) {
        called[i] = l->item[i];
        l->item[i]->place = i;
    }
    if (fine)
        qsort(called, l->count, sizeof *called, by_push_call);
    for (size_t i = 0; fine && i < l->count; i++) {
        uint64_t now = l->item[i]->in_return;
        size_t kept = 0;
        for (; next < l->count && called[next]->in_call <= now; next++)
            active[count++] = called[next]->place;
        for (size_t k = 0; k < count; k++)
            if (l->item[active[k]]->in_return >= now)
                active[kept++] = active[k];
        count = kept;
        l->open_start[i] = total;
        fine = append_open(l, active, count, &total, &room);
    }
    l->open_start[l->count] = total;
    free(called);
    free(active);
    return fine;
}

/* ---- runs ---- */

static void add_runs(lifo *l, size_t from, size_t to)
{
    for (size_t at = from; at < to;) {
        size_t bare = next_bare(&l->cover, 1, 0, l->cover.leaves, at, to, 0);
        if (bare > at) {
            l->run[l->runs][0] = at;
            l->run[l->runs++][1] = bare;
        }
        if (bare < to)
            change(&l->cover, 1, 0, l->cover.leaves, bare, bare + 1, BARE_FOR_GOOD);
        at = bare + 1;
    }
}

/* The first item whose push returned at this time or later. */
static size_t first_from(const lifo *l, uint64_t time)
{
    size_t low = 0, high = l->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (l->item[middle]->in_return < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Finds the value at the bottom of the run and removes it. False: there is none. */
static bool take_bottom(lifo *l, size_t from, size_t to)
{
    uint64_t left = l->time[(from - 1) / 2], right = l->time[to / 2];
    size_t first = first_from(l, left);
    while (first < l->count && l->gone[first])
        first++;
    for (size_t o = l->open_start[first]; first < l->count && o < l->open_start[first + 1]; o++) {
        lin_item *v = l->item[l->open[o]];
        if (l->gone[l->open[o]] || v->in_return >= right || v->in_call > left || v->out_return < right)
            continue;
        l->gone[l->open[o]] = true;
        change(&l->cover, 1, 0, l->cover.leaves, point(l, v->in_return) + 1, point(l, v->out_call), -1);
        add_runs(l, from, to);
        return true;
    }
    lin_find(l->out, LIN_VIOLATION,
             "from %llu to %llu the stack is never empty, and none of its values can be the lowest",
             (unsigned long long)lin_recorded(l->history, left), (unsigned long long)lin_recorded(l->history, right));
    for (size_t i = first; i < l->count && l->item[i]->in_return < right; i++)
        if (!l->gone[i]) {
            lin_show(l->out, l->history, l->item[i]->in);
            lin_show(l->out, l->history, l->item[i]->out);
        }
    return false;
}

static bool in_order(lifo *l)
{
    for (size_t i = 0; i < l->count; i++)
        change(&l->cover, 1, 0, l->cover.leaves, point(l, l->item[i]->in_return) + 1, point(l, l->item[i]->out_call),
               1);
    add_runs(l, 0, l->cover.leaves);
    while (l->runs > 0) {
        l->runs--;
        if (!take_bottom(l, l->run[l->runs][0], l->run[l->runs][1]))
            return false;
    }
    return true;
}

static int item_by_push_return(const void *a, const void *b)
{
    return lin_compare(((const lin_item *)a)->in_return, ((const lin_item *)b)->in_return);
}

void lin_check_stack(const lin_history *history, lin_finding *out)
{
    lin_items items = {0};
    lifo l = {.history = history, .out = out};
    lin_find(out, LIN_LINEARIZABLE, "linearizable");
    if (lin_items_make(history, LIN_PUSH, LIN_POP, &items, out)) {
        qsort(items.item, items.count, sizeof *items.item, item_by_push_return);
        if (!take_items(&l, &items) || !note_open(&l))
            lin_find(out, LIN_NO_MEMORY, "out of memory");
        else if (lin_empties(history, &items, out))
            (void)in_order(&l);
    }
    free(l.item);
    free(l.time);
    free(l.cover.least);
    free(l.cover.add);
    free(l.gone);
    free(l.run);
    free(l.open_start);
    free(l.open);
    lin_items_free(&items);
}
