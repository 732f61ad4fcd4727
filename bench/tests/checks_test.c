/*
 * Tries the checks of the bench with implementations that are broken on purpose, since a check that cannot fail is
 * useless. And tests small parts: histogram, Zipf draws, chunks of text.
 */
#include "bench/measure/histogram.h"
#include "bench/measure/loops_map.h"
#include "bench/measure/loops_reclaim.h"
#include "bench/measure/measure.h"
#include "bench/adapters/words/reference.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define ENOUGH 5000 /* operations, so that each defect shows many times */

/* Of a measurement; doubled until it has enough operations, also under a sanitizer on a busy machine. */
static uint64_t duration_ns = 10 * MS;

static bool too_few(const bench_result *result)
{
    bool few = result->operations < ENOUGH;
    duration_ns *= few ? 2 : 1;
    return few;
}

extern const bench_impl bench_mutex_queue, bench_mutex_stack, bench_mutex_map, bench_ck_epoch;

/* The defect of the implementation under test: every hundredth time, in the measured threads only. */
static enum { NOTHING, LOSES, DOUBLES, CHANGES, SAYS_EMPTY, REFUSES } defect;
static _Atomic unsigned turn;
static pthread_t measuring;

static bool now(int of)
{
    return defect == (unsigned)of && !pthread_equal(pthread_self(), measuring) &&
           atomic_fetch_add(&turn, 1) % 100 == 99;
}

/* ---- queue ---- */

BENCH_OP bool broken_put(void *object, void *thread, void *value)
{
    const bench_container_ops *good = bench_mutex_queue.container;
    if (now(LOSES))
        return true;
    if (now(REFUSES))
        return false;
    if (now(CHANGES))
        value = (char *)value + 8;
    if (now(DOUBLES) && !good->put(object, thread, value))
        return false;
    return good->put(object, thread, value);
}

BENCH_OP bool broken_take(void *object, void *thread, void **value)
{
    return !now(SAYS_EMPTY) && bench_mutex_queue.container->take(object, thread, value);
}

BENCH_CONTAINER(broken, broken_put, broken_take);

static bench_result measure_queue(int with, const char *workload, unsigned threads, bench_role role)
{
    bench_impl impl = bench_mutex_queue;
    bench_histogram *times = calloc(1, sizeof *times);
    bench_measurement what = {.impl = &impl,
                              .workload = bench_workload_named(workload, BENCH_QUEUE),
                              .threads = threads,
                              .warm_ns = 2 * MS,
                              .duration_ns = duration_ns,
                              .times = times};
    bench_result result;
    impl.role = role;
    impl.container = &broken_ops;
    impl.drive = broken_drive;
    defect = (unsigned)with;
    atomic_store(&turn, 0);
    assert_int_equal(bench_measure(&what, &result), 0);
    if (with == NOTHING)
        assert_true(times->total > 0 && times->max > 0);
    free(times);
    /* on a busy machine too few operations may have been done to show the defect */
    return too_few(&result) ? measure_queue(with, workload, threads, role) : result;
}

static void test_queue_checks(void **state)
{
    (void)state;
    static const char *const workloads[] = {"pairs", "1:1", "1:N", "N:1", "burst"};
    for (unsigned w = 0; w < 5; w++)
        for (unsigned threads = 2; threads <= 5; threads += 3) {
            bench_result result = measure_queue(NOTHING, workloads[w], threads, BENCH_WEFT);
            assert_string_equal(result.fault, "");
            assert_true(result.operations > 0 && result.mops > 0);
            assert_non_null(strstr(measure_queue(LOSES, workloads[w], threads, BENCH_WEFT).fault, "taken"));
            assert_non_null(strstr(measure_queue(DOUBLES, workloads[w], threads, BENCH_WEFT).fault, "taken"));
            assert_non_null(strstr(measure_queue(CHANGES, workloads[w], threads, BENCH_WEFT).fault, "not the same"));
            assert_non_null(strstr(measure_queue(REFUSES, workloads[w], threads, BENCH_WEFT).fault, "refused"));
        }
    assert_non_null(strstr(measure_queue(SAYS_EMPTY, "pairs", 2, BENCH_WEFT).fault, "empty"));
    bench_result peer = measure_queue(SAYS_EMPTY, "pairs", 2, BENCH_PEER);
    assert_string_equal(peer.fault, "");
    assert_true(peer.empty > 0);
}

