#define _GNU_SOURCE
#include "tests/model/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/hashmap/split_map.h>
#include <weft/queues/msq.h>
#include <weft/reclaim/local.h>
#include <weft/stacks/treiber.h>

/* ---- orders ---- */

static const kernel_case **the_case;
int *model_orders; /* as the_case: elsewhere than in static data, which the machine puts back */

#define ROW(name, order) {name, order},
const kernel_order kernel_orders[] = {MODEL_ORDER_TABLE(ROW)};
const size_t kernel_order_count = MODEL_ORDERS;

/* Before the machine first looks at the program's data. */
static void make_room(void)
{
    if (the_case)
        return;
    the_case = malloc(sizeof *the_case);
    model_orders = malloc(MODEL_ORDERS * sizeof *model_orders);
    if (!the_case || !model_orders)
        abort();
    kernel_orders_reset();
}

void kernel_orders_reset(void)
{
    make_room();
    for (size_t i = 0; i < MODEL_ORDERS; i++)
        model_orders[i] = kernel_orders[i].order;
}

void kernel_order_set(size_t which, int order)
{
    make_room();
    model_orders[which] = order;
}

/* ---- what was done ---- */

enum { MOST = 32 };

typedef struct done {
    lin_operation op;
    unsigned thread;
    uint32_t began[MODEL_THREADS], ended; /* clocks */
} done;

static weft_domain *domain;
static void *structure;
static done history[MOST];
static int count;

static done *begin(lin_kind kind, int64_t key, int64_t value)
{
    done *d = &history[count++];
    *d = (done){.op = {.kind = (uint8_t)kind, .key = key, .value = value}, .thread = model_thread()};
    for (unsigned t = 0; t < MODEL_THREADS; t++)
        d->began[t] = model_clock(t);
    return d;
}

static void end(done *d, lin_result got, int64_t result)
{
    d->op.got = (uint8_t)got;
    d->op.result = result;
    d->ended = model_tick();
}

static bool precedes(const done *a, const done *b)
{
    return a->thread == b->thread ? a < b : a->ended <= b->began[a->thread];
}

/* An order that keeps happens-before and that the specification would have answered so. */
static bool explain(const lin_spec *spec, unsigned left, const void *state)
{
    char next[1024];
    if (!left)
        return true;
    for (int i = 0; i < count; i++) {
        bool first = left >> i & 1;
        for (int j = 0; j < count && first; j++)
            first = !(left >> j & 1) || j == i || !precedes(&history[j], &history[i]);
        if (!first)
            continue;
        memcpy(next, state, spec->size);
        if (spec->step(next, &history[i].op) == LIN_YES && explain(spec, left & ~(1u << i), next))
            return true;
    }
    return false;
}

/* ---- operations ---- */

static void put(int64_t value)
{
    bool queue = (*the_case)->type == LIN_QUEUE;
    done *d = begin(queue ? LIN_ENQUEUE : LIN_PUSH, 0, value);
    int error = queue ? weft_msq_enqueue(structure, (void *)(uintptr_t)value)
                      : weft_treiber_push(structure, (void *)(uintptr_t)value);
    MODEL_CHECK(error == 0);
    end(d, LIN_NOTHING, 0);
}

static bool take(void)
{
    bool queue = (*the_case)->type == LIN_QUEUE;
    void *value = NULL;
    done *d = begin(queue ? LIN_DEQUEUE : LIN_POP, 0, 0);
    bool got = queue ? weft_msq_try_dequeue(structure, &value) : weft_treiber_try_pop(structure, &value);
    end(d, got ? LIN_VALUE : LIN_NOTHING, (int64_t)(uintptr_t)value);
    return got;
}

