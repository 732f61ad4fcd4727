/*
 * Real threads on the real structures, under both schemes: their operations are recorded and must be linearizable.
 * Threads sometimes yield between operations, so that few cores see more orders, too. parked_test (LIN_PARKED) uses a
 * build of the library that holds threads up at any atomic operation. Its batches and tables are small, so that
 * addresses come back at once and the table grows and shrinks all the time.
 */
#define _GNU_SOURCE
#include "tests/cases/subjects.h"
#include "check/history/park.h"
#include "check/history/recorder.h"
#include "check/history/timeline.h"
#include "tests/support/containers.h"
#include "tests/support/maps.h"
#include "tests/support/rings.h"
#include "tests/unit/support.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPERATIONS = 10000, SUBJECTS = 2 * (CONTAINERS + RINGS + 1 + MAPS) + 1 };

static int rounds = T_SCALE(40, 5);

/* A round takes some hundredths of a second. 0: no limit. A seeded bug may make links circular. */
static unsigned limit_seconds;

static void on_alarm(int signal)
{
    static const char message[] = "error: a round does not end\n";
    (void)signal;
    (void)!write(STDOUT_FILENO, message, sizeof message - 1);
    _exit(3);
}

#ifdef LIN_PARKED
enum { PARKED = 1 };
#else
enum { PARKED = 0 };
#endif

typedef struct total {
    size_t planned, operations, concurrent, violations, iterations, seen;
} total;

static void add(total *sum, const lin_outcome *outcome)
{
    CHECK(outcome->finding.verdict == LIN_LINEARIZABLE || outcome->finding.verdict == LIN_VIOLATION);
    if (outcome->finding.verdict == LIN_VIOLATION && sum->violations++ == 0) {
        print_message("%s\n", outcome->finding.why);
        if (outcome->finding.window.count <= 40)
            (void)lin_draw_text(stdout, &outcome->finding.window);
    }
    sum->operations += outcome->history.count;
    sum->concurrent += outcome->concurrent;
    sum->iterations += outcome->iterations;
    sum->seen += outcome->seen;
}

static total record(const lin_subject *subject, int times)
{
    total sum = {0};
    for (int i = 0; i < times && (sum.violations == 0 || times <= 3); i++) {
        lin_outcome outcome;
        lin_plan plan = lin_plan_of((uint64_t)i, subject, 2, OPERATIONS);
        if (!PARKED)
            plan.park_yields = 0;
        sum.planned += plan.threads * plan.operations;
        alarm(limit_seconds);
        CHECK(lin_round(subject, &plan, (uint64_t)i, &outcome) == 0);
        add(&sum, &outcome);
        lin_outcome_free(&outcome);
    }
    print_message(
        "%s, %s: %zu operations, %zu beside others, %zu iterations, %zu entries sure in them, %zu violations\n",
        subject->name, subject->scheme, sum.operations, sum.concurrent, sum.iterations, sum.seen, sum.violations);
    return sum;
}

static void test_subject(void **state)
{
    const lin_subject *subject = *state;
    total sum = record(subject, rounds);
    assert_int_equal(sum.violations, 0);
    assert_true(sum.operations >= sum.planned && sum.planned > (size_t)rounds * OPERATIONS / 3);
    assert_true(sum.concurrent >
                sum.operations / (subject->roles == LIN_ONE_EACH ? 20 : 4)); /* two threads meet less often */
    if (subject->type == LIN_MAP) {
        assert_int_equal(sum.iterations, rounds * 17);
        assert_true(sum.seen > (size_t)rounds);
    }
}

/* ---- wrong structures must be found ---- */

static const lin_subject *first_of(lin_type type)
{
    const lin_subject *const *at = lin_weft_subjects;
    while ((*at)->type != type)
        at++;
    return *at;
}

/* Answers that it has inserted even if the key was there. */
static void always_inserts(void *object, void *thread, lin_operation *op)
{
    first_of(LIN_MAP)->perform(object, thread, op);
    op->got = op->kind == LIN_INSERT ? LIN_TRUE : op->got;
}

static bool forgets_one(void *object, lin_iteration *out)
{
    bool done = first_of(LIN_MAP)->iterate(object, out);
    out->count -= out->count > 0;
    return done;
}

static bool sees_one_twice(void *object, lin_iteration *out)
{
    bool done = first_of(LIN_MAP)->iterate(object, out);
    if (out->count > 0 && out->count < out->room) {
        out->entry[out->count] = out->entry[out->count - 1];
        out->count++;
    }
    return done;
}

static lin_subject seeded(lin_type from, void (*perform)(void *, void *, lin_operation *),
                          bool (*iterate)(void *, lin_iteration *))
{
    lin_subject subject = *first_of(from);
    subject.name = "no such thing";
    subject.perform = perform ? perform : subject.perform;
    subject.iterate = iterate ? iterate : subject.iterate;
    subject.size = NULL; /* it would show the fault, too */
    return subject;
}

static void test_what_is_none(void **state)
{
    lin_subject no_stack = seeded(LIN_QUEUE, NULL, NULL);
    lin_subject no_map = seeded(LIN_MAP, always_inserts, NULL), forgets = seeded(LIN_MAP, NULL, forgets_one);
    lin_subject twice = seeded(LIN_MAP, NULL, sees_one_twice);
    (void)state;
    no_stack.type = LIN_STACK;
    assert_int_equal(record(&no_stack, 3).violations, 3);
    assert_int_equal(record(&lin_broken_queue, 3).violations, 3);
    assert_int_equal(record(&no_map, 3).violations, 3);
    assert_int_equal(record(&forgets, 3).violations, 3);
    assert_int_equal(record(&twice, 3).violations, 3);
}

int main(int count, char **argument)
{
    struct CMUnitTest tests[SUBJECTS + 1] = {cmocka_unit_test(test_what_is_none)};
    char names[SUBJECTS][60];
    CHECK(!lin_weft_subjects[SUBJECTS]);
    for (int i = 0; i < SUBJECTS; i++) {
        const lin_subject *subject = lin_weft_subjects[i];
        snprintf(names[i], sizeof names[i], "%s (%s)", subject->name, subject->scheme);
        tests[i + 1] = (struct CMUnitTest){names[i], test_subject, NULL, NULL, (void *)(uintptr_t)subject};
    }
    if (count > 1) /* PATTERN [ROUNDS] */
        cmocka_set_test_filter(argument[1]);
    if (count > 2) {
        rounds = atoi(argument[2]);
        limit_seconds = 15;
        signal(SIGALRM, on_alarm);
    }
    lin_clock_choose();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (PARKED)
        print_message("held up %zu times inside operations\n", lin_parked());
    return failed || (PARKED && count == 1 && lin_parked() < 10000);
}