/* ---- ring ---- */

/* Has room for a few values beside the prefill: fewer than a burst. */
static _Atomic unsigned filled;

BENCH_OP bool small_put(void *object, void *thread, void *value)
{
    if (atomic_load(&filled) >= BENCH_PLACES / 2 + 8 || !bench_mutex_queue.container->put(object, thread, value))
        return false;
    filled++;
    return true;
}

BENCH_OP bool small_take(void *object, void *thread, void **value)
{
    if (!bench_mutex_queue.container->take(object, thread, value))
        return false;
    filled--;
    return true;
}

BENCH_CONTAINER(small, small_put, small_take);

/* If a thread waited until its whole burst is in, this would do 8 operations in each phase. */
static void test_a_full_one_ends_the_burst(void **state)
{
    (void)state;
    bench_impl impl = bench_mutex_queue;
    bench_result result = {0};
    impl.family = BENCH_RING;
    impl.bounded = true;
    impl.container = &small_ops;
    impl.drive = small_drive;
    for (unsigned threads = 1; threads <= 16; threads += 15)
        do {
            bench_measurement what = {.impl = &impl,
                                      .workload = bench_workload_named("burst", BENCH_RING),
                                      .threads = threads,
                                      .warm_ns = MS,
                                      .duration_ns = duration_ns};
            atomic_store(&filled, 0);
            assert_int_equal(bench_measure(&what, &result), 0);
            assert_string_equal(result.fault, "");
        } while (too_few(&result));
}

/* ---- map ---- */

BENCH_OP void *broken_get(void *object, void *thread, uint64_t key)
{
    void *value = bench_mutex_map.map->get(object, thread, key);
    return value && now(CHANGES) ? (char *)value + 8 : value;
}

BENCH_OP bool broken_insert(void *object, void *thread, uint64_t key, void *value)
{
    return now(LOSES) || bench_mutex_map.map->insert(object, thread, key, value);
}

BENCH_OP bool broken_remove(void *object, void *thread, uint64_t key)
{
    return now(DOUBLES) || bench_mutex_map.map->remove(object, thread, key);
}

static size_t broken_size(void *object, void *thread)
{
    return bench_mutex_map.map->size(object, thread);
}

BENCH_MAP_LOOPS(broken_map, broken_get, broken_insert, broken_remove, broken_size);

/* The result of a run over a map of 1000 keys; *good: whether the check of all keys succeeds. */
static bench_result measure_map(int with, bool zipf, bool *good)
{
    bench_impl impl = bench_mutex_map;
    bench_setup setup = {.threads = 4};
    uint64_t entries = 1000;
    uint32_t *draws = zipf ? bench_zipf_draws(2000, 0.99, 1) : NULL;
    void *object;
    char why[160] = "";
    bench_result result;
    impl.map = &broken_map_ops;
    impl.drive = broken_map_drive;
    defect = NOTHING;
    assert_int_equal(impl.create(&object, &setup), 0);
    assert_true(bench_fill_map(&impl, object, entries, 2000, 7));
    defect = (unsigned)with;
    bench_measurement what = {.impl = &impl,
                              .workload = bench_workload_named("50/25/25", BENCH_MAP),
                              .threads = 3,
                              .warm_ns = MS,
                              .duration_ns = duration_ns,
                              .object = object,
                              .range = 2000,
                              .draws = draws,
                              .entries = &entries};
    assert_int_equal(bench_measure(&what, &result), 0);
    defect = NOTHING;
    *good = bench_check_map(&impl, object, entries, 2000, why, sizeof why);
    assert_true(*good == (why[0] == '\0'));
    impl.destroy(object);
    free(draws);
    return too_few(&result) ? measure_map(with, zipf, good) : result;
}

