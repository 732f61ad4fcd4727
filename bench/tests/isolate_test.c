/*
 * An implementation that crashes, does not end or gives wrong results is named and left out, and all others are
 * measured; an interrupted run keeps its rows.
 */
#include "bench/report/json.h"
#include "bench/measure/loops_container.h"
#include "bench/run/isolate.h"
#include "bench/run/options_check.h"
#include "bench/run/plan.h"
#include "bench/run/suite_words.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

extern const bench_impl bench_mutex_queue, bench_mutex_map, bench_words_mutex;

static bench_impl bad;
static char *what_to_run[] = {"bench",    "--family", "queue",         "--workload", "pairs,burst", "--threads", "1,2",
                              "--rounds", "2",        "--duration-ms", "2"};

BENCH_OP bool crash_put(void *object, void *thread, void *value)
{
    static _Atomic unsigned times;
    if (atomic_fetch_add(&times, 1) == 1500) { /* not at once: in the middle of a round */
        signal(SIGSEGV, SIG_DFL);              /* cmocka's */
        raise(SIGSEGV);
    }
    return bench_mutex_queue.container->put(object, thread, value);
}

BENCH_OP bool lose_put(void *object, void *thread, void *value)
{
    return (uintptr_t)value % 1024 == 0 || bench_mutex_queue.container->put(object, thread, value);
}

BENCH_OP bool take(void *object, void *thread, void **value)
{
    return bench_mutex_queue.container->take(object, thread, value);
}

BENCH_CONTAINER(crash, crash_put, take);
BENCH_CONTAINER(lose, lose_put, take);

static void hang(void *object)
{
    (void)object;
    for (;;)
        pause();
}

static int exit_of_its_own(void **object, const bench_setup *setup)
{
    (void)object;
    (void)setup;
    exit(0);
}

static int no_memory(void **object, const bench_setup *setup)
{
    (void)object;
    (void)setup;
    return -12;
}

static bench_suite suite;
static bench_options options;

/* Runs `bad`, in the place of all peers, and the mutex queue. */
static void run_beside(bench_role role)
{
    bad.name = "bad";
    bad.role = role;
    bench_impls[0] = &bad;
    bench_impls[1] = &bench_mutex_queue;
    bench_impls[2] = &bench_mutex_map;
    bench_impls[3] = NULL;
    assert_true(bench_options_parse(&options, sizeof what_to_run / sizeof *what_to_run, what_to_run));
    assert_true(bench_options_check(&options));
    suite = (bench_suite){.options = &options, .watch = bench_watch_create(), .huge_pages = true};
    suite.watch->limit_ns = 2000 * MS;
    suite.watch->progress.total = bench_suite_count(&suite, BENCH_QUEUE);
    bench_suite_family(&suite, BENCH_QUEUE);
}

static void end(void)
{
    bench_rows_free(&suite.rows);
    bench_watch_destroy(suite.watch);
}

/*
 * Each of the 4 points has a row of both; that of the bad one has the fault and no figures, and no row is compared with
 * it.
 */
static void assert_only_the_bad_one(const char *fault)
{
    assert_int_equal(suite.rows.count, 8);
    for (size_t i = 0; i < 8; i++) {
        const bench_row *row = &suite.rows.row[i];
        if (strcmp(row->implementation, "bad") == 0) {
            assert_non_null(strstr(row->fault, fault));
            assert_int_equal(row->rounds, 0);
            assert_true(row->speed.median == 0 && row->to_mutex.median == 0);
        } else {
            assert_string_equal(row->fault, "");
            assert_int_equal(row->rounds, 2);
            assert_true(row->to_best_peer.median == 0);
        }
    }
}

static void test_a_crash(void **state)
{
    (void)state;
    bad = bench_mutex_queue;
    bad.container = &crash_ops;
    bad.drive = crash_drive;
    run_beside(BENCH_PEER);
    assert_only_the_bad_one("Segmentation fault");
    assert_false(suite.watch->failed);
    assert_int_equal(suite.watch->progress.done, suite.watch->progress.kept);
    end();
    run_beside(BENCH_WEFT); /* ours */
    assert_true(suite.watch->failed);
    end();
}

static void test_a_hang(void **state)
{
    (void)state;
    bad = bench_mutex_queue;
    bad.destroy = hang;
    run_beside(BENCH_PEER);
    assert_only_the_bad_one("did not come to an end");
    end();
}

static void test_an_exit(void **state)
{
    (void)state;
    bad = bench_mutex_queue;
    bad.create = exit_of_its_own;
    run_beside(BENCH_PEER);
    assert_only_the_bad_one("status 0");
    end();
}

static void test_what_is_refused(void **state)
{
    (void)state;
    bad = bench_mutex_queue;
    bad.create = no_memory;
    run_beside(BENCH_PEER);
    assert_only_the_bad_one("memory");
    end();
}

static void test_lost_values(void **state)
{
    (void)state;
    bad = bench_mutex_queue;
    bad.container = &lose_ops;
    bad.drive = lose_drive;
    run_beside(BENCH_PEER);
    assert_only_the_bad_one("values put");
    assert_false(suite.watch->failed);
    end();
}

