/* Guards: what they hold back, and what they let go. A held object is one that a barrier cannot reclaim. */
#include "tests/unit/object.h"

#include <errno.h>
#include <string.h>

static void test_size_is_abi(void **state)
{
    (void)state;
    if (sizeof(void *) == 8)
        assert_int_equal(sizeof(weft_guard), 64);
}

static void test_protect_holds_back(void **state)
{
    t_env *env = *state;
    t_object o = {0}, other = {0};
    weft_atomic_ptr source;
    weft_guard guard;
    weft_ptr_store(&source, &o);
    weft_enter(&guard, env->domain);
    assert_int_equal(t_stats(env->domain).guards_held, 1);
    assert_ptr_equal(weft_protect(&guard, &source), &o);
    weft_ptr_store(&source, &other);
    t_retire(env->domain, &o);
    assert_int_equal(t_reclaimed(env->domain, &o), 0);
    assert_int_equal(t_stats(env->domain).pending, 1);
    weft_leave(&guard);
    assert_int_equal(t_stats(env->domain).guards_held, 0);
    assert_int_equal(t_reclaimed(env->domain, &o), 1);
}

static void test_protect_null(void **state)
{
    t_env *env = *state;
    weft_atomic_ptr source;
    weft_guard guard;
    weft_ptr_store(&source, NULL);
    weft_enter(&guard, env->domain);
    assert_null(weft_protect(&guard, &source));
    weft_guard_set(&guard, NULL);
    weft_leave(&guard);
}

/* A guard protects only its latest pointer. Under hazard pointers it no longer holds the one before. */
static void test_latest_pointer_counts(void **state)
{
    t_env *env = *state;
    t_object first = {0}, second = {0};
    weft_atomic_ptr source;
    weft_guard guard;
    weft_ptr_store(&source, &first);
    weft_enter(&guard, env->domain);
    assert_ptr_equal(weft_protect(&guard, &source), &first);
    weft_ptr_store(&source, &second);
    assert_ptr_equal(weft_protect(&guard, &source), &second);
    weft_ptr_store(&source, NULL);
    t_retire(env->domain, &first);
    t_retire(env->domain, &second);
    assert_int_equal(t_reclaimed(env->domain, &second), 0);
    assert_int_equal(atomic_load(&first.reclaimed), env->scheme == WEFT_HAZARD);
    weft_leave(&guard);
    assert_int_equal(t_reclaimed(env->domain, &second), 1);
    assert_int_equal(atomic_load(&first.reclaimed), 1);
}

static void test_tagged_pointers(void **state)
{
    t_env *env = *state;
    for (uintptr_t tag = 0; tag < 8; tag++) {
        for (int sized = 0; sized < 2; sized++) {
            t_object o = {0};
            weft_atomic_ptr source;
            weft_guard guard;
            weft_ptr_store(&source, t_ptr(t_int(&o) | tag));
            weft_enter(&guard, env->domain);
            assert_int_equal(t_int(weft_protect(&guard, &source)), t_int(&o) | tag);
            (sized ? t_retire_sized : t_retire)(env->domain, &o);
            assert_int_equal(t_reclaimed(env->domain, &o), 0);
            weft_leave(&guard);
            assert_int_equal(t_reclaimed(env->domain, &o), 1);
        }
    }
}

static void test_set(void **state)
{
    t_env *env = *state;
    t_object o = {0};
    weft_guard first, second;
    weft_enter(&first, env->domain);
    weft_guard_set(&first, &o);
    t_retire(env->domain, &o);
    assert_int_equal(t_reclaimed(env->domain, &o), 0);
    weft_enter(&second, env->domain); /* takes the object over from the first */
    weft_guard_set(&second, &o);
    weft_leave(&first);
    if (env->scheme == WEFT_HAZARD)
        assert_int_equal(t_reclaimed(env->domain, &o), 0);
    weft_guard_set(&second, NULL);
    weft_leave(&second);
    assert_int_equal(t_reclaimed(env->domain, &o), 1);
}

