/* Tests the counting seam with known accesses. */
#include "bench/count/seam.h"
#include "bench/count/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static _Alignas(64) struct {
    weft_i_atomic_size a, b; /* one line */
    _Alignas(64) weft_i_atomic_size c;
    weft_i_atomic_int d;
    size_t plain;
} place;

static void test_kinds(void **state)
{
    count_sums sums = {0};
    size_t seen = 0;
    (void)state;
    count_reset();
    count_begin(0);
    weft_i_store(&place.a, 1, memory_order_release);
    weft_i_store(&place.b, weft_i_load(&place.a, memory_order_acquire), memory_order_seq_cst);
    assert_true(weft_i_cas(&place.c, &seen, (size_t)1, memory_order_acq_rel, memory_order_acquire));
    assert_false(weft_i_cas(&place.c, &seen, (size_t)1, memory_order_acq_rel, memory_order_acquire));
    (void)weft_i_fetch_add(&place.d, 2, memory_order_relaxed);
    (void)weft_i_exchange(&place.c, (size_t)5, memory_order_acq_rel);
    weft_i_write(&place.plain, weft_i_read(&place.plain) + 1);
    weft_i_full_fence();
    count_end(&sums);
    (void)weft_i_load(&place.a, memory_order_relaxed); /* outside of an operation: not counted */
    assert_int_equal(sums.calls, 1);
    assert_int_equal(sums.loads, 2);
    assert_int_equal(sums.stores, 3);
    assert_int_equal(sums.rmws, 4);
    assert_int_equal(sums.fences, 2);
    assert_int_equal(sums.shared_rmws, 0);
    assert_int_equal(sums.shared_lines, 0);
    assert_true(place.b == 1 && place.c == 5 && place.d == 2 && place.plain == 1);
}

static void test_lines(void **state)
{
    count_sums sums = {0};
    (void)state;
    count_reset();
    count_begin(0);
    (void)weft_i_load(&place.a, memory_order_relaxed);
    count_end(NULL); /* noted, not counted */
    count_begin(1);
    (void)weft_i_load(&place.b, memory_order_relaxed); /* the line of a: shared now */
    (void)weft_i_fetch_add(&place.a, 1, memory_order_relaxed);
    (void)weft_i_fetch_add(&place.c, 1, memory_order_relaxed); /* its own */
    count_end(&sums);
    assert_int_equal(sums.shared_lines, 1);
    assert_int_equal(sums.rmws, 2);
    assert_int_equal(sums.shared_rmws, 1);
    count_begin(0);
    (void)weft_i_load(&place.c, memory_order_relaxed); /* now shared, too */
    count_end(&sums);
    assert_int_equal(sums.shared_lines, 2);
    assert_int_equal(sums.calls, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds), cmocka_unit_test(test_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