static void on_map(char what, int64_t key, int64_t value)
{
    void *k = (void *)(uintptr_t)key, *found;
    done *d = begin(what == 'i' ? LIN_INSERT : what == 'r' ? LIN_REMOVE : LIN_GET, key, what == 'i' ? value : 0);
    if (what == 'i') {
        end(d, weft_map_insert(structure, k, (void *)(uintptr_t)value) == 0 ? LIN_TRUE : LIN_FALSE, 0);
    } else if (what == 'r') {
        end(d, weft_map_remove(structure, k, NULL) ? LIN_TRUE : LIN_FALSE, 0);
    } else {
        found = weft_map_get(structure, NULL, k);
        end(d, found ? LIN_VALUE : LIN_NOTHING, (int64_t)(uintptr_t)found);
    }
}

static void do_all(void)
{
    unsigned who = model_thread();
    int64_t value = who * 16;
    for (const char *at = (*the_case)->does[who - 1]; *at; at++) {
        value++;
        if (*at == '+')
            put(value);
        else if (*at == '-')
            (void)take();
        else
            on_map(*at, at[1] - '0', value), at++;
    }
    if ((*the_case)->ends)
        model_end_thread();
}

/* ---- the case ---- */

static void attach(void)
{
    MODEL_CHECK(weft_domain_attach(domain) == 0);
    weft_i_local *local = weft_i_local_peek(domain);
    model_figures(&local->counters, sizeof local->counters);
    model_figures(&local->room, sizeof local->room); /* which others only count, and its owner sees as it is */
    if (!(*the_case)->epochs && !(*the_case)->ends) /* where only a thief or a barrier would look at it */
        model_figures(&weft_i_own_record()->operation.domain, sizeof weft_i_own_record()->operation.domain);
}

static void set_up(void)
{
    const kernel_case *c = *the_case;
    const weft_domain_config config = {.scheme = c->epochs ? WEFT_EPOCH : WEFT_HAZARD};
    int error = weft_domain_create(&domain, &config);
    model_figures(&domain->shared.counters, sizeof domain->shared.counters);
    model_figures(&domain->pending_peak, sizeof domain->pending_peak);
    for (unsigned t = 1; t <= c->threads; t++)
        model_as(t, attach);
    error = error                 ? error
            : c->type == LIN_QUEUE ? weft_msq_create((weft_msq **)&structure, domain)
            : c->type == LIN_STACK ? weft_treiber_create((weft_treiber **)&structure, domain)
                                   : weft_map_create((weft_map **)&structure, domain, NULL);
    MODEL_CHECK(error == 0);
    for (unsigned i = 1; i <= c->before; i++)
        if (c->type == LIN_MAP)
            on_map('i', i, i);
        else
            put(i);
}

static void finish(void)
{
    static char state[1024];
    const kernel_case *c = *the_case;
    const lin_spec *spec = c->type == LIN_QUEUE ? &lin_queue_spec : c->type == LIN_STACK ? &lin_stack_spec : &lin_map_spec;
    if (c->type == LIN_MAP)
        for (int key = 1; key <= 4; key++)
            on_map('g', key, 0);
    else
        while (count < MOST - 1 && take())
            ;
    spec->init(state, 0);
    MODEL_CHECK(explain(spec, count == MOST ? ~0u : (1u << count) - 1, state));
    if (c->type == LIN_QUEUE)
        weft_msq_destroy(structure, NULL, NULL);
    else if (c->type == LIN_STACK)
        weft_treiber_destroy(structure, NULL, NULL);
    else
        weft_map_destroy(structure, NULL, NULL);
    MODEL_CHECK(weft_domain_destroy(domain) == 0);
}

#define Q LIN_QUEUE
#define S LIN_STACK
#define M LIN_MAP

