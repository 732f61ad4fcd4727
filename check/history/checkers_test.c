/*
 * Tests the checkers: against the search on many thousands of small histories of each kind, right and spoiled; on the
 * known patterns by hand; and on long histories, right and with one fault in the middle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first */
#include <cmocka.h>

#include "check/history/check.h"
#include "check/history/generate.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SCALE(plain, sanitized) (sanitized)
#else
#define SCALE(plain, sanitized) (plain)
#endif

enum { SMALL = SCALE(40000, 3000), LONG = SCALE(200000, 20000), BYTES = 64 << 20 };

static const lin_spec *const specs[] = {&lin_queue_spec, &lin_stack_spec, &lin_map_spec};

static void show(const lin_history *h)
{
    for (size_t i = 0; i < h->count; i++)
        lin_write(stdout, &h->op[i]);
}

/*
 * The verdict of the type's checker. Asserts that its window is a violation, too (a map's may need earlier
 * operations).
 */
static lin_verdict verdict_of(const lin_history *h, lin_type type)
{
    lin_finding found, again;
    lin_check(h, type, &found);
    lin_shrink(&found, type);
    if (found.verdict == LIN_VIOLATION && type != LIN_MAP) {
        lin_check(&found.window, type, &again);
        assert_int_equal(again.verdict, LIN_VIOLATION);
        assert_int_equal(lin_search(&found.window, specs[type], BYTES), LIN_VIOLATION);
        lin_free(&again.window);
    }
    lin_free(&found.window);
    return found.verdict;
}

/* Makes the clock `by` times slower. */
static void coarsen(lin_history *h, uint64_t by)
{
    for (size_t i = 0; i < h->count; i++) {
        h->op[i].call /= by;
        h->op[i].ret = h->op[i].ret == LIN_NEVER ? LIN_NEVER : h->op[i].ret / by;
    }
}

static void agree(lin_type type, uint64_t seed, bool pending, uint64_t slower)
{
    const size_t times = slower > 1 ? SMALL / 4 : SMALL;
    lin_random random = {seed};
    size_t right = 0, wrong = 0;
    for (size_t i = 0; i < times; i++) {
        lin_history h = {0};
        lin_shape shape = {type,   2 + lin_below(&random, slower > 1 ? 9 : 12), 1 + (unsigned)lin_below(&random, 7),
                           2,      40 + (unsigned)lin_below(&random, 30),       (unsigned)lin_below(&random, 100),
                           pending};
        assert_true(lin_generate(&random, &shape, &h));
        coarsen(&h, 1 + lin_below(&random, slower));
        assert_int_equal(lin_search(&h, specs[type], BYTES), LIN_LINEARIZABLE);
        for (size_t left = lin_below(&random, 5); left > 0; left--)
            lin_spoil(&random, &h, type);
        lin_verdict expected = lin_search(&h, specs[type], BYTES), found = verdict_of(&h, type);
        assert_true(expected == LIN_LINEARIZABLE || expected == LIN_VIOLATION);
        if (found != expected)
            show(&h);
        assert_int_equal(found, expected);
        right += found == LIN_LINEARIZABLE;
        wrong += found == LIN_VIOLATION;
        lin_free(&h);
    }
    print_message("%zu linearizable, %zu not\n", right, wrong);
    assert_true(right > times / 4 && wrong > times / 20);
}

static void test_queue_agrees(void **state)
{
    (void)state;
    agree(LIN_QUEUE, 1, false, 1);
    agree(LIN_QUEUE, 2, true, 1);
    agree(LIN_QUEUE, 7, false, 20);
    agree(LIN_QUEUE, 8, true, 20);
}

static void test_stack_agrees(void **state)
{
    (void)state;
    agree(LIN_STACK, 3, false, 1);
    agree(LIN_STACK, 4, true, 1);
    agree(LIN_STACK, 9, false, 20);
    agree(LIN_STACK, 10, true, 20);
}

