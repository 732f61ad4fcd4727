/* The closing two lines of the bench, for made-up rows: which implementation is fastest, and where Weft is behind. */
#include "bench/report/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bench_rows rows;

static bench_row *add_row(bench_what what, const char *name, bench_role role, const char *workload, unsigned threads,
                          double figure)
{
    bench_row row = {.what = what,
                     .family = BENCH_QUEUE,
                     .role = role,
                     .threads = threads,
                     .rounds = 5,
                     .speed = {.median = figure, .low = figure * 0.95, .high = figure * 1.05},
                     .p999_ns = figure};
    snprintf(row.implementation, sizeof row.implementation, "%s", name);
    snprintf(row.scheme, sizeof row.scheme, "%s", role == BENCH_WEFT ? "hazard" : "");
    snprintf(row.workload, sizeof row.workload, "%s", workload);
    assert_true(bench_rows_add(&rows, &row));
    return &rows.row[rows.count - 1];
}

static void add_point(bench_what what, const char *workload, unsigned threads, double weft, double mutex, double spin,
                      double library)
{
    add_row(what, "weft-queue", BENCH_WEFT, workload, threads, weft);
    add_row(what, "mutex-queue", BENCH_BASELINE, workload, threads, mutex);
    add_row(what, "spin-queue", BENCH_BASELINE, workload, threads, spin);
    add_row(what, "ck-fifo", BENCH_PEER, workload, threads, library);
    add_row(what, "floor-xadd", BENCH_FLOOR, workload, threads, 1000);
}

static void assert_says(const char *wanted)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    bench_print_answers(out, &rows);
    fclose(out);
    assert_string_equal(text, wanted);
    free(text);
    bench_rows_free(&rows);
}

static void test_weft_does_most(void **state)
{
    (void)state;
    add_point(BENCH_SPEED, "pairs", 1, 100, 50, 150, 90);
    add_point(BENCH_SPEED, "1:1", 2, 999, 10, 10, 10);
    add_point(BENCH_SPEED, "pairs", 2, 54, 13.5, 20, 39);
    add_point(BENCH_SPEED, "pairs", 8, 60, 13, 61, 39); /* within noise */
    assert_says(
        "\nqueue: weft-queue hazard does most at pairs, 2 threads: 54.0 M operations/s, 4.0 times the mutex; best of other libraries: ck-fifo, 39.0.\n"
        "  Weft is behind in throughput, beyond noise, at 1 of 4 points: pairs, 1 thread: spin-queue (may wait) 150, weft-queue hazard 100 M operations/s.\n");
}

static void test_another_does_most(void **state)
{
    (void)state;
    add_point(BENCH_SPEED, "pairs", 1, 30, 10, 10, 60);
    add_point(BENCH_SPEED, "pairs", 2, 30, 20, 40, 90);
    add_point(BENCH_SPEED, "pairs", 4, 10, 20, 10, 10);
    rows.row[5].work_ns = rows.row[6].work_ns = rows.row[7].work_ns = rows.row[8].work_ns = rows.row[9].work_ns = 100;
    strcpy(rows.row[5].regime, "busy");
    strcpy(rows.row[8].regime, "busy");
    rows.row[3].empty = 1; /* the library at one thread: never counts as best */
    assert_says(
        "\nqueue: ck-fifo does most at pairs, 2 threads, 100 ns of work, DISTURBED: 90.0 M operations/s, 4.5 times the mutex; best of Weft: "
        "weft-queue hazard, 30.0.\n"
        "  Weft is behind in throughput, beyond noise, at 2 of 3 points: pairs, 2 threads, 100 ns of work, DISTURBED: ck-fifo 90.0, weft-queue hazard 30.0 "
        "M operations/s; pairs, 4 threads: mutex-queue (may wait) 20.0, weft-queue hazard 10.0 M operations/s.\n");
}

static void test_times(void **state)
{
    (void)state;
    add_point(BENCH_LATENCY, "round-trip", 2, 800, 1600, 500, 900);
    assert_says(
        "\nqueue: spin-queue (may wait) has the least p99.9 at round-trip, 2 threads: 500 ns, the mutex 1600; best of Weft: weft-queue hazard, 800; best of "
        "other libraries: ck-fifo, 900.\n"
        "  Weft is behind in p99.9 at 1 of 1 point: round-trip, 2 threads: spin-queue (may wait) 500, weft-queue hazard 800 ns.\n");
    add_point(BENCH_SPEED, "pairs", 2, 54, 13, 20, 39);
    for (unsigned threads = 1; threads <= 3; threads++)
        add_point(BENCH_LATENCY, "pairs", threads, 1000 * threads, 300, 400, 500);
    assert_says(
        "\nqueue: weft-queue hazard does most at pairs, 2 threads: 54.0 M operations/s, 4.2 times the mutex; best of other libraries: ck-fifo, 39.0.\n"
        "  Weft is behind in throughput, beyond noise, at 0 of 1 point, and in p99.9 at 3 of 3 points, worst pairs, 3 threads: mutex-queue (may wait) 300, "
        "weft-queue hazard 3000 ns; pairs, 2 threads: mutex-queue (may wait) 300, weft-queue hazard 2000 ns.\n");
}

/* Rows with a fault are not mentioned; without Weft there is one line; without rows there is none. */
static void test_little(void **state)
{
    (void)state;
    assert_says("\n");
    strcpy(add_row(BENCH_SPEED, "weft-queue", BENCH_WEFT, "pairs", 2, 90)->fault, "lost 3 values");
    add_row(BENCH_SPEED, "mutex-queue", BENCH_BASELINE, "pairs", 2, 10);
    assert_says("\nqueue: mutex-queue (may wait) does most at pairs, 2 threads: 10.0 M operations/s.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weft_does_most),
        cmocka_unit_test(test_another_does_most),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
