/* weft_deque: any sequence beside a model, growth and shrinking, thieves, and memory that runs out. */
#include "tests/unit/support.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <weft/queues/deque_kernel.h>

enum { CELLS = WEFT_DEQUE_CELLS, MANY = 5 * CELLS + 3 };

static weft_deque *new_deque(const t_env *env)
{
    weft_deque *deque;
    CHECK(weft_deque_create(&deque, env->domain) == 0);
    return deque;
}

static size_t cells(weft_deque *deque)
{
    return ((weft_i_deque_array *)weft_i_load(&deque->array, memory_order_relaxed))->size;
}

static void push(weft_deque *deque, size_t from, size_t to)
{
    for (size_t i = from; i <= to; i++)
        CHECK(weft_deque_push(deque, t_ptr(i)) == 0);
}

static uintptr_t pop(weft_deque *deque)
{
    void *value;
    return weft_deque_try_pop(deque, &value) ? t_int(value) : 0;
}

static uintptr_t steal(weft_deque *deque)
{
    void *value;
    return weft_deque_try_steal(deque, &value) ? t_int(value) : 0;
}

/* ---- one thread ---- */

static void test_any_sequence(void **state)
{
    enum { MOST = 400 };
    const t_env *env = *state;
    t_rng random = {5};
    weft_deque *deque = new_deque(env);
    uintptr_t model[MOST], next = 1;
    size_t first = 0, last = 0, empty = 0, stolen = 0;
    for (size_t i = 0; i < 20000; i++) {
        unsigned what = (unsigned)(t_random(&random) >> 8) % 8, pushes = i / 400 % 2 ? 5 : 2; /* more comes, or goes */
        if (what < pushes && last - first < MOST) {
            CHECK(weft_deque_push(deque, t_ptr(next)) == 0);
            model[last++ % MOST] = next++;
        } else if (what % 2) {
            CHECK(pop(deque) == (first == last ? 0 : model[(last - 1) % MOST]));
            empty += first == last;
            last -= first != last;
        } else {
            CHECK(steal(deque) == (first == last ? 0 : model[first % MOST]));
            empty += first == last;
            stolen += first != last;
            first += first != last;
        }
    }
    assert_true(empty > 100 && stolen > 1000 && next > 5000 && cells(deque) > CELLS);
    weft_deque_destroy(deque, NULL, NULL);
}

static void note(void *value, void *ctx)
{
    uintptr_t *next = ctx;
    CHECK(t_int(value) == (*next)++);
}

static void test_drain(void **state)
{
    const t_env *env = *state;
    weft_deque *deque = new_deque(env);
    uintptr_t next = 2;
    push(deque, 1, MANY);
    assert_int_equal(steal(deque), 1);
    weft_deque_destroy(deque, note, &next);
    assert_int_equal(next, MANY + 1);
}

/* NULL is a value. */
static void test_null_is_a_value(void **state)
{
    const t_env *env = *state;
    weft_deque *deque = new_deque(env);
    void *value = deque;
    CHECK(weft_deque_push(deque, NULL) == 0 && weft_deque_push(deque, NULL) == 0);
    assert_true(weft_deque_try_pop(deque, &value));
    assert_null(value);
    value = deque;
    assert_true(weft_deque_try_steal(deque, &value));
    assert_null(value);
    assert_false(weft_deque_try_pop(deque, &value));
    weft_deque_destroy(deque, NULL, NULL);
}

/* After the deque was small for long, its array is small again, and the old ones are reclaimed. */
static void test_shrinks(void **state)
{
    t_env *env = *state;
    weft_deque *deque = new_deque(env);
    CHECK(weft_domain_attach(env->domain) == 0);
    size_t before = atomic_load(&env->alloc.bytes);
    push(deque, 1, 64 * CELLS);
    assert_int_equal(cells(deque), 64 * CELLS);
    for (size_t i = 64 * CELLS; i >= 1; i--)
        CHECK(pop(deque) == i);
    CHECK(pop(deque) == 0);
    for (size_t round = 0; round < 6 * WEFT_DEQUE_QUIET; round++) {
        push(deque, 1, CELLS / 4);
        while (pop(deque))
            ;
    }
    assert_int_equal(cells(deque), CELLS);
    t_barrier(env->domain);
    weft_domain_flush(env->domain);
    assert_true(atomic_load(&env->alloc.bytes) <= before + 4096);
    weft_deque_destroy(deque, NULL, NULL);
}

/* A deque that is needed whole now and then keeps its array. */
static void test_does_not_shrink(void **state)
{
    const t_env *env = *state;
    weft_deque *deque = new_deque(env);
    for (size_t round = 0; round < 8 * WEFT_DEQUE_QUIET; round++) {
        push(deque, 1, round % (WEFT_DEQUE_QUIET / 2) ? 1 : 4 * CELLS);
        while (pop(deque))
            ;
        CHECK(cells(deque) == 4 * CELLS);
    }
    weft_deque_destroy(deque, NULL, NULL);
}

