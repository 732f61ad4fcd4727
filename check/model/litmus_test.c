/*
 * The machine runs the standard litmus tests: it must show every allowed outcome and no forbidden one. Names and
 * verdicts are those of L. Maranget, S. Sarkar, P. Sewell, "A Tutorial Introduction to the ARM and POWER Relaxed
 * Memory Models" (2012) and, for the C11 orders, of O. Lahav et al., "Repairing Sequential Consistency in C/C++11"
 * (PLDI 2017). Release sequences are those of C++20. Each test asserts its number of executions, so a search that runs
 * fewer fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first */
#include <cmocka.h>

#include "check/model/machine.h"

#include <stdlib.h>
#include <string.h>

/* The orders of the test that runs. They are not in static data, which the machine restores before each execution. */
typedef struct orders {
    int store, load, fence; /* fence: -1 for none, 9 for membarrier on one side */
} orders;

static orders *o;
static uint64_t x, y, z, r[4];

#define LOAD(v, order) model_load(&(v), 8, (order), "litmus", __LINE__)
#define STORE(v, value, order) model_store(&(v), 8, (value), (order), "litmus", __LINE__)
#define ADD(v, order) model_rmw(&(v), 8, MODEL_ADD, 1, (order), "litmus", __LINE__)

enum { RLX = MODEL_RELAXED, ACQ = MODEL_ACQUIRE, REL = MODEL_RELEASE, AR = MODEL_ACQ_REL, SC = MODEL_SEQ_CST };

static void fence(void)
{
    if (o->fence >= 0 && o->fence != 9)
        model_fence(o->fence, "litmus", 0);
}

/* acq_rel stands for a release fence in writers and an acquire fence in readers. */
static void fence_before_store(void)
{
    if (o->fence == AR)
        model_fence(REL, "litmus", 0);
    else
        fence();
}

static void fence_after_load(void)
{
    if (o->fence == AR)
        model_fence(ACQ, "litmus", 0);
    else
        fence();
}

/* ---- store buffering ---- */

static void sb1(void)
{
    STORE(x, 1, o->store);
    if (o->fence == 9)
        (void)model_membarrier();
    else
        fence();
    r[0] = LOAD(y, o->load);
}

static void sb2(void)
{
    STORE(y, 1, o->store);
    fence();
    r[1] = LOAD(x, o->load);
}

static void pair(void)
{
    model_outcome((unsigned)(r[0] * 2 + r[1]));
}

/* ---- message passing ---- */

static void mp1(void)
{
    STORE(x, 1, RLX);
    fence_before_store();
    STORE(y, 1, o->store);
}

static void mp2(void)
{
    r[0] = LOAD(y, o->load);
    fence_after_load();
    r[1] = LOAD(x, RLX);
}

/* ---- load buffering ---- */

static void lb1(void)
{
    r[0] = LOAD(x, o->load);
    STORE(y, 1, o->store);
}

static void lb2(void)
{
    r[1] = LOAD(y, o->load);
    STORE(x, 1, o->store);
}

/* ---- independent reads of independent writes ---- */

static void write_x(void)
{
    STORE(x, 1, o->store);
}

static void write_y(void)
{
    STORE(y, 1, o->store);
}

static void iriw3(void)
{
    r[0] = LOAD(x, o->load);
    fence();
    r[1] = LOAD(y, o->load);
}

static void iriw4(void)
{
    r[2] = LOAD(y, o->load);
    fence();
    r[3] = LOAD(x, o->load);
}

static void four(void)
{
    model_outcome((unsigned)(r[0] * 8 + r[1] * 4 + r[2] * 2 + r[3]));
}

/* ---- 2+2W ---- */

static void ww1(void)
{
    STORE(x, 1, o->store);
    fence();
    STORE(y, 2, o->store);
}

static void ww2(void)
{
    STORE(y, 1, o->store);
    fence();
    STORE(x, 2, o->store);
}

static void last_two(void)
{
    model_outcome((unsigned)((LOAD(x, RLX) - 1) * 2 + LOAD(y, RLX) - 1));
}

/* ---- write to read causality ---- */

static void wrc2(void)
{
    r[0] = LOAD(x, o->load);
    STORE(y, 1, o->store);
}

static void wrc3(void)
{
    r[1] = LOAD(y, o->load);
    r[2] = LOAD(x, RLX);
}

