#include "check/history/item.h"

#include <stdlib.h>

enum { SEARCHED = 4096, SEARCH_BYTES = 256 << 20, LOOSELY = 32 };

static bool takes_unknown(const lin_history *h)
{
    for (size_t i = 0; i < h->count; i++)
        if ((h->op[i].kind == LIN_DEQUEUE || h->op[i].kind == LIN_POP) && h->op[i].ret == LIN_NEVER)
            return true;
    return false;
}

/*
 * A dequeue or pop that never returned may have taken any value or none. If the other operations can be ordered without
 * it, the history is linearizable. If they cannot, only the search can decide.
 */
static void check_with_unknown(const lin_history *h, const lin_spec *spec, lin_finding *out)
{
    lin_verdict verdict = h->count <= SEARCHED ? lin_search(h, spec, SEARCH_BYTES) : LIN_UNDECIDED;
    if (verdict == LIN_VIOLATION)
        return; /* the checker's finding stands */
    lin_free(&out->window);
    if (verdict == LIN_UNDECIDED)
        lin_find(out, LIN_UNDECIDED,
                 "operations that never returned may have taken values, and there are too many ways");
    else
        lin_find(out, verdict, verdict == LIN_LINEARIZABLE ? "linearizable" : "out of memory");
}

void lin_check_searched(const lin_history *history, const lin_spec *spec, lin_finding *out)
{
    *out =
        (lin_finding){.verdict = history->count <= SEARCHED ? lin_search(history, spec, SEARCH_BYTES) : LIN_UNDECIDED};
    static const char *const why[] = {"linearizable", "no order explains it", "too many ways for a search",
                                      "out of memory"};
    lin_find(out, out->verdict, "%s", why[out->verdict]);
    for (size_t i = 0; out->verdict == LIN_VIOLATION && i < history->count; i++)
        lin_show(out, history, i);
}

static const lin_spec *const specs[LIN_TYPES] = {
    [LIN_QUEUE] = &lin_queue_spec, [LIN_STACK] = &lin_stack_spec,     [LIN_MAP] = &lin_map_spec,
    [LIN_DEQUE] = &lin_deque_spec, [LIN_CHANNEL] = &lin_channel_spec,
};

/* By the checkers that use times alone. */
static void check_by_times(const lin_history *history, lin_type type, lin_finding *out)
{
    *out = (lin_finding){.verdict = LIN_LINEARIZABLE};
    if (type == LIN_MAP)
        lin_check_map(history, out);
    else if (type == LIN_QUEUE)
        lin_check_queue(history, out);
    else
        lin_check_stack(history, out);
    if (type != LIN_MAP && out->verdict == LIN_VIOLATION && takes_unknown(history))
        check_with_unknown(history, specs[type], out);
}

/*
 * By times that keep the clients' orders. False: the times keep more or less than these orders, so nothing is decided.
 */
static bool check_timed(const lin_history *history, const lin_program *program, lin_type type, unsigned tie,
                        lin_finding *out, size_t *between)
{
    lin_timed timed;
    if (!lin_timed_make(history, program, tie, &timed)) {
        *out = (lin_finding){.verdict = LIN_NO_MEMORY, .why = "out of memory"};
        return true;
    }
    check_by_times(&timed.history, type, out);
    lin_timed_free(&timed);
    if (timed.tie[0] == LIN_NONE || out->verdict == (tie < LIN_LOOSE ? LIN_LINEARIZABLE : LIN_VIOLATION))
        return true;
    between[0] = timed.tie[0];
    between[1] = timed.tie[1];
    lin_free(&out->window);
    return false;
}

/*
 * Some clients' own operations touch (order.h). If no times keep exactly the clients' orders, other times may decide:
 * the history is linearizable if it is so by times that keep more, and a violation if it is one by times that keep
 * less. The search decides the rest.
 */