static void test_set_other_lets_go(void **state)
{
    t_env *env = *state;
    t_object o = {0}, other = {0};
    weft_guard guard;
    weft_enter(&guard, env->domain);
    weft_guard_set(&guard, &o);
    weft_guard_set(&guard, &other);
    t_retire(env->domain, &o);
    assert_int_equal(t_reclaimed(env->domain, &o), env->scheme == WEFT_HAZARD);
    weft_leave(&guard);
    assert_int_equal(t_reclaimed(env->domain, &o), 1);
}

static void test_refresh(void **state)
{
    t_env *env = *state;
    t_object o = {0}, later = {0};
    weft_guard guard;
    weft_enter(&guard, env->domain);
    weft_guard_set(&guard, &o);
    t_retire(env->domain, &o);
    assert_int_equal(t_reclaimed(env->domain, &o), 0);
    weft_guard_refresh(&guard);
    assert_int_equal(t_reclaimed(env->domain, &o), 1);
    assert_int_equal(t_stats(env->domain).guards_held, 1);
    weft_guard_set(&guard, &later); /* the guard works as before */
    t_retire(env->domain, &later);
    assert_int_equal(t_reclaimed(env->domain, &later), 0);
    weft_leave(&guard);
    assert_int_equal(t_reclaimed(env->domain, &later), 1);
}

/* Any address inside a sized object holds it; under hazard pointers none outside does. */
static void test_interior_pointers(void **state)
{
    t_env *env = *state;
    static const size_t inside[] = {0, 1, 7, 8, 100, 128, 248, 255};
    for (size_t i = 0; i < T_COUNT(inside); i++) {
        t_object o = {0};
        weft_guard guard;
        weft_enter(&guard, env->domain);
        weft_guard_set(&guard, o.room + inside[i]);
        t_retire_sized(env->domain, &o);
        assert_int_equal(t_reclaimed(env->domain, &o), 0);
        weft_leave(&guard);
        assert_int_equal(t_reclaimed(env->domain, &o), 1);
    }
    t_object pair[2];
    memset(pair, 0, sizeof pair);
    weft_guard before, after;
    memset(pair, 0, sizeof pair);
    weft_enter(&before, env->domain);
    weft_enter(&after, env->domain);
    weft_guard_set(&before, &pair[0].hook);                     /* in front of pair[1] */
    weft_guard_set(&after, pair[1].room + sizeof pair[1].room); /* one past its end */
    t_retire_sized(env->domain, &pair[1]);
    assert_int_equal(t_reclaimed(env->domain, &pair[1]), env->scheme == WEFT_HAZARD);
    weft_leave(&before);
    weft_leave(&after);
    assert_int_equal(t_reclaimed(env->domain, &pair[1]), 1);
}

/* Objects that are not aligned to 8: the hazard is stored without its low bits, and must still hold them. */
static void test_unaligned_objects(void **state)
{
    t_env *env = *state;
    for (size_t offset = 0; offset < 16; offset++) {
        for (int sized = 0; sized < 2; sized++) {
            t_object o = {0};
            weft_guard guard;
            weft_enter(&guard, env->domain);
            weft_guard_set(&guard, o.room + offset);
            if (sized)
                weft_retire_hook(env->domain, &o.hook, o.room + offset, 4, t_count, &o.reclaimed);
            else
                assert_int_equal(weft_retire(env->domain, o.room + offset, t_count, &o.reclaimed), 0);
            assert_int_equal(t_reclaimed(env->domain, &o), 0);
            weft_leave(&guard);
            assert_int_equal(t_reclaimed(env->domain, &o), 1);
        }
    }
}

/* Many small neighbours, some of them held: those and no others stay. */
static void test_neighbours(void **state)
{
    t_env *env = *state;
    enum { N = 4000, HELD = 20 };
    static struct {
        _Alignas(8) weft_hook hook; /* on 32-bit machines, too: see weft_protect */
        atomic_int reclaimed;
    } o[N];
    weft_guard guard[HELD];
    memset(o, 0, sizeof o);
    for (size_t i = 0; i < HELD; i++) {
        weft_enter(&guard[i], env->domain);
        weft_guard_set(&guard[i], &o[i * 199]);
    }
    for (size_t i = 0; i < N; i++)
        weft_retire_hook(env->domain, &o[i].hook, &o[i], sizeof o[i], t_count, &o[i].reclaimed);
    weft_domain_flush(env->domain);
    for (size_t i = 0; i < N; i++) {
        bool held = env->scheme == WEFT_EPOCH || (i % 199 == 0 && i / 199 < HELD);
        assert_int_equal(atomic_load(&o[i].reclaimed), held ? 0 : 1);
    }
    for (size_t i = 0; i < HELD; i++)
        weft_leave(&guard[i]);
    t_barrier(env->domain);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(atomic_load(&o[i].reclaimed), 1);
}

