/* Runs a case: orders in force, the history of what was done, and whether an order that keeps happens-before explains it. */
#define _GNU_SOURCE
#include "tests/model/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/base/record.h>

/* ---- orders ---- */

static const kernel_case **the_case;

/* As the_case: elsewhere than in static data, which the machine puts back. */
static int *orders;
static bool *used;

#define ROW(name, order) {name, order},
const kernel_order kernel_orders[] = {MODEL_ORDER_TABLE(ROW)};
const size_t kernel_order_count = MODEL_ORDERS;

/* Before the machine first looks at the program's data. */
static void make_room(void)
{
    if (the_case)
        return;
    the_case = malloc(sizeof *the_case);
    orders = malloc(MODEL_ORDERS * sizeof *orders);
    used = calloc(MODEL_ORDERS, sizeof *used);
    if (!the_case || !orders || !used)
        abort();
    kernel_orders_reset();
}

void kernel_orders_reset(void)
{
    make_room();
    for (size_t i = 0; i < MODEL_ORDERS; i++)
        orders[i] = kernel_orders[i].order;
}

void kernel_order_set(size_t which, int order)
{
    make_room();
    orders[which] = order;
}

int model_order(int which)
{
    used[which] |= !model_is_alone();
    return orders[which];
}

bool kernel_uses(const kernel_case *c, size_t which)
{
    const model_options some = {.quiet = true, .search = MODEL_RANDOM, .most = 300};
    const model_options others = {.quiet = true, .search = MODEL_PCT, .most = 300, .depth = 3};
    model_result result;
    make_room();
    memset(used, 0, MODEL_ORDERS * sizeof *used);
    kernel_run(c, &some, &result);
    kernel_run(c, &others, &result);
    return used[which];
}

size_t kernel_order_named(const char *name)
{
    size_t i = 0;
    while (i < kernel_order_count && strcmp(kernel_orders[i].name, name) != 0)
        i++;
    return i;
}

const kernel_case *kernel_running(void)
{
    return *the_case;
}

bool model_gives_back(void)
{
    return !((*the_case)->flags & RECYCLES);
}

/* ---- what was done ---- */

enum { MOST = 64 };

typedef struct done {
    lin_operation op; /* first */
    unsigned thread;
    bool answered;
    uint32_t began[MODEL_THREADS], ended; /* clocks */
} done;

static done history[MOST];
static int count;

lin_operation *kernel_begin(lin_kind kind, int64_t key, int64_t value)
{
    done *d = &history[count++];
    if (count > MOST)
        abort();
    *d = (done){.op = {.kind = (uint8_t)kind, .key = key, .value = value}, .thread = model_thread()};
    for (unsigned t = 0; t < MODEL_THREADS; t++)
        d->began[t] = model_clock(t);
    return &d->op;
}

void kernel_end(lin_operation *op, lin_result got, int64_t result)
{
    done *d = (done *)(void *)op;
    op->got = (uint8_t)got;
    op->result = result;
    d->answered = true;
    d->ended = model_tick();
}

static bool precedes(const done *a, const done *b)
{
    return a->thread == b->thread ? a < b : a->ended <= b->began[a->thread];
}

/* ---- explaining ---- */

enum { STATE = 1024, FAILED = 1 << 12 };

/* What has been tried in vain: the operations that were left, and the state they were left in. */
typedef struct tried {
    uint64_t left, state;
} tried;

static tried failed[FAILED];

static tried *tried_at(uint64_t left, const char *state, size_t size)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)state[i]) * 1099511628211u;
    tried *t = &failed[(left * 0x9e3779b97f4a7c15u ^ hash) >> 52];
    if (t->left == left && t->state == hash)
        return NULL;
    *t = (tried){left, hash};
    return t;
}

/* An order that keeps happens-before and that the specification would have answered so. */
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
        if (spec->step(next, &history[begins[i]].op) == LIN_YES && tried_at(rest, next, spec->size) && explained(spec, rest, next))
            return true;
    }
    return false;
}

static void show_history(void)
{
    static const char *const kinds[] = {"enqueue", "dequeue", "push", "pop", "get", "insert", "put", "remove", "get_or_insert", "replace"};
    static const char *const answers[] = {"nothing", "", "false", "true"};
    for (int i = 0; i < count; i++) {
        const done *d = &history[i];
        fprintf(stderr, "       thread %u: %s", d->thread, kinds[d->op.kind]);
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

static void check_history(void)
{
    static char state[STATE];
    const kernel_kind kind = (*the_case)->kind;
    if (kind == CELL)
        return;
    const lin_spec *spec = kind == QUEUE ? &lin_queue_spec : kind == STACK ? &lin_stack_spec : &lin_map_spec;
    spec->init(state, 0);
    bool fine = explained(spec, count == MOST ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1, state);
    if (!fine && model_is_shown())
        show_history();
    model_check(fine, "no order explains what the operations have answered");
}

static void finish(void)
{
    kernel_take_down();
    check_history();
    model_check(model_unfreed(sizeof(weft_i_record)) == 0, "memory was never freed");
}

/* ---- running ---- */

void kernel_run(const kernel_case *c, const model_options *options, model_result *out)
{
    model_case run = {.name = c->name,
                      .setup = kernel_set_up,
                      .thread = {kernel_do_all, kernel_do_all, kernel_do_all, kernel_do_all},
                      .finish = finish,
                      .no_membarrier = c->flags & FENCES,
                      .refused_membarrier = c->flags & REFUSED,
                      .broken_membarrier = c->flags & BROKEN,
                      .reuse = c->flags & REUSE};
    while (run.threads < KERNEL_THREADS && c->does[run.threads])
        run.threads++;
    make_room();
    *the_case = c;
    model_explore(&run, options, out);
}
