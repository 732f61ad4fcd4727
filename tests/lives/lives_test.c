/*
 * Runs a slice of the generator, against the library as it ships (lives_test) and against one with small numbers
 * (lives_small_test); and checks that the oracle sees seeded bugs (sabotage_test).
 */
#define _GNU_SOURCE
#include "tests/unit/support.h"

#include "tests/lives/program.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

#ifndef LIVES_SABOTAGE

enum { SECONDS = T_SCALE(30, 30), PROGRAMS = 400, FIRST = 1000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int start_tally(void **state)
{
    (void)state;
    lives_tally = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return lives_tally == MAP_FAILED;
}

/*
 * The programs must have done enough of everything: a slice that does nothing must not pass. (Few of these seeds hold slots of
 * rings; that programs do, is shown by sabotage_test, which finds the seeded bugs of held slots.)
 */
static void check_tally(int programs, int steps)
{
    static const struct {
        int which, plain, sanitized;
    } least[] = {
        {LIVES_CALLS, 1000000, 20000}, {LIVES_RECLAIMED, 100000, 3000},
        {LIVES_VALUES, 100000, 3000},  {LIVES_THREADS, 1000, 50},
        {LIVES_DOMAINS, 100, 10},      {LIVES_BARRIERS, 200, 20},
        {LIVES_GUARDS, 1000, 50},      {LIVES_ENDS, 50, 2},
        {LIVES_LAST, 10, 0},           {LIVES_FORKS, 10, 0},
        {LIVES_SIGNALS, 100, 2},       {LIVES_CANCELLED, 1, 0},
        {LIVES_REFUSALS, 20, 1},       {LIVES_REFUSED, 2, 0},
        {LIVES_DESTROYED, 1000, 50},   {LIVES_PIPED, 100000, 3000},
    };
    print_message("%d programs, %d steps", programs, steps);
    for (int i = 0; i < LIVES_TALLIES; i++)
        print_message(", %s %llu", lives_tally_names[i], (unsigned long long)lives_tally[i]);
    print_message("\n");
    assert_true(programs >= T_SCALE(60, 10));
    for (size_t i = 0; i < T_COUNT(least); i++)
        if (lives_tally[least[i].which] < (uint64_t)T_SCALE(least[i].plain, least[i].sanitized))
            fail_msg("too few %s", lives_tally_names[least[i].which]);
}

static void test_programs(void **state)
{
    static program p;
    static verdict v;
    const wish any = {NULL, NULL};
    double end = now() + SECONDS;
    int programs = 0, steps = 0;
    (void)state;
    for (; programs < PROGRAMS && now() < end; programs++) {
        lives_generate(&p, (uint64_t)(FIRST + programs), &any);
        steps += lives_steps(&p);
        lives_try(&p, false, &v);
        if (v.failed) {
            lives_shrink(&p, &v, 20, NULL);
            lives_print(stdout, &p, v.text, "./weft soak --lives --tries 20 --seed (as below)");
            fail_msg("seed %d: %s\n%s", FIRST + programs, v.what, v.text);
        }
    }
    check_tally(programs, steps);
}

static void test_a_seed_is_a_program(void **state)
{
    static program a, b;
    const wish any = {NULL, NULL};
    int different = 0;
    (void)state;
    for (uint64_t seed = 1; seed < 300; seed++) {
        lives_generate(&a, seed, &any);
        lives_generate(&b, seed, &any);
        assert_memory_equal(&a, &b, sizeof a);
        lives_generate(&b, seed + 1, &any);
        different += memcmp(a.block, b.block, sizeof a.block) != 0;
    }
    assert_true(different > 290);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_seed_is_a_program),
        cmocka_unit_test_setup(test_programs, start_tally),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

typedef struct bug {
    int which;
    const char *what, *theme;
} bug;

/* One of the theme's first programs must show the bug. */
static void test_a_bug(void **state)
{
    static program p;
    static verdict v;
    const bug *b = *state;
    const wish likely = {b->theme, "refuse_membarrier"};
    lives_sabotage = b->which;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        lives_generate(&p, seed, &likely);
        lives_try(&p, true, &v);
        if (v.failed && strstr(v.what, b->what))
            return;
    }
    fail_msg("no program of 300 showed: %s", b->what);
}

/* clang-format off */
#define BUG(which, what, theme) {#which, test_a_bug, NULL, NULL, &(bug){which, what, theme}}
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        BUG(LIVES_TWICE, "reclaimed twice", "mixed"),
        BUG(LIVES_NEVER, "not reclaimed", "mixed"),
        BUG(LIVES_EARLY, "under a guard", "handlers"),
        BUG(LIVES_LOST, "values were lost", "caches"),
        BUG(LIVES_AGAIN, "came out twice", "caches"),
        BUG(LIVES_HANG, "hang in weft_domain_flush", "caches"),
        BUG(LIVES_ERRNO, "errno was touched", "mixed"),
        BUG(LIVES_GARBAGE, "more is pending", "garbage"),
        BUG(LIVES_CACHES, "more memory is held", "mixed"),
        BUG(LIVES_UNASKED, "returned 0 with objects", "garbage"),
        BUG(LIVES_NOT_BUSY, "did not give -EBUSY", "refusals"),
        BUG(LIVES_DESTROYS, "destroyed under its user", "refusals"),
        BUG(LIVES_KEEPS, "kept memory", "forks"),
        BUG(LIVES_CANCELS, "ended by cancellation", "ends"),
        BUG(LIVES_MISSING, "missing", "maps"),
        BUG(LIVES_CRASH, "crash in weft_leave", "handlers"),
        BUG(LIVES_FORK, "hang of a fork's child inside fork", "forks"),
        BUG(LIVES_TORN, "torn element", "pipes"),
        BUG(LIVES_ROOM, "has not the room", "pipes"),
        BUG(LIVES_WOKEN, "more pushes woke", "pipes"),
        BUG(LIVES_CHANGED, "a taken element changed", "pipes"),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