/* A guard of one domain does not count in another. */
static void test_guards_of_two_domains(void **state)
{
    t_env *env = *state;
    t_alloc alloc;
    weft_domain *other = t_domain(env->scheme, &alloc);
    t_object here = {0}, there = {0};
    weft_guard a, b, c;
    weft_enter(&a, env->domain);
    weft_enter(&b, other);
    weft_enter(&c, env->domain);
    assert_int_equal(t_stats(env->domain).guards_held, 2);
    assert_int_equal(t_stats(other).guards_held, 1);
    weft_leave(&a);
    weft_leave(&c);
    weft_guard_set(&b, &there);
    t_retire(env->domain, &here);
    t_retire(other, &there);
    t_barrier(env->domain); /* only the caller's guard of the same domain forbids it */
    assert_int_equal(atomic_load(&here.reclaimed), 1);
    assert_int_equal(weft_domain_barrier(other, 0), -EBUSY);
    assert_int_equal(t_reclaimed(other, &there), 0);
    weft_leave(&b);
    assert_int_equal(t_reclaimed(other, &there), 1);
    t_domain_done(other, &alloc);
}

static void test_outline_twins(void **state)
{
    t_env *env = *state;
    t_object o = {0}, second = {0};
    weft_atomic_ptr source;
    weft_guard guard;
    weft_ptr_store(&source, t_ptr(t_int(&o) | 3));
    weft_enter_outline(&guard, env->domain);
    assert_int_equal(t_stats(env->domain).guards_held, 1);
    assert_int_equal(t_int(weft_protect_outline(&guard, &source)), t_int(&o) | 3);
    t_retire(env->domain, &o);
    assert_int_equal(t_reclaimed(env->domain, &o), 0);
    weft_guard_refresh_outline(&guard);
    assert_int_equal(t_reclaimed(env->domain, &o), 1);
    weft_guard_set_outline(&guard, &second);
    t_retire(env->domain, &second);
    assert_int_equal(t_reclaimed(env->domain, &second), 0);
    weft_leave_outline(&guard);
    assert_int_equal(t_reclaimed(env->domain, &second), 1);
    weft_enter_outline(&guard, NULL);
    assert_int_equal(t_stats(NULL).guards_held, 1);
    weft_leave(&guard); /* inline and outline calls mix */
    assert_int_equal(t_stats(NULL).guards_held, 0);
}

static void test_pointer_helpers(void **state)
{
    (void)state;
    int a, b;
    weft_atomic_ptr source;
    void *expected = &b;
    weft_ptr_store(&source, &a);
    assert_ptr_equal(weft_ptr_load(&source), &a);
    assert_false(weft_ptr_cas(&source, &expected, NULL));
    assert_ptr_equal(expected, &a);
    assert_true(weft_ptr_cas(&source, &expected, &b));
    assert_ptr_equal(weft_ptr_exchange(&source, &a), &b);
    assert_ptr_equal(weft_ptr_exchange(&source, &b), &a);
    assert_ptr_equal(weft_ptr_load(&source), &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_is_abi),
        T_BOTH(test_protect_holds_back),
        T_BOTH(test_protect_null),
        T_BOTH(test_latest_pointer_counts),
        T_BOTH(test_tagged_pointers),
        T_BOTH(test_set),
        T_BOTH(test_set_other_lets_go),
        T_BOTH(test_refresh),
        T_BOTH(test_interior_pointers),
        T_BOTH(test_unaligned_objects),
        T_BOTH(test_neighbours),
        T_BOTH(test_guards_of_two_domains),
        T_BOTH(test_outline_twins),
        cmocka_unit_test(test_pointer_helpers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
