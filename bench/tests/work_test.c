/* Work between operations takes the calibrated time and is in no latency. Wrong values in round trips are found. */
#include "bench/result/fields.h"
#include "bench/measure/loops_container.h"
#include "bench/measure/measure.h"
#include "bench/adapters/null.h"
#include "bench/measure/work.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define ENOUGH 300 /* puts, so that a defect of every hundredth one shows */

extern const bench_impl bench_mutex_queue;

/* ---- work ---- */

static void test_turns(void **state)
{
    double per_ns = bench_work_turns_per_ns();
    (void)state;
    assert_true(per_ns > 0.01 && per_ns < 100);       /* a turn takes a few cycles */
    assert_true(bench_work_turns_per_ns() == per_ns); /* calibrated only once */
    assert_int_equal(bench_work_turns(0), 0);
    assert_true(bench_work_turns(1) >= 1);
    for (unsigned ns = 10; ns <= 1000000; ns *= 10) {
        double turns = (double)bench_work_turns(ns);
        assert_true(turns >= ns * per_ns - 1 && turns <= ns * per_ns + 1);
        assert_true(bench_work_turns(ns) > bench_work_turns(ns / 10));
    }
}

static bench_result measure_null(unsigned work_ns, bench_histogram *times)
{
    bench_measurement what = {.impl = &bench_null_container,
                              .workload = bench_workload_named("pairs", BENCH_QUEUE),
                              .threads = 1,
                              .warm_ns = MS,
                              .duration_ns = 5 * MS,
                              .work_ns = work_ns,
                              .times = times};
    bench_result result;
    assert_int_equal(bench_measure(&what, &result), 0);
    return result;
}

/*
 * Processor time of an operation that does nothing, with the work after it: the least of several, since other programs
 * only add to it.
 */
static double cost_with(unsigned work_ns)
{
    double least = 1e9;
    for (unsigned i = 0; i < 15; i++) {
        bench_result result = measure_null(work_ns, NULL);
        double ns = result.operations > 100 ? result.share * 1000 / result.mops : least;
        least = ns < least ? ns : least;
    }
    return least;
}

static void test_work_takes_its_time(void **state)
{
    double none = cost_with(0), some = cost_with(100), much = cost_with(1000);
    (void)state;
    assert_true(none < some / 2);
    assert_true(some > 50 && some < 400); /* twice as long on a shared or slower core */
    assert_true(much > 500 && much < 4000);
}

static void test_work_is_in_no_time(void **state)
{
    bench_histogram *times = calloc(1, sizeof *times);
    (void)state;
    while (times->total < 20)
        measure_null(100000, times);
    assert_true((double)bench_histogram_at(times, 0.5) / bench_ticks_per_ns() < 50000);
    free(times);
}

/* ---- rows ---- */

/* The field is written and read; files that are older than it mean no work. */
static void test_rows_with_work(void **state)
{
    bench_row row = {.what = BENCH_SPEED,
                     .family = BENCH_QUEUE,
                     .workload = "pairs",
                     .implementation = "mutex-queue",
                     .threads = 2,
                     .work_ns = 100},
              got;
    json_t *object = bench_json_row(&row);
    (void)state;
    assert_int_equal(json_integer_value(json_object_get(object, "work_ns")), 100);
    assert_true(bench_json_get_row(object, BENCH_SPEED, &got));
    assert_int_equal(got.work_ns, 100);
    assert_true(bench_rows_same_point(&row, &got));
    assert_int_equal(json_object_del(object, "work_ns"), 0);
    assert_true(bench_json_get_row(object, BENCH_SPEED, &got));
    assert_int_equal(got.work_ns, 0);
    assert_false(bench_rows_same_point(&row, &got));
    assert_int_equal(json_object_del(object, "threads"), 0); /* other members must not be missing */
    assert_false(bench_json_get_row(object, BENCH_SPEED, &got));
    json_decref(object);
}

/* ---- round trips ---- */

/* The defect of the queues: in every hundredth put, or in what is left in them at the end. */
static enum { NOTHING, LOSES, DOUBLES, CHANGES, REFUSES, INVENTS } wrong;
static _Atomic unsigned put_count;
static pthread_t measuring;

static bool hundredth(int of)
{
    return wrong == (unsigned)of && atomic_fetch_add(&put_count, 1) % 100 == 99;
}

BENCH_OP bool bad_put(void *object, void *thread, void *value)
{
    const bench_container_ops *good = bench_mutex_queue.container;
    if (hundredth(LOSES))
        return true;
    if (hundredth(REFUSES))
        return false;
    if (hundredth(CHANGES))
        value = (char *)value + 8;
    if (hundredth(DOUBLES) && !good->put(object, thread, value))
        return false;
    return good->put(object, thread, value);
}

BENCH_OP bool bad_take(void *object, void *thread, void **value)
{
    *value = NULL; /* as some queues do when they are empty */
    if (wrong == INVENTS && pthread_equal(pthread_self(), measuring)) {
        *value = (void *)8;
        return true;
    }
    return bench_mutex_queue.container->take(object, thread, value);
}

BENCH_CONTAINER(bad_queue, bad_put, bad_take);

static bench_result measure_trips(int with, bench_histogram *times)
{
    bench_impl impl = bench_mutex_queue;
    bench_measurement what = {.impl = &impl,
                              .workload = bench_workload_named("round-trip", BENCH_QUEUE),
                              .threads = 2,
                              .warm_ns = MS,
                              .duration_ns = 20 * MS,
                              .times = times};
    bench_result result;
    impl.container = &bad_queue_ops;
    impl.drive = bad_queue_drive;
    wrong = (unsigned)with;
    atomic_store(&put_count, 0);
    assert_int_equal(bench_measure(&what, &result), 0);
    /* on a busy machine too few puts may have been done to show the defect */
    return with != NOTHING && atomic_load(&put_count) < ENOUGH && result.fault[0] == '\0' && with != INVENTS
               ? measure_trips(with, times)
               : result;
}

static void test_round_trips(void **state)
{
    bench_histogram *times = calloc(1, sizeof *times), *ignored = calloc(1, sizeof *ignored);
    uint64_t trips = 0;
    (void)state;
    for (unsigned i = 0; i < 5; i++) { /* a phase may end with the value at either thread, or in a queue */
        bench_result result = measure_trips(NOTHING, times);
        assert_string_equal(result.fault, "");
        trips += result.operations;
    }
    assert_true(times->total > 0 && times->total <= trips &&
                trips <= times->total + 2 * 5); /* except those that the end of a phase cut */
    assert_non_null(strstr(measure_trips(CHANGES, ignored).fault, "not the value sent"));
    assert_non_null(strstr(measure_trips(DOUBLES, ignored).fault, "not the value sent"));
    assert_non_null(strstr(measure_trips(LOSES, ignored).fault, "never came back"));
    assert_non_null(strstr(measure_trips(REFUSES, ignored).fault, "refused"));
    assert_non_null(strstr(measure_trips(INVENTS, ignored).fault, "not under way"));
    free(times);
    free(ignored);
}

int main(void)
{
    measuring = pthread_self();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_work_takes_its_time),
        cmocka_unit_test(test_work_is_in_no_time),
        cmocka_unit_test(test_rows_with_work),
        cmocka_unit_test(test_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
