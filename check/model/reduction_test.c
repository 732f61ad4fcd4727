/*
 * Whether the reduction loses anything: random programs of two and three threads are explored with and without it. Both
 * must find the same set of outcomes: what the operations have read, and the final values.
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

enum {
    PROGRAMS = 6000,
    MOST = 3000, /* executions without reduction: larger programs are skipped */
    THREADS = 3,
    OPERATIONS = 4,
    PLACES = 2,
    OUTCOMES = 1 << 16
};

typedef enum what { LOAD, STORE, ADD, EXCHANGE, CAS, FENCE, HEAVY, LOCKED, WHATS } what;

typedef struct operation {
    what what;
    int order;
    unsigned place, value;
} operation;

/* Not in static data, which the machine restores before each execution. */
typedef struct shared {
    operation does[THREADS][OPERATIONS];
    unsigned length[THREADS];
    uint64_t set[OUTCOMES]; /* the outcomes' hashes; 0: none */
    size_t count;
} shared;

static shared *s;
static uint64_t place[PLACES], seen[THREADS][OPERATIONS];
static long mutex;

static uint64_t draw(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return (*x ^= *x << 17) >> 20;
}

static operation draw_operation(uint64_t *x)
{
    static const int loads[] = {MODEL_RELAXED, MODEL_ACQUIRE, MODEL_SEQ_CST},
                     stores[] = {MODEL_RELAXED, MODEL_RELEASE, MODEL_SEQ_CST};
    operation o = {
        .what = (what)(draw(x) % (WHATS + 4)), .place = (unsigned)(draw(x) % PLACES), .value = (unsigned)(draw(x) % 3)};
    if (o.what >= WHATS)
        o.what = o.what % 2 ? LOAD : STORE;
    o.order = o.what == LOAD || o.what == CAS ? loads[draw(x) % 3]
              : o.what == STORE               ? stores[draw(x) % 3]
                                              : (int)(draw(x) % 5);
    if (o.what == FENCE && o.order == MODEL_RELAXED)
        o.order = MODEL_SEQ_CST;
    return o;
}

static uint64_t locked_add(unsigned which)
{
    uint64_t was;
    model_lock(&mutex);
    was = model_load(&place[which], 8, MODEL_RELAXED, __FILE__, __LINE__);
    model_store(&place[which], 8, was + 1, MODEL_RELAXED, __FILE__, __LINE__);
    model_unlock(&mutex);
    return was;
}

static uint64_t perform(const operation *o)
{
    uint64_t *where = &place[o->place], expected = o->value;
    switch (o->what) {
    case LOAD:
        return model_load(where, 8, o->order, __FILE__, __LINE__);
    case STORE:
        model_store(where, 8, o->value + 1, o->order, __FILE__, __LINE__);
        return 0;
    case ADD:
        return model_rmw(where, 8, MODEL_ADD, 1, o->order, __FILE__, __LINE__);
    case EXCHANGE:
        return model_rmw(where, 8, MODEL_EXCHANGE, o->value, o->order, __FILE__, __LINE__);
    case CAS:
        return model_cas(where, 8, &expected, o->value + 1, o->order == MODEL_ACQUIRE ? MODEL_ACQ_REL : o->order,
                         o->order, __FILE__, __LINE__) +
               2 * expected;
    case FENCE:
        model_fence(o->order, __FILE__, __LINE__);
        return 0;
    case HEAVY:
        (void)model_membarrier();
        return 0;
    default:
        return locked_add(o->place);
    }
}

