/* Many guards at once in one thread: nested, left in any order, more than a thread's record has room for. */
#include "tests/unit/object.h"

#include <errno.h>
#include <string.h>

enum { NESTED = 100 }; /* more than a record's 32: the others link themselves into the domain */

/* Enters n guards, retires their objects, and leaves in the given order. Hazard pointers: each leave frees an object. */
static void nest(t_env *env, size_t n, const size_t *order)
{
    static t_object o[NESTED];
    static weft_guard guard[NESTED];
    memset(o, 0, sizeof o);
    for (size_t i = 0; i < n; i++) {
        weft_enter(&guard[i], env->domain);
        weft_guard_set(&guard[i], &o[i]);
        assert_int_equal(t_stats(env->domain).guards_held, i + 1);
    }
    for (size_t i = 0; i < n; i++)
        t_retire(env->domain, &o[i]);
    for (size_t k = 0; k < n; k++) {
        assert_int_equal(t_reclaimed(env->domain, &o[order[k]]), 0);
        weft_leave(&guard[order[k]]);
        assert_int_equal(t_stats(env->domain).guards_held, n - k - 1);
        if (env->scheme == WEFT_HAZARD)
            assert_int_equal(t_reclaimed(env->domain, &o[order[k]]), 1);
    }
    t_barrier(env->domain);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(atomic_load(&o[i].reclaimed), 1);
}

static void test_nested_guards(void **state)
{
    static const size_t sizes[] = {1, 2, 4, 5, 31, 32, 33, 34, 64, NESTED};
    size_t order[NESTED];
    t_rng rng = {5};
    for (size_t s = 0; s < T_COUNT(sizes); s++) {
        size_t n = sizes[s];
        for (size_t i = 0; i < n; i++)
            order[i] = n - 1 - i; /* as scopes end */
        nest(*state, n, order);
        for (size_t i = 0; i < n; i++)
            order[i] = i; /* first in, first out */
        nest(*state, n, order);
        for (size_t i = n; i-- > 1;) { /* a random order */
            size_t j = t_random(&rng) % (i + 1), was = order[i];
            order[i] = order[j];
            order[j] = was;
        }
        nest(*state, n, order);
    }
}

/* All functions work on a linked guard. */
static void test_linked_guard_functions(void **state)
{
    t_env *env = *state;
    weft_guard filler[40], guard;
    weft_atomic_ptr source;
    t_object protected_one = {0}, set = {0};
    for (size_t i = 0; i < T_COUNT(filler); i++)
        weft_enter(&filler[i], env->domain);
    weft_enter(&guard, env->domain);
    for (size_t i = 0; i < T_COUNT(filler); i++) /* they have made `guard` a linked one */
        weft_leave(&filler[i]);
    weft_ptr_store(&source, &protected_one);
    assert_ptr_equal(weft_protect(&guard, &source), &protected_one);
    t_retire(env->domain, &protected_one);
    assert_int_equal(t_reclaimed(env->domain, &protected_one), 0);
    weft_guard_refresh(&guard);
    assert_int_equal(t_reclaimed(env->domain, &protected_one), 1);
    weft_guard_set(&guard, &set);
    t_retire(env->domain, &set);
    assert_int_equal(t_reclaimed(env->domain, &set), 0);
    assert_int_equal(weft_domain_barrier(env->domain, 0), -EBUSY);
    assert_int_equal(weft_domain_destroy(env->domain), -EBUSY);
    weft_leave(&guard);
    assert_int_equal(t_reclaimed(env->domain, &set), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_nested_guards),
        T_BOTH(test_linked_guard_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