static void check_touching(const lin_history *history, const lin_program *program, lin_type type, lin_finding *out)
{
    size_t between[2];
    for (unsigned tie = 0; tie < LIN_LOOSE + LOOSELY; tie++)
        if (check_timed(history, program, type, tie, out, between))
            return;
    lin_check_searched(history, specs[type], out);
    const lin_operation *one = &history->op[between[0]], *other = &history->op[between[1]];
    if (out->verdict == LIN_UNDECIDED)
        lin_find(out, LIN_UNDECIDED, "clients %u and %u both return and call at %llu, and there are too many ways",
                 (unsigned)one->client, (unsigned)other->client,
                 (unsigned long long)(program->followed[between[0]] ? one->ret : one->call));
}

void lin_check(const lin_history *history, lin_type type, lin_finding *out)
{
    lin_program program;
    *out = (lin_finding){.verdict = LIN_NO_MEMORY, .why = "out of memory"};
    if (type == LIN_RING)
        *out = (lin_finding){.verdict = LIN_UNDECIDED, .why = "a ring's capacity is not in its history"};
    else if (type == LIN_DEQUE || type == LIN_CHANNEL)
        lin_check_searched(history, specs[type], out);
    else if (lin_program_make(history, &program)) {
        if (program.touching)
            check_touching(history, &program, type, out);
        else
            check_by_times(history, type, out);
        lin_program_free(&program);
    }
}

/* ---- shrinking ---- */

static int64_t value_of(const lin_operation *op)
{
    return op->kind == LIN_ENQUEUE || op->kind == LIN_PUSH ? op->value : op->result;
}

static bool is_empty(const lin_operation *op)
{
    return (op->kind == LIN_DEQUEUE || op->kind == LIN_POP) && op->got != LIN_VALUE;
}

typedef struct member {
    int64_t value;
    size_t op;
} member;

static int by_value(const void *a, const void *b)
{
    const member *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->op < y->op ? -1 : 1;
}

/* Numbers the units that are removed together: the operations of one value, or one answer of "empty". */
static size_t number_units(const lin_history *h, size_t *unit, member *room)
{
    size_t units = 0, valued = 0;
    for (size_t i = 0; i < h->count; i++)
        if (is_empty(&h->op[i]))
            unit[i] = units++;
        else
            room[valued++] = (member){value_of(&h->op[i]), i};
    qsort(room, valued, sizeof *room, by_value);
    for (size_t i = 0; i < valued; i++) {
        units += i == 0 || room[i].value != room[i - 1].value;
        unit[room[i].op] = units - 1;
    }
    return units;
}

/* Removes the units in [from, to) from the window if the rest is still a violation. */
static bool drop(lin_finding *finding, lin_type type, size_t *unit, size_t from, size_t to)
{
    lin_finding smaller = {0};
    lin_history rest = {0};
    bool fine = true;
    for (size_t i = 0; i < finding->window.count; i++)
        if (unit[i] < from || unit[i] >= to)
            fine = lin_add(&rest, finding->window.op[i]) && fine;
    if (fine && rest.count > 0)
        lin_check(&rest, type, &smaller);
    fine = fine && rest.count > 0 && smaller.verdict == LIN_VIOLATION;
    lin_free(&smaller.window);
    if (!fine) {
        lin_free(&rest);
        return false;
    }
    lin_free(&finding->window);
    finding->window = rest;
    snprintf(finding->why, sizeof finding->why, "%s", smaller.why);
    return true;
}

/*
 * A linearizable history of a queue or stack stays linearizable if whole values are removed. So if the rest is a
 * violation, the history is one, too. From a map's history no operation that changes the map may be removed: its
 * window stays.
 */
void lin_shrink(lin_finding *finding, lin_type type)
{
    if (finding->verdict != LIN_VIOLATION || (type != LIN_QUEUE && type != LIN_STACK))
        return;
    size_t *unit = malloc((finding->window.count + 1) * sizeof *unit);
    member *room = malloc((finding->window.count + 1) * sizeof *room);
    size_t units = unit && room ? number_units(&finding->window, unit, room) : 0;
    for (size_t size = units / 2; size > 0; size /= 2)
        for (size_t from = 0; from < units;)
            if (drop(finding, type, unit, from, from + size))
                units = number_units(&finding->window, unit, room);
            else
                from += size;
    free(unit);
    free(room);
}
