/* A case begins and ends, and its letters are done one by one. */
#define _GNU_SOURCE
#include "tests/model/operations.h"

#include <errno.h>
#include <string.h>

weft_domain *the_domain;

bool somebody_does(const char *what)
{
    bool found = false;
    for (unsigned t = 0; t < KERNEL_THREADS && kernel_running()->does[t]; t++)
        found = found || strstr(kernel_running()->does[t], what);
    return found;
}

/* As soon as the structure is gone, whoever has destroyed it. */
static void try_to_destroy(void)
{
    int error = weft_domain_destroy(the_domain);
    MODEL_CHECK(error == 0 || error == -EBUSY);
    if (error == 0)
        the_domain = NULL;
}

static void perform(char what, int64_t key, int64_t value)
{
    bool cell = kernel_running()->structure == CELL;
    if (what == 'X')
        try_to_destroy();
    else if (what == 'f')
        weft_domain_flush(the_domain);
    else if (what == 'x')
        model_end_thread();
    else
        MODEL_CHECK(cell ? cell_does(what) : structure_does(what, key, value));
}

static void perform_all(const char *at, int64_t value)
{
    for (; at && *at; at++) {
        bool has_key = at[1] >= '1' && at[1] <= '9';
        perform(*at, has_key ? at[1] - '0' : 0, ++value);
        at += has_key;
    }
}

void kernel_do_all(void)
{
    unsigned who = model_thread();
    perform_all(kernel_running()->does[who - 1], who * 16);
    if (kernel_running()->flags & ENDS)
        model_end_thread();
}

/* ---- before and after ---- */

/* What is only counted, and what only a taker or a barrier would look at where there is none. */
static void attach(void)
{
    const kernel_case *c = kernel_running();
    bool asked = c->epochs || c->flags & ENDS || c->structure == CELL || somebody_does("f") || somebody_does("x");
    MODEL_CHECK(weft_domain_attach(the_domain) == 0);
    weft_i_local *local = weft_i_local_peek(the_domain);
    if (c->flags & COUNTED)
        return;
    model_figures(&local->counters, sizeof local->counters);
    model_figures(&local->room, sizeof local->room); /* which others only count, and its owner sees as it is */
    if (!asked)
        model_figures(&weft_i_own_record()->operation.domain, sizeof weft_i_own_record()->operation.domain);
}

static void do_first(void)
{
    perform_all(kernel_running()->first[model_thread() - 1], model_thread() * 16 + 8);
}

void kernel_set_up(void)
{
    const kernel_case *c = kernel_running();
    const weft_domain_config config = {.scheme = c->epochs ? WEFT_EPOCH : WEFT_HAZARD};
    MODEL_CHECK(weft_domain_create(&the_domain, &config) == 0);
    if (!(c->flags & COUNTED)) {
        model_figures(&the_domain->shared.counters, sizeof the_domain->shared.counters);
        model_figures(&the_domain->pending_peak, sizeof the_domain->pending_peak);
    }
    for (unsigned t = 1; t <= KERNEL_THREADS && c->does[t - 1] && !(c->flags & LATE); t++)
        model_as(t, attach);
    MODEL_CHECK((c->structure == CELL ? cell_create() : structure_create(c->before)) == 0);
    for (unsigned t = 1; t <= KERNEL_THREADS && c->does[t - 1]; t++)
        if (c->first[t - 1])
            model_as(t, do_first);
    cell_note_first();
}

void kernel_take_down(void)
{
    if (kernel_running()->structure == CELL)
        cell_destroy();
    else
        structure_destroy();
    MODEL_CHECK(!the_domain || weft_domain_destroy(the_domain) == 0);
    cell_check_gone();
}