static void three(void)
{
    model_outcome((unsigned)(r[0] * 4 + r[1] * 2 + r[2]));
}

/* ---- ISA2: x is passed on through y and z ---- */

static void isa1(void)
{
    STORE(x, 1, RLX);
    STORE(y, 1, o->store);
}

static void isa2(void)
{
    r[0] = LOAD(y, o->load);
    STORE(z, 1, o->store);
}

static void isa3(void)
{
    r[1] = LOAD(z, o->load);
    r[2] = LOAD(x, RLX);
}

/* ---- R, S, RWC ---- */

static void r1(void)
{
    STORE(x, 1, o->store);
    fence();
    STORE(y, 1, o->store);
}

static void r2(void)
{
    STORE(y, 2, o->store);
    fence();
    r[0] = LOAD(x, o->load);
}

static void r_end(void)
{
    model_outcome((unsigned)(r[0] * 2 + LOAD(y, RLX) - 1)); /* weak: y is 2 last, x read 0: 1 */
}

static void s1(void)
{
    STORE(x, 2, RLX);
    STORE(y, 1, o->store);
}

static void s2(void)
{
    r[0] = LOAD(y, o->load);
    STORE(x, 1, RLX);
}

static void s_end(void)
{
    model_outcome((unsigned)(r[0] * 2 + LOAD(x, RLX) - 1)); /* weak: read 1, and x is 2 last: 3 */
}

static void rwc2(void)
{
    r[0] = LOAD(x, o->load);
    fence();
    r[1] = LOAD(y, o->load);
}

static void rwc3(void)
{
    STORE(y, 1, o->store);
    fence();
    r[2] = LOAD(x, o->load);
}

/* ---- coherence ---- */

static void corr2(void)
{
    r[0] = LOAD(x, RLX);
    r[1] = LOAD(x, RLX);
}

static void two_writes(void)
{
    STORE(x, 1, RLX);
    STORE(x, 2, RLX);
}

static void corr_end(void)
{
    model_outcome((unsigned)(r[0] * 3 + r[1]));
}

static void cowr1(void)
{
    STORE(x, 1, RLX);
    r[0] = LOAD(x, RLX);
}

static void write_two(void)
{
    STORE(x, 2, RLX);
}

static void cowr_end(void)
{
    model_outcome((unsigned)(r[0] * 3 + LOAD(x, RLX)));
}

static void corw1(void)
{
    r[0] = LOAD(x, RLX);
    STORE(x, 1, RLX);
}

static void coww_end(void)
{
    model_outcome((unsigned)LOAD(x, RLX));
}

/* ---- read-modify-writes and release sequences ---- */

static void add(void)
{
    r[model_thread() - 1] = ADD(x, o->store);
}

static void add_end(void)
{
    model_outcome((unsigned)(LOAD(x, RLX) * 4 + r[0] + r[1]));
}

static void cas(void)
{
    uint64_t expected = 0;
    r[model_thread() - 1] = model_cas(&x, 8, &expected, model_thread(), o->store, RLX, "litmus", __LINE__);
}

static void pass_on(void)
{
    (void)ADD(y, RLX);
}

static void overwrite_self(void)
{
    STORE(x, 1, RLX);
    STORE(y, 1, REL);
    STORE(y, 2, RLX);
}

static void read_two(void)
{
    r[0] = LOAD(y, ACQ);
    r[1] = LOAD(x, RLX);
}

static void sequence_end(void)
{
    model_outcome((unsigned)(r[0] * 2 + r[1]));
}

/* ---- locks, and a wait ---- */

static char lock;

static void locked_add(void)
{
    model_lock(&lock);
    STORE(x, LOAD(x, RLX) + 1, RLX);
    model_unlock(&lock);
}

static void wait_for_y(void)
{
    while (!LOAD(y, o->load))
        model_yield();
    r[0] = 1;
    r[1] = LOAD(x, RLX);
}

/* ---- the table ---- */

#define BIT(n) ((uint64_t)1 << (n))

typedef struct litmus {
    const char *name;
    model_case c;
    orders o;
    uint64_t shown;     /* these outcomes must be seen */
    uint64_t forbidden; /* these must not */
    uint64_t executions;
} litmus;

#define PROGRAM(count, end, ...)                                                                                       \
    {                                                                                                                  \
        .name = "litmus", .threads = (count), .thread = {__VA_ARGS__}, .finish = (end)                                 \
    }
#define TWO(a, b, end) PROGRAM(2, end, a, b)

