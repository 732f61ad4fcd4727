/* Medians, intervals, and ratios that are clearly on one side of 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first */
#include <cmocka.h>

#include "bench/measure/random.h"
#include "bench/result/rows.h"

#include <string.h>

enum { ROUNDS = 9, TRIALS = 2000 };

static void test_median(void **state)
{
    double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2};
    (void)state;
    assert_true(bench_median(odd, 3) == 2);
    assert_true(bench_median(even, 4) == 2.5);
    assert_true(bench_median(odd, 0) == 0);
}

static void test_interval_of_equal_samples(void **state)
{
    const double same[] = {7, 7, 7, 7, 7};
    bench_interval i = bench_interval_of(same, 5);
    (void)state;
    assert_true(i.low == 7 && i.median == 7 && i.high == 7);
    i = bench_interval_of(same, 0);
    assert_true(i.low == 0 && i.median == 0 && i.high == 0);
}

/* For samples of one distribution, about 95 of 100 intervals contain its median. */
static void test_intervals_hold_the_median(void **state)
{
    uint64_t random = bench_seed(1);
    unsigned held = 0;
    (void)state;
    for (unsigned trial = 0; trial < TRIALS; trial++) {
        double samples[ROUNDS];
        for (unsigned r = 0; r < ROUNDS; r++)
            samples[r] = (double)(bench_random(&random) >> 11) / (double)(UINT64_C(1) << 53); /* median 0.5 */
        bench_interval i = bench_interval_of(samples, ROUNDS);
        assert_true(i.low <= i.median && i.median <= i.high);
        held += i.low <= 0.5 && 0.5 <= i.high;
    }
    print_message("%u of %d\n", held, TRIALS);
    assert_in_range(held, TRIALS * 90 / 100, TRIALS * 99 / 100);
}

static bench_row row_of(const char *name, bench_role role, double speed, double spread)
{
    bench_row row = {.role = role, .rounds = ROUNDS};
    strcpy(row.implementation, name);
    for (unsigned r = 0; r < ROUNDS; r++) /* the machine drifts by half, equally for all */
        row.mops[r] = (speed + spread * (r % 3)) * (1 + (double)r / ROUNDS / 2);
    row.speed = bench_interval_of(row.mops, ROUNDS);
    return row;
}

/* Ratios are taken within a round: a drift of the whole machine does not blur them. */
static void test_ratios(void **state)
{
    bench_row row[] = {row_of("weft", BENCH_WEFT, 20, 0), row_of("mutex-list", BENCH_BASELINE, 10, 0),
                       row_of("peer", BENCH_PEER, 19.5, 0.5), row_of("slow", BENCH_PEER, 5, 0),
                       row_of("wrong", BENCH_PEER, 99, 0)};
    bench_rows rows = {.row = row, .count = sizeof row / sizeof *row};
    (void)state;
    strcpy(row[4].fault, "loses values");
    bench_rows_ratios(&rows, 0);
    assert_true(row[0].to_mutex.low > 1.99 && row[0].to_mutex.high < 2.01);
    assert_true(bench_is_clear(&row[0].to_mutex));
    assert_string_equal(row[0].best_peer, "peer"); /* never one with a wrong result */
    assert_false(bench_is_clear(&row[0].to_best_peer));
    assert_true(bench_is_clear(&row[3].to_best_peer) && row[3].to_best_peer.high < 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_median),
        cmocka_unit_test(test_interval_of_equal_samples),
        cmocka_unit_test(test_intervals_hold_the_median),
        cmocka_unit_test(test_ratios),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