static void test_steal_half(void **state)
{
    const t_env *env = *state;
    weft_deque *from = new_deque(env), *to = new_deque(env);
    for (size_t there = 0; there <= MANY; there++) {
        size_t half = (there + 1) / 2;
        push(from, 1, there);
        assert_int_equal(weft_deque_steal_half(from, to), half);
        for (size_t i = half; i >= 1; i--)
            CHECK(pop(to) == i);
        for (size_t i = there; i > half; i--)
            CHECK(pop(from) == i);
        CHECK(pop(to) == 0 && pop(from) == 0);
    }
    push(from, 1, 3);
    assert_int_equal(weft_deque_steal_half(from, from), 0);
    weft_deque_destroy(from, NULL, NULL);
    weft_deque_destroy(to, NULL, NULL);
}

/* ---- memory ---- */

static void test_no_memory(void **state)
{
    t_env *env = *state;
    weft_deque *deque = (void *)state, *to;
    for (long nth = 1; nth <= 2; nth++) {
        t_alloc_fail(&env->alloc, nth, false);
        assert_int_equal(weft_deque_create(&deque, env->domain), -ENOMEM);
        assert_null(deque);
    }
    t_alloc_fail_never(&env->alloc);
    deque = new_deque(env);
    to = new_deque(env);
    push(deque, 1, CELLS);
    t_alloc_fail(&env->alloc, 1, true);
    assert_int_equal(weft_deque_push(deque, t_ptr(7)), -ENOMEM);
    assert_int_equal(weft_deque_push(deque, t_ptr(7)), -ENOMEM);
    assert_int_equal(pop(deque), CELLS); /* nothing has happened */
    assert_int_equal(weft_deque_push(deque, t_ptr(CELLS)), 0);
    push(to, 1, CELLS - 3); /* room for three */
    assert_int_equal(weft_deque_steal_half(deque, to), 3);
    t_alloc_fail_never(&env->alloc);
    assert_int_equal(pop(to), 3);
    assert_int_equal(steal(deque), 4);
    assert_int_equal(weft_deque_push(deque, t_ptr(CELLS + 1)), 0);
    assert_int_equal(pop(deque), CELLS + 1);
    weft_deque_destroy(deque, NULL, NULL);
    weft_deque_destroy(to, NULL, NULL);
}

/* ---- callbacks that use the deque ---- */

typedef struct nest {
    weft_deque *deque;
    bool pushing;  /* the owner is in a push */
    size_t nested; /* pushes in there, by callbacks or the allocator */
    size_t pushed;
} nest;

static void push_inside(nest *n)
{
    if (!n->pushing)
        return;
    n->pushing = false;
    for (size_t i = 0; i < 2 * CELLS; i++) { /* it grows */
        CHECK(weft_deque_push(n->deque, t_ptr(1)) == 0);
        n->nested++;
    }
    n->pushing = true;
}

static void callback(void *object, void *ctx)
{
    (void)object;
    push_inside(ctx);
}

static void count_values(nest *n)
{
    size_t popped = 0;
    n->pushing = false;
    while (pop(n->deque))
        popped++;
    CHECK(popped == n->pushed + n->nested);
}

/* A push that grows retires the old array, and so may run callbacks: their pushes must not be lost. */
static void test_callbacks_push(void **state)
{
    static char object[WEFT_BATCH + 40];
    const t_env *env = *state;
    size_t nested = 0;
    for (size_t retired = WEFT_BATCH - 40; retired < T_COUNT(object); retired++) {
        nest n = {.deque = new_deque(env)};
        CHECK(weft_domain_barrier(env->domain, UINT64_MAX) == 0);
        for (size_t i = 0; i < retired; i++)
            CHECK(weft_retire(env->domain, &object[i], callback, &n) == 0);
        for (n.pushing = true; n.pushed < CELLS + 1; n.pushed++)
            CHECK(weft_deque_push(n.deque, t_ptr(1)) == 0);
        count_values(&n);
        nested += n.nested;
        CHECK(weft_domain_barrier(env->domain, UINT64_MAX) == 0);
        weft_deque_destroy(n.deque, NULL, NULL);
    }
    assert_true(nested > 0);
}

static void *pushing_alloc(size_t size, size_t alignment, void *ctx)
{
    push_inside(ctx);
    return aligned_alloc(alignment, weft_i_round_up(size, alignment));
}

static void plain_free(void *memory, size_t size, void *ctx)
{
    (void)size, (void)ctx;
    free(memory);
}

