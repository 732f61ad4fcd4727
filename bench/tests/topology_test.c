/* Where threads are pinned on made-up machines with several sockets, and several threads per core. */
#include "bench/machine/topology.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[200];

static void write_number(unsigned processor, const char *what, unsigned number)
{
    char path[300];
    snprintf(path, sizeof path, "%s/cpu%u/topology/%s", root, processor, what);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%u\n", number);
    assert_int_equal(fclose(file), 0);
}

/* Numbered like Linux: first the first thread of each core, socket after socket, then the second threads. */
static void make(unsigned sockets, unsigned cores, unsigned threads)
{
    char path[300];
    for (unsigned p = 0; p < sockets * cores * threads; p++) {
        snprintf(path, sizeof path, "%s/cpu%u", root, p);
        assert_true(mkdir(path, 0777) == 0 || errno == EEXIST);
        snprintf(path, sizeof path, "%s/cpu%u/topology", root, p);
        assert_true(mkdir(path, 0777) == 0 || errno == EEXIST);
        write_number(p, "physical_package_id", p / cores % sockets);
        write_number(p, "core_id", p % cores);
    }
    bench_topology_pretend(root, sockets * cores * threads);
}

static void assert_order(bench_pin policy, const int *order, unsigned count)
{
    bench_topology_pin(policy);
    assert_int_equal(bench_cores(), count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(bench_topology_processor(i), order[i]);
    assert_int_equal(bench_topology_processor(count), -1);
}

static void test_two_sockets_with_siblings(void **state)
{
    char text[64];
    (void)state;
    make(2, 2, 2);
    assert_int_equal(bench_topology_cores(), 4);
    bench_topology_describe(text, sizeof text);
    assert_string_equal(text, "2 sockets, 4 cores, 2 threads each");
    assert_order(BENCH_PIN_SPREAD, (const int[]){0, 2, 1, 3, 4, 6, 5, 7}, 8);
    assert_order(BENCH_PIN_COMPACT, (const int[]){0, 4, 1, 5, 2, 6, 3, 7}, 8);
}

static void test_one_socket(void **state)
{
    char text[64];
    (void)state;
    make(1, 3, 1);
    bench_topology_describe(text, sizeof text);
    assert_string_equal(text, "1 socket, 3 cores, 1 thread each");
    assert_order(BENCH_PIN_SPREAD, (const int[]){0, 1, 2}, 3);
    assert_order(BENCH_PIN_COMPACT, (const int[]){0, 1, 2}, 3);
}

static void test_nothing_is_told(void **state)
{
    (void)state;
    bench_topology_pretend("/nonexistent", 4); /* each processor counts as a core */
    assert_int_equal(bench_topology_cores(), 4);
    assert_order(BENCH_PIN_SPREAD, (const int[]){0, 1, 2, 3}, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_sockets_with_siblings),
                                       cmocka_unit_test(test_one_socket), cmocka_unit_test(test_nothing_is_told)};
    const char *directory = getenv("TEST_TMPDIR");
    snprintf(root, sizeof root, "%s/topology.XXXXXX", directory ? directory : "/tmp");
    if (!mkdtemp(root))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
