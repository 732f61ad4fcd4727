/* Runs a case, with the orders in force. */
#define _GNU_SOURCE
#include "tests/cases/operations.h"
#include "check/model/explain.h"

#include <stdlib.h>
#include <string.h>

#include <weft/queues/ring_kernel.h>
#include <weft/reclaim/record.h>

/* Not in static data, which the machine restores before each execution. */
static struct beside {
    const kernel_case *running;
    int order[MODEL_ORDERS];
    bool used[MODEL_ORDERS];
} * beside;

/* Before the machine first copies the program's data. */
static void make_room(void)
{
    if (beside)
        return;
    beside = calloc(1, sizeof *beside);
    if (!beside)
        abort();
    kernel_orders_reset();
}

/* ---- orders ---- */

#define ROW(name, order) {name, order},
const kernel_order kernel_orders[] = {MODEL_ORDER_TABLE(ROW)};
const size_t kernel_order_count = MODEL_ORDERS;

void kernel_orders_reset(void)
{
    make_room();
    for (size_t i = 0; i < MODEL_ORDERS; i++)
        beside->order[i] = kernel_orders[i].order;
}

void kernel_order_set(size_t which, int order)
{
    make_room();
    beside->order[which] = order;
}

int model_order(int which)
{
    beside->used[which] |= !model_is_alone();
    return beside->order[which];
}

void kernel_uses(const kernel_case *c, bool *used)
{
    const model_options some = {.quiet = true, .search = MODEL_RANDOM, .most = 300};
    const model_options others = {.quiet = true, .search = MODEL_PCT, .most = 300, .depth = 3};
    model_result result;
    make_room();
    memset(beside->used, 0, sizeof beside->used);
    kernel_run(c, &some, &result);
    kernel_run(c, &others, &result);
    memcpy(used, beside->used, sizeof beside->used);
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
    return beside->running;
}

bool model_gives_back(void)
{
    return !(beside->running->flags & RECYCLES);
}

size_t model_spares(void)
{
    return beside->running->flags & CLAIMED ? 1 : WEFT_I_RING_SPARES;
}

size_t model_patience(void)
{
    return beside->running->flags & WAITS ? 4 : beside->running->flags & HASTY ? 1 : 0;
}

static void finish(void)
{
    kernel_take_down();
    if (beside->running->structure != CELL)
        structure_kind_of(beside->running->structure)->explain();
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
    model_explain_prepare();
    kernel_parse(c);
    beside->running = c;
    model_explore(&run, options, out);
}