/* An allocator, too, may use Weft: what it pushes into the deque that asks it for memory is not lost. */
static void test_allocator_pushes(void **state)
{
    const t_env *env = *state;
    nest n = {0};
    const weft_domain_config config = {.scheme = env->scheme, .allocator = {pushing_alloc, plain_free, &n}};
    weft_domain *domain;
    CHECK(weft_domain_create(&domain, &config) == 0);
    CHECK(weft_deque_create(&n.deque, domain) == 0);
    for (n.pushing = true; n.pushed < 4 * CELLS; n.pushed++)
        CHECK(weft_deque_push(n.deque, t_ptr(1)) == 0);
    assert_true(n.nested >= 2 * CELLS);
    count_values(&n);
    for (int i = 0; i < 3 * WEFT_DEQUE_QUIET; i++) { /* empty, the deque shrinks, and grows meanwhile */
        n.pushing = true;
        while (pop(n.deque))
            ;
    }
    weft_deque_destroy(n.deque, NULL, NULL);
    CHECK(weft_domain_destroy(domain) == 0);
}

static void test_bad_input(void **state)
{
    const t_env *env = *state;
    weft_deque *deque = new_deque(env);
    void *value;
    assert_int_equal(weft_deque_create(NULL, NULL), -EINVAL);
    assert_int_equal(weft_deque_push(NULL, NULL), -EINVAL);
    assert_int_equal(weft_deque_push(deque, t_ptr(1)), 0);
    assert_false(weft_deque_try_pop(NULL, &value));
    assert_false(weft_deque_try_pop(deque, NULL));
    assert_false(weft_deque_try_steal(NULL, &value));
    assert_false(weft_deque_try_steal(deque, NULL));
    assert_int_equal(weft_deque_steal_half(NULL, deque), 0);
    assert_int_equal(weft_deque_steal_half(deque, NULL), 0);
    assert_int_equal(pop(deque), 1);
    weft_deque_destroy(NULL, NULL, NULL);
    weft_deque_destroy(deque, NULL, NULL);
}

/* ---- thieves ---- */

enum { THIEVES = 2, VALUES = T_SCALE(400000, 20000), MOST_VALUES = 20000000, STEALS = 200, HALVES = 20 };

typedef struct heist {
    weft_deque *deque;
    weft_domain *domain;
    atomic_uchar *seen; /* by value */
    atomic_bool over;
    atomic_size_t stolen, halves;
    uintptr_t last; /* as many values as that took */
} heist;

static bool enough(heist *h)
{
    return atomic_load(&h->stolen) > STEALS && atomic_load(&h->halves) > HALVES;
}

static void see(heist *h, uintptr_t value)
{
    CHECK(value >= 1 && value <= MOST_VALUES);
    CHECK(atomic_fetch_add(&h->seen[value], 1) == 0);
}

/* Thread 0 owns the deque, which is often empty and sometimes long; the others steal one, or half. */
static void own_or_steal(unsigned index, void *ctx)
{
    heist *h = ctx;
    t_rng random = {index + 3};
    uintptr_t next = 1, value, before = 0;
    weft_deque *mine;
    if (index == 0) {
        while (next <= VALUES || (!enough(h) && next < MOST_VALUES - 1000)) {
            size_t burst = 1 + (size_t)(t_random(&random) >> 8) % (t_random(&random) % 64 == 0 ? 500 : 6);
            for (size_t i = 0; i < burst; i++)
                CHECK(weft_deque_push(h->deque, t_ptr(next++)) == 0);
            for (size_t i = 0; i < burst + 1 && (value = pop(h->deque)) != 0; i++)
                see(h, value);
            if (next % 16 == 0)
                sched_yield();
        }
        while ((value = pop(h->deque)) != 0)
            see(h, value);
        h->last = next - 1;
        atomic_store(&h->over, true);
        return;
    }
    CHECK(weft_deque_create(&mine, h->domain) == 0);
    while (!atomic_load(&h->over)) {
        if (index == 1 && t_random(&random) % 4 == 0) {
            size_t got = weft_deque_steal_half(h->deque, mine);
            atomic_fetch_add(&h->halves, got > 1);
            while ((value = pop(mine)) != 0)
                see(h, value);
        } else if ((value = steal(h->deque)) != 0) {
            CHECK(index == 1 || value > before); /* what one thief steals comes in its order */
            before = value;
            see(h, value);
            atomic_fetch_add(&h->stolen, 1);
        }
    }
    weft_deque_destroy(mine, NULL, NULL);
}

static void test_thieves(void **state)
{
    const t_env *env = *state;
    heist h = {.deque = new_deque(env), .domain = env->domain};
    h.seen = calloc(MOST_VALUES + 1, sizeof *h.seen);
    CHECK(h.seen != NULL);
    t_run(THIEVES + 1, own_or_steal, &h);
    for (size_t i = 1; i <= h.last; i++)
        CHECK(atomic_load(&h.seen[i]) == 1);
    assert_true(enough(&h) && h.last >= VALUES);
    free(h.seen);
    weft_deque_destroy(h.deque, NULL, NULL);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_any_sequence), T_BOTH(test_drain),           T_BOTH(test_null_is_a_value),
        T_BOTH(test_shrinks),      T_BOTH(test_does_not_shrink), T_BOTH(test_steal_half),
        T_BOTH(test_no_memory),    T_BOTH(test_callbacks_push),  T_BOTH(test_allocator_pushes),
        T_BOTH(test_bad_input),    T_BOTH(test_thieves),
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