const kernel_case kernel_cases[] = {
    {"queue-hazard-put-take", Q, false, false, false, 2, 0, {"+", "-"}, 15, false},
    {"queue-epoch-put-take", Q, true, false, false, 2, 0, {"+", "-"}, 19, false},
    {"queue-hazard-put-put", Q, false, false, false, 2, 0, {"+", "+"}, 20, false},
    {"queue-hazard-take-take", Q, false, false, false, 2, 2, {"-", "-"}, 9952, false},
    {"queue-epoch-take-take", Q, true, false, false, 2, 2, {"-", "-"}, 11516, false},
    {"queue-hazard-pair-take", Q, false, false, false, 2, 0, {"+-", "-"}, 1188, false},
    {"queue-epoch-pair-take", Q, true, false, false, 2, 0, {"+-", "-"}, 552, false},
    {"queue-hazard-pairs", Q, false, false, false, 2, 0, {"+-", "+-"}, 360792, false},
    {"queue-epoch-pairs", Q, true, false, false, 2, 0, {"+-", "+-"}, 345558, false},
    {"stack-hazard-put-take", S, false, false, false, 2, 0, {"+", "-"}, 3, false},
    {"stack-hazard-take-take", S, false, false, false, 2, 2, {"-", "-"}, 2792, false},
    {"stack-epoch-take-take", S, true, false, false, 2, 2, {"-", "-"}, 11516, false},
    {"stack-hazard-pair-take", S, false, false, false, 2, 0, {"+-", "-"}, 207, false},
    {"stack-hazard-aba", S, false, false, false, 2, 2, {"-", "--+"}, 12145, false},
    {"stack-hazard-pairs", S, false, false, false, 2, 0, {"+-", "+-"}, 38384, false},
    {"stack-epoch-pairs", S, true, false, false, 2, 0, {"+-", "+-"}, 114828, false},
    {"map-hazard-insert-insert", M, false, false, false, 2, 0, {"i1", "i1"}, 12, false},
    {"map-hazard-insert-remove", M, false, false, false, 2, 1, {"i1", "r1"}, 73365, false},
    {"map-epoch-insert-remove", M, true, false, false, 2, 1, {"i1", "r1"}, 13240, false},
    {"map-hazard-remove-get", M, false, false, false, 2, 1, {"r1", "g1"}, 2171, false},
    {"map-epoch-remove-get", M, true, false, false, 2, 1, {"r1", "g1"}, 281, false},
    {"map-hazard-remove-remove", M, false, false, false, 2, 1, {"r1", "r1"}, 6028, false},
    {"map-hazard-grow-insert", M, false, false, false, 2, 1, {"i2", "i3"}, 94919, false},
    {"queue-hazard-fences", Q, false, true, false, 2, 0, {"+-", "-"}, 11534, false},
    {"queue-epoch-fences", Q, true, true, false, 2, 0, {"+-", "-"}, 565, false},
    {"queue-hazard-ends", Q, false, false, true, 2, 0, {"+-", "-"}, 22018, false},
    {"stack-hazard-ends", S, false, false, true, 2, 1, {"-", "+"}, 1590, false},
    {"queue-epoch-ends", Q, true, false, true, 2, 0, {"+-", "-"}, 5596, false},
    {"stack-hazard-three", S, false, false, false, 3, 1, {"-", "-", "+"}, 74546, false},
    {"queue-hazard-three", Q, false, false, false, 3, 0, {"+", "+", "-"}, 12014, false},
    {"queue-epoch-three", Q, true, false, false, 3, 0, {"+", "+", "-"}, 19072, false},
    {"map-epoch-three", M, true, false, false, 3, 0, {"i1", "i1", "g1"}, 16, false},
    {"map-hazard-three", M, false, false, false, 3, 1, {"g1", "i1", "r1"}, 0, false},
};
const size_t kernel_case_count = sizeof kernel_cases / sizeof *kernel_cases;

void kernel_run(const kernel_case *c, const model_options *options, model_result *out)
{
    model_case run = {c->name, c->threads, set_up, {do_all, do_all, do_all}, finish, c->no_membarrier, c->broken_membarrier};
    make_room();
    *the_case = c;
    model_explore(&run, options, out);
}
