/* What a fork's child inherits besides structures: guards, what threads had retired, and the default domain. */
#include "tests/unit/support.h"

#include <errno.h>

enum { SECONDS = 60 };

typedef struct held {
    weft_domain *domain;
    t_hold *own;
    uint64_t objects[2][2]; /* a hazard does not tell eight bytes apart */
    atomic_int count;
} held;

static void child_with_guards(void *ctx)
{
    held *h = ctx;
    CHECK(t_stats(h->domain).guards_held == 40);
    CHECK(weft_retire(h->domain, h->objects[0], t_count, &h->count) == 0);
    CHECK(weft_retire(h->domain, h->objects[1], t_count, &h->count) == 0);
    CHECK(weft_domain_barrier(h->domain, 0) == -EBUSY);
    for (int i = 0; i < 3; i++)
        weft_domain_flush(h->domain);
    CHECK(atomic_load(&h->count) == (weft_i_scheme(h->domain) == WEFT_HAZARD)); /* own guards hold object 0 alone */
    for (int i = 0; i < 40; i++)
        t_hold_leave(&h->own[i]);
    t_barrier(h->domain);
    CHECK(atomic_load(&h->count) == 2);
    CHECK(weft_domain_destroy(h->domain) == 0);
}

/* The forking thread's guards stay held in the child, linked ones too; those of other threads count as left. */
static void test_guards_over_a_fork(void **state)
{
    t_env *env = *state;
    held h = {.domain = env->domain};
    t_hold own[40], others[40];
    t_worker worker;
    t_worker_start(&worker);
    h.own = own;
    for (int i = 0; i < 40; i++) {
        own[i] = (t_hold){.domain = env->domain, .pointer = h.objects[0]};
        others[i] = (t_hold){.domain = env->domain, .pointer = h.objects[1]};
        t_hold_enter(&own[i]);
        t_worker_do(&worker, t_hold_enter, &others[i]);
    }
    t_in_child(child_with_guards, &h, SECONDS);
    assert_int_equal(t_stats(env->domain).guards_held, 80);
    for (int i = 0; i < 40; i++) {
        t_hold_leave(&own[i]);
        t_worker_do(&worker, t_hold_leave, &others[i]);
    }
    t_worker_end(&worker);
}

/* The child reclaims what other threads had retired and not yet reclaimed. */
typedef struct retired {
    weft_domain *domain;
    atomic_int count;
} retired;

static void retire_some(void *ctx)
{
    retired *r = ctx;
    t_retire_many(r->domain, 700, &r->count);
}

static void child_reclaims(void *ctx)
{
    retired *r = ctx;
    for (int i = 0; i < 3; i++)
        weft_domain_flush(r->domain);
    CHECK(atomic_load(&r->count) == 700);
    CHECK(t_stats(r->domain).pending == 0);
    CHECK(t_stats(r->domain).threads == 1); /* this one, by its flush */
    CHECK(weft_domain_destroy(r->domain) == 0);
}

static void test_retired_over_a_fork(void **state)
{
    t_env *env = *state;
    retired r = {.domain = env->domain};
    t_worker worker;
    t_worker_start(&worker);
    t_worker_do(&worker, retire_some, &r);
    t_in_child(child_reclaims, &r, SECONDS);
    assert_int_equal(atomic_load(&r.count), 0);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&r.count), 700);
    t_worker_end(&worker);
}

static void fork_again(void *ctx)
{
    int *depth = ctx;
    atomic_int count = 0;
    t_retire_many(NULL, 10, &count);
    t_barrier(NULL);
    if (--*depth > 0)
        t_in_child(fork_again, ctx, SECONDS);
    t_barrier(NULL);
}

static void test_children_of_children(void **state)
{
    int depth = 5;
    (void)state;
    t_in_child(fork_again, &depth, SECONDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_guards_over_a_fork),
        T_BOTH(test_retired_over_a_fork),
        cmocka_unit_test(test_children_of_children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