static const litmus tests[] = {
    {"SB relaxed", TWO(sb1, sb2, pair), {RLX, RLX, -1}, 15, 0, 5},
    {"SB release, acquire", TWO(sb1, sb2, pair), {REL, ACQ, -1}, 15, 0, 5},
    {"SB seq_cst", TWO(sb1, sb2, pair), {SC, SC, -1}, 14, 1, 3},
    {"SB seq_cst stores, acquire loads", TWO(sb1, sb2, pair), {SC, ACQ, -1}, 15, 0, 5},
    {"SB release stores, seq_cst loads", TWO(sb1, sb2, pair), {REL, SC, -1}, 15, 0, 5},
    {"SB acq_rel fences", TWO(sb1, sb2, pair), {RLX, RLX, AR}, 15, 0, 5},
    {"SB seq_cst fences", TWO(sb1, sb2, pair), {RLX, RLX, SC}, 14, 1, 4},
    {"SB membarrier on one side", TWO(sb1, sb2, pair), {RLX, RLX, 9}, 14, 1, 7},
    {"MP relaxed", TWO(mp1, mp2, pair), {RLX, RLX, -1}, 15, 0, 4},
    {"MP release, relaxed", TWO(mp1, mp2, pair), {REL, RLX, -1}, 15, 0, 4},
    {"MP relaxed, acquire", TWO(mp1, mp2, pair), {RLX, ACQ, -1}, 15, 0, 4},
    {"MP release, acquire", TWO(mp1, mp2, pair), {REL, ACQ, -1}, 11, 4, 3},
    {"MP seq_cst", TWO(mp1, mp2, pair), {SC, SC, -1}, 11, 4, 3},
    {"MP acq_rel fences", TWO(mp1, mp2, pair), {RLX, RLX, AR}, 11, 4, 3},
    {"MP seq_cst fences", TWO(mp1, mp2, pair), {RLX, RLX, SC}, 11, 4, 4},
    {"LB relaxed (not covered: never shown)", TWO(lb1, lb2, pair), {RLX, RLX, -1}, 7, 8, 3},
    {"LB release, acquire", TWO(lb1, lb2, pair), {REL, ACQ, -1}, 7, 8, 3},
    {"IRIW relaxed", PROGRAM(4, four, write_x, write_y, iriw3, iriw4), {RLX, RLX, -1}, BIT(10), 0, 17},
    {"IRIW release, acquire", PROGRAM(4, four, write_x, write_y, iriw3, iriw4), {REL, ACQ, -1}, BIT(10), 0, 17},
    {"IRIW seq_cst", PROGRAM(4, four, write_x, write_y, iriw3, iriw4), {SC, SC, -1}, BIT(15), BIT(10), 15},
    {"IRIW seq_cst fences", PROGRAM(4, four, write_x, write_y, iriw3, iriw4), {RLX, RLX, SC}, BIT(15), BIT(10), 24},
    {"2+2W relaxed", TWO(ww1, ww2, last_two), {RLX, RLX, -1}, 15, 0, 5},
    {"2+2W release", TWO(ww1, ww2, last_two), {REL, ACQ, -1}, 15, 0, 5},
    {"2+2W seq_cst", TWO(ww1, ww2, last_two), {SC, SC, -1}, 14, 1, 3},
    {"2+2W seq_cst fences", TWO(ww1, ww2, last_two), {RLX, RLX, SC}, 14, 1, 4},
    {"WRC relaxed", PROGRAM(3, three, write_x, wrc2, wrc3), {RLX, RLX, -1}, BIT(6), 0, 8},
    {"WRC release, acquire", PROGRAM(3, three, write_x, wrc2, wrc3), {REL, ACQ, -1}, BIT(7), BIT(6), 7},
    {"WRC release, relaxed", PROGRAM(3, three, write_x, wrc2, wrc3), {REL, RLX, -1}, BIT(6), 0, 8},
    {"ISA2 relaxed", PROGRAM(3, three, isa1, isa2, isa3), {RLX, RLX, -1}, BIT(6), 0, 8},
    {"ISA2 release, acquire", PROGRAM(3, three, isa1, isa2, isa3), {REL, ACQ, -1}, BIT(7), BIT(6), 7},
    {"R relaxed", TWO(r1, r2, r_end), {RLX, RLX, -1}, BIT(1), 0, 5},
    {"R release, acquire", TWO(r1, r2, r_end), {REL, ACQ, -1}, BIT(1), 0, 5},
    {"R seq_cst", TWO(r1, r2, r_end), {SC, SC, -1}, BIT(3), BIT(1), 3},
    {"R seq_cst fences", TWO(r1, r2, r_end), {RLX, RLX, SC}, BIT(3), BIT(1), 4},
    {"S relaxed", TWO(s1, s2, s_end), {RLX, RLX, -1}, BIT(3), 0, 4},
    {"S release, acquire", TWO(s1, s2, s_end), {REL, ACQ, -1}, BIT(2), BIT(3), 3},
    {"RWC release, acquire", PROGRAM(3, three, write_x, rwc2, rwc3), {REL, ACQ, -1}, BIT(4), 0, 9},
    {"RWC seq_cst", PROGRAM(3, three, write_x, rwc2, rwc3), {SC, SC, -1}, BIT(6), BIT(4), 7},
    {"RWC seq_cst fences", PROGRAM(3, three, write_x, rwc2, rwc3), {RLX, RLX, SC}, BIT(6), BIT(4), 10},
    {"CoRR",
     TWO(two_writes, corr2, corr_end),
     {RLX, RLX, -1},
     BIT(0) | BIT(1) | BIT(2) | BIT(4) | BIT(5) | BIT(8),
     BIT(3) | BIT(6) | BIT(7),
     6},
    {"CoWR",
     TWO(cowr1, write_two, cowr_end),
     {RLX, RLX, -1},
     BIT(4) | BIT(5) | BIT(8),
     BIT(0) | BIT(1) | BIT(2) | BIT(7),
     3},
    {"CoRW", TWO(corw1, write_two, cowr_end), {RLX, RLX, -1}, BIT(1) | BIT(2) | BIT(7), BIT(8), 3},
    {"CoWW", PROGRAM(1, coww_end, two_writes), {RLX, RLX, -1}, BIT(2), BIT(0) | BIT(1), 1},
    {"RMW atomicity, relaxed", TWO(add, add, add_end), {RLX, RLX, -1}, BIT(9), BIT(4) | BIT(8) | BIT(10), 2},
    {"CAS: one wins", TWO(cas, cas, pair), {RLX, RLX, -1}, BIT(1) | BIT(2), BIT(0) | BIT(3), 2},
    {"release sequence over a relaxed RMW",
     PROGRAM(3, sequence_end, mp1, pass_on, read_two),
     {REL, ACQ, -1},
     BIT(5),
     BIT(4),
     9},
    {"no release sequence over an own relaxed store (C++20)",
     TWO(overwrite_self, read_two, sequence_end),
     {RLX, RLX, -1},
     BIT(4) | BIT(5),
     BIT(2),
     5},
    {"lock: no update lost", TWO(locked_add, locked_add, coww_end), {RLX, RLX, -1}, BIT(2), BIT(1), 2},
    {"wait with acquire", TWO(mp1, wait_for_y, pair), {REL, ACQ, -1}, BIT(3), BIT(2), 2},
};

