/*
 * Weft's real kernels, whole with their reclamation, on the machine: every execution of the small cases, whose number is
 * asserted; and weaker orders, which must be noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first */
#include <cmocka.h>

#include "tests/model/kernels.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CASES = 64 };

static void test_case(void **state)
{
    const kernel_case *c = *state;
    model_result result;
    kernel_run(c, NULL, &result);
    print_message("%llu executions, %llu steps\n", (unsigned long long)result.executions, (unsigned long long)result.steps);
    assert_false(result.failed);
    assert_true(result.complete);
    assert_int_equal(result.executions, c->executions);
}

typedef struct weaker {
    const char *order, *noticed_by;
} weaker;

/* Of what ./weft model --sweep prints, those that take a moment. */
static const weaker weakened[] = {
    {"MSQ_R1", "queue-hazard-put-take"},       {"GUARD_A1", "queue-epoch-pair-take"},   {"GUARD_A2", "queue-hazard-put-put"},
    {"GUARD_R2", "map-epoch-insert-remove"},   {"GUARD_R3", "queue-hazard-pair-take"},  {"GUARD_R4", "queue-hazard-pair-take"},
    {"GUARD_R5", "queue-epoch-pair-take"},     {"DOMAIN_A1", "queue-epoch-pair-take"},  {"DOMAIN_A2", "queue-hazard-pair-take"},
    {"DOMAIN_X1", "queue-epoch-pair-take"},
};

static const kernel_case *case_named(const char *name)
{
    for (size_t i = 0; i < kernel_case_count; i++)
        if (strcmp(kernel_cases[i].name, name) == 0)
            return &kernel_cases[i];
    abort();
}

static void test_weaker_orders_are_noticed(void **state)
{
    const model_options quiet = {.quiet = true};
    model_result result;
    (void)state;
    for (size_t i = 0; i < sizeof weakened / sizeof *weakened; i++) {
        size_t order = 0;
        while (order < kernel_order_count && strcmp(kernel_orders[order].name, weakened[i].order) != 0)
            order++;
        assert_true(order < kernel_order_count);
        kernel_order_set(order, MODEL_RELAXED);
        kernel_run(case_named(weakened[i].noticed_by), &quiet, &result);
        kernel_orders_reset();
        print_message("%s relaxed: %s\n", weakened[i].order, result.failed ? result.why : "not noticed");
        assert_true(result.failed);
    }
}

/* Hazards published with no store-load ordering, epochs likewise: what is freed was still being read. */
static void test_a_broken_fence_is_noticed(void **state)
{
    static const char *const cases[] = {"queue-hazard-pair-take", "queue-epoch-pair-take", "stack-hazard-take-take"};
    const model_options quiet = {.quiet = true};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_result result;
        kernel_case *broken = malloc(sizeof *broken); /* static data are put back */
        assert_non_null(broken);
        *broken = *case_named(cases[i]);
        broken->broken_membarrier = true;
        kernel_run(broken, &quiet, &result);
        print_message("%s without a fence: %s\n", cases[i], result.failed ? result.why : "not noticed");
        assert_true(result.failed);
        free(broken);
    }
}

int main(void)
{
    static struct CMUnitTest tests[MOST_CASES] = {cmocka_unit_test(test_weaker_orders_are_noticed),
                                                  cmocka_unit_test(test_a_broken_fence_is_noticed)};
    size_t count = 2;
    for (size_t i = 0; i < kernel_case_count; i++)
        if (kernel_cases[i].executions)
            tests[count++] = (struct CMUnitTest){kernel_cases[i].name, test_case, NULL, NULL, (void *)(uintptr_t)&kernel_cases[i]};
    return _cmocka_run_group_tests("kernels", tests, count, NULL, NULL);
}
