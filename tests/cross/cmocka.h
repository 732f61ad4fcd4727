/* The part of cmocka that the unit tests use: Debian cannot install other architectures' cmocka beside this one's. */
#ifndef WEFT_TESTS_CROSS_CMOCKA_H
#define WEFT_TESTS_CROSS_CMOCKA_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*test_func)(void **state);
    int (*setup_func)(void **state);
    int (*teardown_func)(void **state);
    void *initial_state;
};

/* clang-format off */
#define cmocka_unit_test(f) {#f, f, NULL, NULL, NULL}
/* clang-format on */
#define cmocka_set_test_filter(pattern) ((void)(pattern)) /* all tests run here */
#define print_message printf
#define print_error printf

#define cross_require(condition)                                                                                       \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                                     \
            fflush(stdout);                                                                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define assert_true(c) cross_require(c)
#define assert_false(c) cross_require(!(c))
#define assert_null(p) cross_require((p) == NULL)
#define assert_non_null(p) cross_require((p) != NULL)
#define assert_ptr_equal(a, b) cross_require((a) == (b))
#define assert_int_equal(a, b) cross_require((uint64_t)(a) == (uint64_t)(b))
#define assert_int_not_equal(a, b) cross_require((uint64_t)(a) != (uint64_t)(b))
#define assert_in_range(value, least, most)                                                                            \
    cross_require((uint64_t)(value) >= (uint64_t)(least) && (uint64_t)(value) <= (uint64_t)(most))
#define assert_memory_equal(a, b, size) cross_require(memcmp((a), (b), (size)) == 0)
#define assert_memory_not_equal(a, b, size) cross_require(memcmp((a), (b), (size)) != 0)
#define assert_string_equal(a, b) cross_require(strcmp((a), (b)) == 0)

#define cmocka_run_group_tests(tests, setup, teardown) cross_run(tests, sizeof(tests) / sizeof *(tests))

static inline int cross_run(const struct CMUnitTest *tests, size_t count)
{
    printf("[==========] Running %zu test(s).\n", count);
    for (size_t i = 0; i < count; i++) {
        void *state = tests[i].initial_state;
        cross_require(!tests[i].setup_func || tests[i].setup_func(&state) == 0);
        tests[i].test_func(&state);
        cross_require(!tests[i].teardown_func || tests[i].teardown_func(&state) == 0);
        printf("[       OK ] %s\n", tests[i].name);
        fflush(stdout);
    }
    return 0;
}

#endif
