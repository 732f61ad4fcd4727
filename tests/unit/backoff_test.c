/* How long a thread waits after a lost race: base/backoff.h. */
#include "tests/unit/support.h"

#include <time.h>
#include <weft/base/backoff.h>

enum { TRIP = 200, AGO = 100000, FAST = 1000000, SECOND = 1000000000 };

static uint64_t now_ns = SECOND;

/* Instead of the C library's: the clock by which the waits go. It moves on where a test says so; for a calibration also with each reading. */
int timespec_get(struct timespec *now, int base)
{
    now_ns += 100;
    now->tv_sec = (time_t)(now_ns / SECOND);
    now->tv_nsec = (long)(now_ns % SECOND);
    return base;
}

/* A thread that has done so many operations in the last 100 us. */
static weft_i_pace pace_of(size_t operations)
{
    return (weft_i_pace){.operations = operations, .then_ns = now_ns - AGO, .trip_ns = TRIP};
}

static unsigned wait_of(weft_i_pace *pace)
{
    weft_i_backoff backoff = {0};
    weft_i_backoff_wait(&backoff, pace);
    return backoff.ns;
}

static void test_fast_waits_long(void **state)
{
    weft_i_pace fast = pace_of(FAST), far = pace_of(FAST);
    (void)state;
    assert_int_equal(wait_of(&fast), 8 * TRIP);
    far.trip_ns = 1000;
    assert_int_equal(wait_of(&far), 2500); /* a bound, however far the cores are apart */
}

static void test_slow_waits_short(void **state)
{
    weft_i_pace slow = pace_of(1);
    (void)state;
    assert_int_equal(wait_of(&slow), TRIP / 2);
    assert_int_equal(wait_of(NULL), 80); /* no record: nothing is known */
}

static void test_losses_double_it(void **state)
{
    weft_i_pace fast = pace_of(FAST);
    weft_i_backoff backoff = {0};
    const unsigned expected[] = {1600, 3200, 5000, 5000};
    (void)state;
    for (size_t i = 0; i < T_COUNT(expected); i++) {
        weft_i_backoff_wait(&backoff, &fast);
        assert_int_equal(backoff.ns, expected[i]);
    }
}

/* An interval in which the thread did not run says nothing of its pace, and older ones fade. */
static void test_descheduled(void **state)
{
    weft_i_pace fast = pace_of(1), rare = pace_of(FAST);
    (void)state;
    fast.then_ns -= 10000000;
    fast.took_ns = fast.done = 1000;
    assert_int_equal(wait_of(&fast), 8 * TRIP);
    assert_int_equal(fast.took_ns, 500);
    assert_int_equal(fast.done, 500);
    rare.then_ns -= 10000000; /* nothing is known: races are rare */
    assert_int_equal(wait_of(&rare), TRIP / 2);
}

/* One slow interval does not outweigh those before; older ones fade. */
static void test_a_sum_decides(void **state)
{
    weft_i_pace pace = pace_of(1), old = pace_of(1);
    (void)state;
    pace.took_ns = 90000;
    pace.done = 9000;
    assert_int_equal(wait_of(&pace), 8 * TRIP);
    old.took_ns = 10 * AGO;
    old.done = 100;
    (void)wait_of(&old);
    assert_true(old.took_ns < 10 * AGO && old.done <= 50);
}

/* Each eighth try after a wait is measured; a trip follows what was measured, but not a single interruption. */
static void test_trips(void **state)
{
    weft_i_pace pace = pace_of(1);
    int measured = 0;
    (void)state;
    for (int i = 0; i < 16; i++) {
        weft_i_backoff backoff = {0};
        weft_i_backoff_wait(&backoff, &pace);
        measured += backoff.until_ns != 0;
        if (backoff.until_ns)
            now_ns += SECOND;
        weft_i_backoff_over(&backoff, &pace);
        assert_int_equal(backoff.until_ns, 0);
    }
    assert_int_equal(measured, 2);
    assert_int_equal(pace.trip_ns, 253); /* 200, 225, 253: an eighth more each time, however long the try has taken */
    pace.trip_ns = 4000;
    for (int i = 0; i < 300; i++) {
        weft_i_backoff backoff = {.until_ns = now_ns};
        weft_i_backoff_over(&backoff, &pace);
    }
    assert_true(pace.trip_ns >= 97 && pace.trip_ns <= 104); /* 100, but for rounding */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fast_waits_long),  cmocka_unit_test(test_slow_waits_short),
        cmocka_unit_test(test_losses_double_it), cmocka_unit_test(test_descheduled),
        cmocka_unit_test(test_a_sum_decides),    cmocka_unit_test(test_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
