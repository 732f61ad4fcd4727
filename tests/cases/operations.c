/* Parses a case and runs it: setup, each thread's operations, and the end. */
#define _GNU_SOURCE
#include "tests/cases/operations.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

weft_domain *the_domain;

/* ---- what a case is made of ---- */

/* Succeeds once the structure is gone, whichever thread has destroyed it. */
static void destroy_domain(int64_t key, int64_t value)
{
    (void)key, (void)value;
    int error = weft_domain_destroy(the_domain);
    MODEL_CHECK(error == 0 || error == -EBUSY);
    if (error == 0)
        the_domain = NULL;
}

OPERATION(flush, weft_domain_flush(the_domain))

OPERATION(end, model_end_thread())

static const operation common_operations[] = {
    {"flush", "flush the domain", flush, false},
    {"end", "the thread ends", end, false},
    {"destroy-domain", "destroy the domain, unless it is busy", destroy_domain, false},
    {0},
};

static const operation *own_operations(const char *structure)
{
    return structure == CELL ? cell_operations : structure_kind_of(structure)->operations;
}

static void list(const char *title, const operation *operations)
{
    printf("%s\n", title);
    for (const operation *o = operations; o->name; o++)
        printf("  %s%-*s %s\n", o->name, (int)(26 - strlen(o->name)), o->keyed ? " KEY" : "", o->says);
}

void kernel_list_operations(void)
{
    list("queue, segq, stack", own_operations("msq"));
    list("spsc", own_operations("spsc"));
    list("ring", own_operations("ring"));
    list("mailbox", own_operations("mailbox"));
    list("deque", own_operations("deque"));
    list("map", own_operations("map"));
    list("table", own_operations("table"));
    list("cell, pointer: threads share a pointer to an object; a thread that replaces the object retires the old one",
         own_operations(CELL));
    list("all", common_operations);
}

/* ---- reading a case ---- */

enum { MOST = 24 };

typedef struct step {
    const operation *does;
    int64_t key;
} step;

/* Not in static data, which the machine restores before each execution. */
static struct parsed {
    step does[KERNEL_THREADS][MOST], first[KERNEL_THREADS][MOST]; /* each ends with NULL */
} * parsed;

static const operation *named(const operation *among, const char *text, size_t length)
{
    for (; among->name; among++)
        if (strlen(among->name) == length && strncmp(among->name, text, length) == 0)
            return among;
    return NULL;
}

static _Noreturn void misspelt(const kernel_case *c, const char *at)
{
    fprintf(stderr, "tests/cases: %s: no such operation: %s\n", c->name, at);
    abort();
}

static void parse(const kernel_case *c, const char *text, step *steps)
{
    const operation *own = own_operations(c->structure);
    int count = 0;
    memset(steps, 0, MOST * sizeof *steps);
    for (const char *at = text; at && *at; at += strspn(at, ", ")) {
        size_t length = strcspn(at, ", ");
        const operation *found = named(own, at, length);
        if (!found)
            found = named(common_operations, at, length);
        if (!found || count == MOST - 1)
            misspelt(c, at);
        at += length;
        steps[count].does = found;
        if (found->keyed) {
            if (at[0] != ' ' || at[1] < '1' || at[1] > '9')
                misspelt(c, at);
            steps[count].key = at[1] - '0';
            at += 2;
        }
        if (*at && *at != ',')
            misspelt(c, at);
        count++;
    }
}

void kernel_parse(const kernel_case *c)
{
    if (!parsed && !(parsed = calloc(1, sizeof *parsed)))
        abort();
    for (int t = 0; t < KERNEL_THREADS; t++) {
        parse(c, c->does[t], parsed->does[t]);
        parse(c, c->first[t], parsed->first[t]);
    }
}

bool thread_does(unsigned thread, const char *name, int64_t key)
{
    for (const step *s = parsed->does[thread - 1]; s->does; s++)
        if (strcmp(s->does->name, name) == 0 && (!key || s->key == key))
            return true;
    return false;
}

bool somebody_does(const char *name, int64_t key)
{
    for (unsigned t = 1; t <= KERNEL_THREADS; t++)
        if (thread_does(t, name, key))
            return true;
    return false;
}

static void perform_all(const step *steps, int64_t value)
{
    for (; steps->does; steps++)
        steps->does->perform(steps->key, ++value);
}

void kernel_do_all(void)
{
    unsigned who = model_thread();
    perform_all(parsed->does[who - 1], who * 16);
    if (kernel_running()->flags & ENDS)
        model_end_thread();
}

/* ---- before and after ---- */

/* The counters are statistics. So is operation.domain if no thread of the case could look at it. */
static void attach(void)
{
    const kernel_case *c = kernel_running();
    bool asked =
        c->epochs || c->flags & ENDS || c->structure == CELL || somebody_does("flush", 0) || somebody_does("end", 0);
    MODEL_CHECK(weft_domain_attach(the_domain) == 0);
    weft_i_local *local = weft_i_local_peek(the_domain);
    if (c->flags & COUNTED)
        return;
    model_figures(&local->counters, sizeof local->counters);
    model_figures(&local->room, sizeof local->room); /* others only add it up; its owner sees its own writes */
    if (!asked)
        model_figures(&weft_i_own_record()->operation.domain, sizeof weft_i_own_record()->operation.domain);
}

static void do_first(void)
{
    perform_all(parsed->first[model_thread() - 1], model_thread() * 16 + 8);
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
    MODEL_CHECK((c->structure == CELL ? cell_create() : structure_kind_of(c->structure)->create(c->before)) == 0);
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
        structure_kind_of(kernel_running()->structure)->destroy();
    MODEL_CHECK(!the_domain || weft_domain_destroy(the_domain) == 0);
    cell_check_gone();
}