static void test_map_checks(void **state)
{
    bool good;
    (void)state;
    assert_string_equal(measure_map(NOTHING, false, &good).fault, "");
    assert_true(good);
    assert_string_equal(measure_map(NOTHING, true, &good).fault, "");
    assert_true(good);
    assert_non_null(strstr(measure_map(CHANGES, false, &good).fault, "another key"));
    assert_non_null(strstr(measure_map(LOSES, false, &good).fault, "size"));
    assert_false(good);
    assert_non_null(strstr(measure_map(DOUBLES, false, &good).fault, "size"));
    assert_false(good);
}

/* ---- reclamation ---- */

static bench_object *held; /* the first object, which the reader reads: freed later, so that the read is valid */

static void free_at_once(void *object, void *thread, bench_object *what)
{
    (void)object;
    (void)thread;
    if (held) {
        bench_object_free(what);
        return;
    }
    held = what;
    __atomic_store_n(&what->value, 0, __ATOMIC_RELAXED);
}

static void section(void *object, void *thread)
{
    (void)object;
    (void)thread;
}

static bench_object *look(void *object, void *thread, bench_cell *cell)
{
    (void)object;
    (void)thread;
    return __atomic_load_n(&cell->pointer, __ATOMIC_ACQUIRE);
}

BENCH_RECLAIM_LOOPS(hasty, section, section, look, free_at_once, section);

static void test_reclaim_check(void **state)
{
    bench_impl impl = bench_ck_epoch;
    bench_result result;
    bench_measurement what = {.impl = &impl, .workload = bench_workload_named("stalled", BENCH_RECLAIM), .threads = 1};
    (void)state;
    impl.reclaim = &hasty_ops;
    impl.drive = hasty_drive;
    assert_int_equal(bench_measure(&what, &result), 0);
    assert_non_null(strstr(result.fault, "stalled reader"));
    assert_int_equal(result.operations, BENCH_RETIREMENTS);
    assert_int_equal(result.pending_end, 1);
    free(held);
}

static bench_object *late[BENCH_RETIREMENTS];
static size_t late_count;

static void keep(void *object, void *thread, bench_object *what)
{
    (void)object;
    (void)thread;
    late[late_count++] = what;
}

BENCH_RECLAIM_LOOPS(tardy, section, section, look, keep, section);

/* Some libraries reclaim long after the measurement; the counter that they write to must still exist. */
static void test_reclaimed_late(void **state)
{
    enum { LATER = 64 };
    static const bench_worker nothing;
    bench_impl impl = bench_ck_epoch;
    bench_worker *later[LATER];
    bench_result result;
    bench_measurement what = {.impl = &impl, .workload = bench_workload_named("stalled", BENCH_RECLAIM), .threads = 1};
    (void)state;
    impl.reclaim = &tardy_ops;
    impl.drive = tardy_drive;
    assert_int_equal(bench_measure(&what, &result), 0);
    assert_string_equal(result.fault, "");
    assert_int_equal(result.pending_end, BENCH_RETIREMENTS);
    for (unsigned i = 0; i < LATER; i++) {                    /* these get the memory that the measurement freed */
        assert_non_null(later[i] = malloc(sizeof *later[i])); /* the size of its workers */
        memset((void *)later[i], 0, sizeof *later[i]);
    }
    for (size_t i = 0; i < late_count; i++)
        bench_object_free(late[i]);
    for (unsigned i = 0; i < LATER; i++) {
        assert_memory_equal(later[i], &nothing, sizeof nothing);
        free(later[i]);
    }
}

/* ---- parts ---- */

static void test_histogram(void **state)
{
    bench_histogram *h = calloc(1, sizeof *h), *other = calloc(1, sizeof *other);
    (void)state;
    assert_int_equal(bench_histogram_at(h, 0.5), 0);
    for (uint64_t v = 1; v <= 100000; v++)
        bench_histogram_add(v % 2 ? h : other, v);
    bench_histogram_merge(h, other);
    assert_int_equal(h->total, 100000);
    assert_int_equal(h->max, 100000);
    for (unsigned p = 1; p <= 1000; p++) {
        double want = 100 * p, got = (double)bench_histogram_at(h, p / 1000.0);
        assert_true(got >= want * 0.984 - 1 && got <= want * 1.016 + 1);
    }
    for (uint64_t v = 1; v != 0; v <<= 1) { /* every bucket is in range, and in order */
        unsigned below = bench_histogram_index(v - 1), at = bench_histogram_index(v);
        assert_true(below <= at && at < BENCH_HISTOGRAM_SIZE);
    }
    bench_histogram_add(h, UINT64_MAX);
    assert_int_equal(h->max, UINT64_MAX);
    free(h);
    free(other);
}