static void test_a_good_one_is_counted(void **state)
{
    (void)state;
    bad = bench_mutex_queue;
    run_beside(BENCH_PEER);
    assert_int_equal(suite.rows.count, 8);
    for (size_t i = 0; i < 8; i++)
        assert_string_equal(suite.rows.row[i].fault, "");
    end();
}

static char text_path[] = "/tmp/weft-text-XXXXXX";

static int cut_the_text(void **object, const bench_setup *setup)
{
    assert_int_equal(truncate(text_path, 100), 0);
    return bench_words_mutex.create(object, setup);
}

/* A file of the text that changes during the run is not a fault of an implementation. */
static void test_a_text_that_changes(void **state)
{
    char *arguments[] = {"bench", "--threads", "1", "--rounds", "1", text_path};
    corpus text = {0};
    int file = mkstemp(text_path);
    (void)state;
    assert_true(file >= 0);
    bench_impls[0] = &bad;
    bench_impls[1] = NULL;
    bad = bench_words_mutex;
    assert_true(bench_options_parse(&options, sizeof arguments / sizeof *arguments, arguments));
    assert_true(bench_options_check(&options));
    for (int cut = 0; cut < 2; cut++) {
        corpus_free(&text);
        assert_int_equal(ftruncate(file, 0), 0);
        for (unsigned i = 0; i < 1000; i++)
            assert_int_equal(write(file, "many words ", 11), 11);
        assert_true(bench_suite_words_text(&options, &text));
        assert_int_equal(write(file, "and more", 8), 8);
        bad.create = cut ? cut_the_text : bench_words_mutex.create;
        suite = (bench_suite){.options = &options, .watch = bench_watch_create(), .huge_pages = true, .text = &text};
        bench_suite_family(&suite, BENCH_WORDS);
        assert_int_equal(suite.rows.count, 1);
        assert_int_equal(suite.rows.row[0].words_total, 2002);
        if (cut)
            assert_non_null(strstr(suite.rows.row[0].fault, "changed while it ran"));
        else
            assert_string_equal(suite.rows.row[0].fault, "");
        end();
    }
    corpus_free(&text);
    close(file);
    unlink(text_path);
}

static void breaks_off(bench_suite *with, void *ctx)
{
    (void)ctx;
    if (bench_watch_fault(with->watch, &bad)[0])
        return;
    bench_watch_begin(with->watch, &bad, 0);
    bench_watch_end(with->watch);
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

/* Damage by an implementation may show after its call has returned: it is blamed all the same. */
static void test_a_crash_afterwards(void **state)
{
    (void)state;
    bad = bench_mutex_queue;
    run_beside(BENCH_PEER);
    bench_isolated(&suite, breaks_off, NULL);
    assert_string_equal(bench_watch_fault(suite.watch, &bad),
                        "was the last when the process ended: Segmentation fault");
    assert_string_equal(bench_watch_fault(suite.watch, &bench_mutex_queue), "");
    assert_false(suite.watch->failed);
    end();
}

/* Points that have rows are not measured again; a child that dies never leaves half of a point. */
static void test_rows_that_are_there(void **state)
{
    (void)state;
    bad = bench_mutex_queue;
    run_beside(BENCH_PEER);
    bench_row first = suite.rows.row[0];
    assert_int_equal(bench_suite_count(&suite, BENCH_QUEUE), 0);
    suite.rows.count = 6;
    assert_int_equal(bench_suite_count(&suite, BENCH_QUEUE), 2 * 2);
    bench_suite_family(&suite, BENCH_QUEUE);
    assert_int_equal(suite.rows.count, 8);
    assert_memory_equal(&suite.rows.row[0], &first, sizeof first);
    end();
}

static void test_half_a_message(void **state)
{
    bench_rows rows = {0}, received = {0};
    bench_row row = {.what = BENCH_LATENCY, .histogram = calloc(1, sizeof *row.histogram)};
    int ends[2];
    (void)state;
    row.histogram->count[77] = 3;
    assert_true(bench_rows_add(&rows, &row));
    assert_int_equal(pipe(ends), 0);
    assert_true(bench_rows_send(&rows, 0, ends[1]));
    assert_true(bench_rows_receive(&received, ends[0]));
    assert_int_equal(received.count, 1);
    assert_int_equal(received.row[0].histogram->count[77], 3);
    rows.row[0].histogram = NULL;
    assert_true(write(ends[1], &(size_t){2}, sizeof(size_t)) == sizeof(size_t)); /* announces two rows, sends one */
    assert_true(write(ends[1], rows.row, sizeof *rows.row) == sizeof *rows.row);
    close(ends[1]);
    assert_false(bench_rows_receive(&received, ends[0]));
    assert_int_equal(received.count, 1);
    close(ends[0]);
    free(row.histogram);
    bench_rows_free(&rows);
    bench_rows_free(&received);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crash),
        cmocka_unit_test(test_a_hang),
        cmocka_unit_test(test_an_exit),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_lost_values),
        cmocka_unit_test(test_a_text_that_changes),
        cmocka_unit_test(test_a_crash_afterwards),
        cmocka_unit_test(test_a_good_one_is_counted),
        cmocka_unit_test(test_rows_that_are_there),
        cmocka_unit_test(test_half_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