static void test_map_agrees(void **state)
{
    (void)state;
    agree(LIN_MAP, 5, false, 1);
    agree(LIN_MAP, 6, true, 1);
    agree(LIN_MAP, 11, false, 20);
    agree(LIN_MAP, 12, true, 20);
}

/* ---- the search: against all orders that keep precedence as history.h defines it ---- */

static bool precedes(const lin_history *h, size_t a, size_t b)
{
    return h->op[a].ret < h->op[b].call || (a < b && h->op[a].client == h->op[b].client);
}

static bool any_order(const lin_history *h, const lin_spec *spec, unsigned done, const unsigned char *state)
{
    unsigned char next[1024];
    bool over = true;
    assert_true(spec->size <= sizeof next);
    for (size_t i = 0; i < h->count; i++) {
        bool may = !(done >> i & 1);
        over = over && (!may || h->op[i].ret == LIN_NEVER);
        for (size_t j = 0; may && j < h->count; j++)
            may = (done >> j & 1) || !precedes(h, j, i);
        if (!may)
            continue;
        memcpy(next, state, spec->size);
        if (spec->step(next, &h->op[i]) == LIN_YES && any_order(h, spec, done | 1u << i, next))
            return true;
    }
    return over;
}

static void test_the_search_agrees(void **state)
{
    lin_random random = {13};
    size_t wrong = 0;
    (void)state;
    for (int i = 0; i < SMALL / 2; i++) {
        lin_type type = (lin_type)(i % 3);
        lin_history h = {0};
        unsigned char empty[1024];
        lin_shape shape = {type,
                           2 + lin_below(&random, 5),
                           1 + (unsigned)lin_below(&random, 4),
                           2,
                           40 + (unsigned)lin_below(&random, 30),
                           (unsigned)lin_below(&random, 100),
                           true};
        assert_true(lin_generate(&random, &shape, &h));
        for (size_t times = lin_below(&random, 4); times > 0; times--)
            lin_spoil(&random, &h, type);
        coarsen(&h, 1 + lin_below(&random, 20)); /* last, since spoiling it afterwards might change a client's order */
        specs[type]->init(empty, 0);
        bool right = any_order(&h, specs[type], 0, empty);
        if ((lin_search(&h, specs[type], BYTES) == LIN_LINEARIZABLE) != right)
            show(&h);
        assert_int_equal(lin_search(&h, specs[type], BYTES), right ? LIN_LINEARIZABLE : LIN_VIOLATION);
        assert_int_equal(verdict_of(&h, type), right ? LIN_LINEARIZABLE : LIN_VIOLATION);
        wrong += !right;
        lin_free(&h);
    }
    print_message("%zu not linearizable\n", wrong);
    assert_true(wrong > SMALL / 40 && wrong < SMALL / 4);
}

/* ---- by hand: "e1 0 1" enqueues 1 from time 0 to 1; d dequeues, p pushes, o pops; "d0" finds nothing ---- */

typedef struct by_hand {
    lin_type type;
    bool right;
    const char *text;
    const char *why;
} by_hand;

static const by_hand cases[] = {
    {LIN_QUEUE, true, "", NULL},
    {LIN_QUEUE, true, "e1 0 1 d1 2 3 d0 4 5", NULL},
    {LIN_QUEUE, true, "e1 0 5 e2 0 5 d2 6 7 d1 8 9", NULL},
    {LIN_QUEUE, true, "e1 0 1 d0 1 2 d1 3 4", NULL}, /* at 1 both are open */
    {LIN_QUEUE, false, "d1 0 1", "never put in"},
    {LIN_QUEUE, false, "d1 0 1 e1 2 3", "before it was put in"},
    {LIN_QUEUE, false, "e1 0 1 d1 2 3 d1 4 5", "twice"},
    {LIN_QUEUE, false, "e1 0 1 e2 2 3 d2 4 5 d1 6 7", "after it"},
    {LIN_QUEUE, false, "e1 0 1 e2 2 3 d2 4 5", "still inside"},
    {LIN_QUEUE, false, "e1 0 1 d0 2 3 d1 4 5", "found empty"},
    {LIN_QUEUE, false, "e1 0 1 e2 2 5 d1 6 9 d0 3 8 d2 10 11", NULL},
    {LIN_STACK, true, "p1 0 1 p2 2 3 o2 4 5 o1 6 7 o0 8 9", NULL},
    {LIN_STACK, true, "p1 0 9 p2 0 9 o1 10 11 o2 12 13", NULL},
    {LIN_STACK, false, "o1 0 1", "never put in"},
    {LIN_STACK, false, "p1 0 1 o1 2 3 o1 4 5", "twice"},
    {LIN_STACK, false, "o1 0 1 p1 2 3", "before it was put in"},
    {LIN_STACK, false, "p1 0 1 p2 2 3 o1 4 5 o2 6 7", "lowest"},
    {LIN_STACK, false, "p1 0 1 p2 2 3 o1 4 5", "lowest"},
    {LIN_STACK, false, "p1 0 1 o0 2 3", "found empty"},
    {LIN_STACK, false, "p1 0 1 p2 2 5 o1 6 9 o0 6 7 o2 10 11", "found empty"},
};