enum { TESTS = sizeof tests / sizeof *tests };

static void test_litmus(void **state)
{
    const litmus *t = *state;
    model_result result;
    *o = t->o;
    model_explore(&t->c, NULL, &result);
    print_message("%llu executions, outcomes %llx\n", (unsigned long long)result.executions,
                  (unsigned long long)model_outcomes);
    assert_false(result.failed);
    assert_true(result.complete);
    assert_int_equal(model_outcomes & t->shown, t->shown);
    assert_int_equal(model_outcomes & t->forbidden, 0);
    assert_int_equal(result.executions, t->executions);
    if (t->c.threads < 4) { /* the reduction must lose no outcome */
        const model_options all = {.all_orders = true};
        uint64_t reduced = model_outcomes;
        uint64_t fewer = result.executions;
        model_explore(&t->c, &all, &result);
        assert_true(result.complete && result.executions >= fewer);
        assert_int_equal(model_outcomes, reduced);
    }
}

int main(void)
{
    static struct CMUnitTest list[TESTS];
    o = calloc(1, sizeof *o);
    for (size_t i = 0; i < TESTS; i++)
        list[i] = (struct CMUnitTest){tests[i].name, test_litmus, NULL, NULL, (void *)(uintptr_t)&tests[i]};
    return !o || cmocka_run_group_tests(list, NULL, NULL);
}