static void run(void)
{
    unsigned who = model_thread() - 1;
    for (unsigned i = 0; i < s->length[who]; i++)
        seen[who][i] = perform(&s->does[who][i]);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static void note(void)
{
    uint64_t hash = 1;
    for (unsigned t = 0; t < THREADS; t++)
        for (unsigned i = 0; i < OPERATIONS; i++)
            hash = mix(hash, seen[t][i]);
    for (unsigned i = 0; i < PLACES; i++)
        hash = mix(hash, model_load(&place[i], 8, MODEL_RELAXED, __FILE__, __LINE__));
    hash |= 1;
    size_t at = hash >> 7 & (OUTCOMES - 1);
    while (s->set[at] && s->set[at] != hash)
        at = (at + 1) & (OUTCOMES - 1);
    s->count += !s->set[at];
    s->set[at] = hash;
}

static model_result explore(const model_case *c, bool all, uint64_t most)
{
    const model_options options = {.all_orders = all, .most = most};
    model_result result;
    memset(s->set, 0, sizeof s->set);
    s->count = 0;
    model_explore(c, &options, &result);
    assert_false(result.failed);
    return result;
}

static void draw_program(uint64_t *x, unsigned threads)
{
    for (unsigned t = 0; t < THREADS; t++) {
        s->length[t] = t >= threads ? 0 : threads == 2 ? 3 + (unsigned)(draw(x) % 2) : 1 + (unsigned)(draw(x) % 2);
        for (unsigned i = 0; i < OPERATIONS; i++)
            s->does[t][i] = draw_operation(x);
    }
}

typedef struct figures {
    unsigned long long programs, outcomes, reduced, whole;
} figures;

/* Asserts the same outcomes both ways. False: the program is too large. */
static bool compare(const model_case *c, figures *f)
{
    model_result whole = explore(c, true, MOST);
    size_t count = s->count;
    if (!whole.complete)
        return false;
    model_result reduced = explore(c, false, 0);
    assert_true(reduced.complete);
    assert_int_equal(s->count, count);
    f->programs++;
    f->outcomes += count;
    f->reduced += reduced.executions;
    f->whole += whole.executions;
    return true;
}

static void test_nothing_is_lost(void **state)
{
    uint64_t x = 88172645463325252u;
    figures f = {0};
    (void)state;
    for (unsigned i = 0; i < PROGRAMS; i++) {
        const model_case c = {"random", 2 + i % 2, NULL, {run, run, run}, .finish = note};
        draw_program(&x, c.threads);
        (void)compare(&c, &f);
    }
    print_message("%llu programs, %llu outcomes, %llu executions, without reduction %llu\n", f.programs, f.outcomes,
                  f.reduced, f.whole);
    assert_true(f.programs > PROGRAMS / 2);
}

/*
 * Thread 3 passes over thread 1's store, on which it depends through the lock. Thread 2 must be shown to read what
 * thread 3 wrote, although it does not depend on thread 1. An earlier reduction, which asked for the reader's past
 * alone, lost this.
 */
static void test_a_store_that_needs_the_later_one(void **state)
{
    static const operation does[THREADS][OPERATIONS] = {{{STORE, MODEL_SEQ_CST, 1, 0}, {LOCKED, MODEL_RELAXED, 0, 0}},
                                                        {{HEAVY, MODEL_RELAXED, 0, 0}, {ADD, MODEL_RELEASE, 1, 0}},
                                                        {{LOAD, MODEL_ACQUIRE, 0, 0}, {EXCHANGE, MODEL_ACQ_REL, 1, 0}}};
    const model_case c = {"needed", 3, NULL, {run, run, run}, .finish = note};
    model_result whole, reduced;
    (void)state;
    memcpy(s->does, does, sizeof does);
    for (unsigned t = 0; t < THREADS; t++)
        s->length[t] = 2;
    whole = explore(&c, true, 0);
    assert_true(whole.complete);
    assert_int_equal(s->count, 10);
    reduced = explore(&c, false, 0);
    assert_true(reduced.complete);
    assert_int_equal(s->count, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_store_that_needs_the_later_one),
                                       cmocka_unit_test(test_nothing_is_lost)};
    s = calloc(1, sizeof *s);
    return !s || cmocka_run_group_tests(tests, NULL, NULL);
}