static void read_by_hand(const char *text, lin_history *h)
{
    char kind;
    int used;
    long value, call, ret;
    while (sscanf(text, " %c%ld %ld %ld%n", &kind, &value, &call, &ret, &used) == 4) {
        lin_operation op = {.call = (uint64_t)call, .ret = (uint64_t)ret, .client = (uint32_t)h->count};
        bool put = kind == 'e' || kind == 'p';
        op.kind = (uint8_t)(kind == 'e' ? LIN_ENQUEUE : kind == 'd' ? LIN_DEQUEUE : kind == 'p' ? LIN_PUSH : LIN_POP);
        op.got = !put && value ? LIN_VALUE : LIN_NOTHING;
        op.value = put ? value : 0;
        op.result = put ? 0 : value;
        assert_true(lin_add(h, op));
        text += used;
    }
}

static void test_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lin_history h = {0};
        lin_finding found;
        read_by_hand(cases[i].text, &h);
        lin_check(&h, cases[i].type, &found);
        lin_verdict expected = lin_search(&h, specs[cases[i].type], BYTES);
        if (cases[i].why || cases[i].right)
            assert_int_equal(found.verdict, cases[i].right ? LIN_LINEARIZABLE : LIN_VIOLATION);
        assert_int_equal(found.verdict, expected);
        if (cases[i].why && !strstr(found.why, cases[i].why))
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, found.why, cases[i].why);
        lin_free(&found.window);
        lin_free(&h);
    }
}

/* ---- long ones ---- */

static void long_one(lin_type type, unsigned puts)
{
    lin_random random = {17};
    lin_history h = {0};
    lin_shape shape = {type, LONG, 4, 1000, puts, 30, false};
    assert_true(lin_generate(&random, &shape, &h));
    assert_int_equal(verdict_of(&h, type), LIN_LINEARIZABLE);
    for (size_t i = LONG / 2;; i++) { /* an answer with a value becomes "nothing" */
        if (h.op[i].got != LIN_VALUE)
            continue;
        h.op[i].got = LIN_NOTHING;
        break;
    }
    assert_int_equal(verdict_of(&h, type), LIN_VIOLATION);
    lin_free(&h);
}

static void test_long_histories(void **state)
{
    (void)state;
    long_one(LIN_QUEUE, 50);
    long_one(LIN_QUEUE, 60);
    long_one(LIN_STACK, 50);
    long_one(LIN_STACK, 60);
    long_one(LIN_MAP, 50);
}

static void test_a_ring_needs_its_capacity(void **state)
{
    const lin_history none = {0};
    (void)state;
    assert_int_equal(verdict_of(&none, LIN_RING), LIN_UNDECIDED);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_queue_agrees),
        cmocka_unit_test(test_stack_agrees),
        cmocka_unit_test(test_map_agrees),
        cmocka_unit_test(test_the_search_agrees),
        cmocka_unit_test(test_long_histories),
        cmocka_unit_test(test_a_ring_needs_its_capacity),
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
