/*
 * Weft's real kernels with their reclamation on the machine: every execution of the small cases, whose number is
 * asserted; larger cases by probabilistic concurrency testing; and docs/orders.md: the case that it names notices the
 * weaker order.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first */
#include <cmocka.h>

#include "tests/cases/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CASES = 400, LINE = 600 };

/* Of a case that is too large to be explored to the end. */
static uint64_t schedules_of(const kernel_case *c)
{
    return c->does[2] ? 100000 : 25000;
}

static void test_case(void **state)
{
    const kernel_case *c = *state;
    const model_options options = {
        .search = c->flags & LARGE ? MODEL_PCT : MODEL_ALL, .most = c->flags & LARGE ? schedules_of(c) : 0, .depth = 3};
    model_result result;
    kernel_run(c, &options, &result);
    print_message("%llu executions, %llu steps\n", (unsigned long long)result.executions,
                  (unsigned long long)result.steps);
    assert_false(result.failed);
    if (c->flags & LARGE) {
        assert_int_equal(result.executions, schedules_of(c));
        return;
    }
    assert_true(result.complete);
    assert_int_equal(result.executions, c->executions);
}

/* ---- docs/orders.md ---- */

typedef struct entry {
    char order[40], to[20], noticed_by[60], why[400];
} entry;

/* The next line of the table. False: there is none. */
static bool read_entry(FILE *file, entry *e)
{
    char line[LINE];
    while (fgets(line, sizeof line, file)) {
        *e = (entry){0};
        if (sscanf(line, "| %39[A-Z0-9_] | %19[a-z_] | %59[^|]| %399[^|\n]", e->order, e->to, e->noticed_by, e->why) <
            2)
            continue;
        e->noticed_by[strcspn(e->noticed_by, " ")] = 0;
        return true;
    }
    return false;
}

/* Asserts that the case still notices the weakening, or that the reason in sweep.c is the same. */
static void check_entry(const entry *e)
{
    bool heavy = strcmp(e->order, sweep_heavy_fence) == 0;
    size_t order = heavy ? kernel_order_count : kernel_order_named(e->order);
    int to = strcmp(e->to, "removed") == 0 ? MODEL_RELAXED : sweep_order_of(e->to);
    model_result result;
    assert_true(to >= 0 && (heavy || order < kernel_order_count));
    if (!e->noticed_by[0]) {
        assert_non_null(sweep_reason(e->order, to));
        return;
    }
    assert_non_null(kernel_case_named(e->noticed_by));
    bool noticed = sweep_notices(kernel_case_named(e->noticed_by), order, to, false, &result);
    if (!noticed)
        print_message("%s as %s: %s does not notice\n", e->order, e->to, e->noticed_by);
    assert_true(noticed);
}

static void test_each_order_is_needed(void **state)
{
    entry e;
    size_t entries = 0, wanted = 1;
    FILE *file = fopen("docs/orders.md", "r");
    (void)state;
    assert_non_null(file);
    for (size_t i = 0; i < kernel_order_count; i++)
        for (const int *to = sweep_weaker(kernel_orders[i].order); *to >= 0; to++)
            wanted++;
    while (read_entry(file, &e)) {
        check_entry(&e);
        entries++;
    }
    (void)fclose(file);
    print_message("%zu weakenings\n", entries);
    assert_int_equal(
        entries,
        wanted); /* otherwise it is out of date: ./weft model --sweep --docs > docs/orders.md, and orders.py --pairs */
}

/* ---- failures ---- */

static void weaker_run(const char *name, const model_options *options, model_result *out)
{
    sweep_run(kernel_case_named(name), kernel_order_named("MSQ_R1"), MODEL_RELAXED, options, out);
}

/* Each search finds the race that MSQ_R1 prevents. It needs one switch, and its schedule fails again. */
static void test_failures_can_be_found_and_replayed(void **state)
{
    const model_options ways[] = {{.quiet = true},
                                  {.quiet = true, .search = MODEL_RANDOM, .most = 2000},
                                  {.quiet = true, .search = MODEL_PCT, .most = 2000, .depth = 3},
                                  {.quiet = true, .bounded = true, .switches = 1, .stale = 0}};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        model_result result, again;
        weaker_run("queue-hazard-put-take", &ways[i], &result);
        assert_true(result.failed);
        assert_true(result.schedule[0] != 0);
        const model_options replay = {.quiet = true, .schedule = result.schedule};
        weaker_run("queue-hazard-put-take", &replay, &again);
        assert_true(again.failed);
        assert_int_equal(again.executions, 1);
        assert_string_equal(again.why, result.why);
        kernel_run(kernel_case_named("queue-hazard-put-take"), &replay, &again);
        assert_false(again.failed);
    }
}

static void test_bounds_bound(void **state)
{
    const model_options none = {.quiet = true, .bounded = true};
    model_result result;
    (void)state;
    weaker_run("queue-hazard-put-take", &none, &result);
    assert_false(result.failed);
    assert_true(result.complete);
    assert_int_equal(result.executions, 2); /* either thread goes first */
}

static void test_a_schedule_must_fit(void **state)
{
    static const char *const wrong[] = {"0t3",  "0t9",     "3s7",         "999,999,-1", "",
                                        "0t1,", "0t1,0t2", "0t1,99999t1", "0t1,9999s1"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const model_options options = {.quiet = true, .schedule = wrong[i]};
        model_result result;
        kernel_run(kernel_case_named("queue-hazard-put-take"), &options, &result);
        assert_true(result.misfit && !result.failed);
    }
}

int main(void)
{
    static struct CMUnitTest tests[MOST_CASES] = {
        cmocka_unit_test(test_failures_can_be_found_and_replayed), cmocka_unit_test(test_bounds_bound),
        cmocka_unit_test(test_a_schedule_must_fit), cmocka_unit_test(test_each_order_is_needed)};
    size_t count = 4;
    for (size_t i = 0; i < kernel_case_count; i++)
        if (!(kernel_cases[i].flags & SLOW))
            tests[count++] =
                (struct CMUnitTest){kernel_cases[i].name, test_case, NULL, NULL, (void *)(uintptr_t)&kernel_cases[i]};
    return _cmocka_run_group_tests("kernels", tests, count, NULL, NULL);
}