static void test_zipf(void **state)
{
    enum { RANGE = 1000 };
    uint32_t *draws = bench_zipf_draws(RANGE, 0.99, 3);
    double count[RANGE] = {0}, sum = 0;
    (void)state;
    assert_non_null(draws);
    for (size_t i = 0; i < BENCH_ZIPF_DRAWS; i++) {
        assert_true(draws[i] < RANGE);
        count[draws[i]]++;
    }
    for (unsigned r = 0; r < RANGE; r++)
        sum += __builtin_pow(r + 1, -0.99);
    for (unsigned r = 0; r < 20; r++) { /* more than 4,000 draws each: 5 % is more than three deviations */
        double want = BENCH_ZIPF_DRAWS * __builtin_pow(r + 1, -0.99) / sum;
        assert_true(count[r] > want * 0.95 && count[r] < want * 1.05);
    }
    free(draws);
}

/* ---- words ---- */

static void write_file(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Words begin, end and lie across every kind of border; together the chunks must give the words of the whole text. */
static void test_chunks(void **state)
{
    enum { SIZE = 3 * CORPUS_CHUNK + 400 };
    char path[] = "/tmp/weft-bench-XXXXXX", *text = malloc(SIZE);
    int file = mkstemp(path);
    (void)state;
    assert_true(file >= 0);
    close(file);
    for (unsigned kind = 0; kind < 6; kind++) {
        memset(text, kind == 5 ? 'x' : ' ', SIZE); /* 5: one word, longer than two chunks */
        for (size_t border = CORPUS_CHUNK; border < SIZE && kind < 5; border += CORPUS_CHUNK) {
            static const int from[] = {-3, -1, 0, -300, -3}, to[] = {3, 0, 2, 300, 0};
            for (int i = from[kind]; i < to[kind]; i++)
                text[(size_t)((long)border + i)] = (char)('A' + (i & 15));
        }
        write_file(path, text, SIZE);
        corpus c = {0};
        const char *at_fault;
        words_reference *reference;
        corpus_buffer buffer = {0};
        uint64_t words = 0, letters = 0;
        assert_int_equal(corpus_add(&c, path), 0);
        assert_int_equal(words_reference_create(&reference, &c, &at_fault), 0);
        for (size_t i = 0; i < c.chunk_count; i++) {
            assert_int_equal(corpus_read(&c, i, &buffer), 0);
            char *at = buffer.data + buffer.begin, *w;
            for (size_t length; (w = corpus_next(&at, buffer.data + buffer.end, &length)); words++, letters += length)
                for (size_t l = 0; l < length; l++)
                    assert_true(w[l] >= 'a' && w[l] <= 'z');
        }
        assert_int_equal(words, kind == 5 ? 1 : 3);
        assert_int_equal(words, words_reference_total(reference));
        assert_int_equal(letters, kind == 5   ? SIZE
                                  : kind == 0 ? 18
                                  : kind == 1 ? 3
                                  : kind == 2 ? 6
                                  : kind == 3 ? 1800
                                              : 9);
        assert_null(corpus_changed(&c));
        assert_int_equal(truncate(path, SIZE - 1), 0);
        assert_string_equal(corpus_changed(&c), path);
        words_reference_destroy(reference);
        corpus_free(&c);
        free(buffer.data);
    }
    unlink(path);
    free(text);
    assert_int_equal(corpus_add(&(corpus){0}, "/nonexistent/file"), -ENOENT);
    assert_int_equal(corpus_add(&(corpus){0}, "/"), -EISDIR);
}

int main(void)
{
    measuring = pthread_self();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_checks),   cmocka_unit_test(test_a_full_one_ends_the_burst),
        cmocka_unit_test(test_map_checks),     cmocka_unit_test(test_reclaim_check),
        cmocka_unit_test(test_reclaimed_late), cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_zipf),           cmocka_unit_test(test_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
