/* Out of memory in domains and containers, at every allocation of every operation. */
#include "tests/unit/oom.h"
#include "tests/unit/sequence.h"

#include <errno.h>
#include <stdlib.h>
#include <weft/reclaim/list.h>

static void test_domain_create(void **state)
{
    t_env *env = *state;
    t_alloc alloc;
    t_alloc_init(&alloc);
    weft_domain_config config = {.scheme = env->scheme, .allocator = t_allocator(&alloc)};
    int result = -ENOMEM;
    for (long nth = 1; result != 0; nth++) {
        weft_domain *domain = (weft_domain *)env;
        t_alloc_fail(&alloc, nth, true);
        result = weft_domain_create(&domain, &config);
        t_alloc_fail_never(&alloc);
        if (result == 0) {
            t_domain_done(domain, &alloc);
        } else {
            assert_int_equal(result, -ENOMEM);
            assert_null(domain);
        }
        assert_int_equal(atomic_load(&alloc.bytes), 0);
    }
}

/* ---- attach and retire ---- */

typedef struct retiring {
    weft_domain *domain;
    atomic_int count;
    int object;
    bool attach;
    bool hooked;
    weft_hook hook;
} retiring;

static void *prepare_attach(weft_domain *domain)
{
    retiring *r = calloc(1, sizeof *r);
    CHECK(r != NULL);
    r->domain = domain;
    r->attach = true;
    return r;
}

static void *prepare_retire(weft_domain *domain)
{
    retiring *r = prepare_attach(domain);
    r->attach = false;
    return r;
}

static void *prepare_retire_attached(weft_domain *domain)
{
    CHECK(weft_domain_attach(domain) == 0);
    return prepare_retire(domain);
}

static void *prepare_hook(weft_domain *domain)
{
    retiring *r = prepare_retire(domain);
    r->hooked = true;
    return r;
}

static int operate_retire(void *subject)
{
    retiring *r = subject;
    if (r->attach)
        return weft_domain_attach(r->domain);
    if (!r->hooked)
        return weft_retire(r->domain, &r->object, t_count, &r->count);
    weft_retire_hook(r->domain, &r->hook, &r->object, sizeof r->object, t_count, &r->count);
    return 0;
}

static void check_retired(void *subject, bool happened)
{
    retiring *r = subject;
    weft_domain_statistics stats = t_stats(r->domain);
    CHECK(stats.retired == (happened && !r->attach));
    CHECK(stats.threads <= 1);
    if (r->attach)
        CHECK(stats.threads == happened);
}

static void finish_retire(void *subject)
{
    retiring *r = subject;
    t_barrier(r->domain);
    CHECK(atomic_load(&r->count) == !r->attach);
    free(r);
}

static const t_operation retire_operations[] = {
    {"attach", prepare_attach, operate_retire, check_retired, finish_retire},
    {"retire", prepare_retire, operate_retire, check_retired, finish_retire},
    {"retire, attached", prepare_retire_attached, operate_retire, check_retired, finish_retire},
    {"retire by hook", prepare_hook, operate_retire, check_retired, finish_retire},
};

static void test_retire(void **state)
{
    t_env *env = *state;
    for (size_t i = 0; i < T_COUNT(retire_operations); i++)
        t_out_of_memory(env->scheme, &retire_operations[i], 1);
}

/* With no memory at all: what was retired is reclaimed, guards hold, flush and barrier do their work. */
static void test_domain_without_memory(void **state)
{
    t_env *env = *state;
    enum { N = 5000 };
    atomic_int count = 0;
    static struct {
        weft_hook hook;
        char room[16];
    } object[N];
    weft_guard guard[40];
    t_alloc_fail(&env->alloc, 1, true);
    for (size_t i = 0; i < T_COUNT(guard); i++) {
        weft_enter(&guard[i], env->domain);
        weft_guard_set(&guard[i], &object[i]);
    }
    for (size_t i = 0; i < N; i++)
        weft_retire_hook(env->domain, &object[i].hook, &object[i], sizeof object[i], t_count, &count);
    weft_domain_flush(env->domain);
    assert_int_equal(atomic_load(&count), env->scheme == WEFT_HAZARD ? N - T_COUNT(guard) : 0);
    assert_int_equal(t_stats(env->domain).retired, N);
    for (size_t i = 0; i < T_COUNT(guard); i++)
        weft_leave(&guard[i]);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&count), N);
    t_alloc_fail_never(&env->alloc);
}

/* ---- sequences ---- */

/* More are put at once than a queue of arrays has left in a segment. */
enum { CELLS = WEFT_SEGMENT_CELLS, MANY = 600 };

typedef struct subject {
    const container *kind;
    void *sequence;
    size_t many;   /* the operation puts so many in one step; 0: one, by put */
    size_t before; /* so many were inside */
} subject;

static const container *kind_now;

static void put_before(subject *s, size_t before)
{
    for (; s->before < before; s->before++)
        CHECK(s->kind->put(s->sequence, t_ptr(s->before + 1)) == 0);
}

static subject *prepare(weft_domain *domain, size_t before, size_t many)
{
    subject *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    *s = (subject){kind_now, NULL, many, 0};
    CHECK(s->kind->create(&s->sequence, domain) == 0);
    put_before(s, before);
    return s;
}

static void *prepare_empty(weft_domain *domain)
{
    return prepare(domain, 0, 0);
}

static void *prepare_some(weft_domain *domain) /* as many as the first segment of a queue of arrays has */
{
    return prepare(domain, CELLS, 0);
}

static void *prepare_used(weft_domain *domain) /* with nodes to recycle, and others retired */
{
    subject *s = prepare(domain, 400, 0);
    for (; s->before > 0; s->before--)
        (void)t_take(s->kind, s->sequence);
    return s;
}

static void *prepare_many(weft_domain *domain)
{
    return prepare(domain, CELLS - 100, MANY);
}

static void *prepare_used_many(weft_domain *domain)
{
    subject *s = prepare_used(domain);
    s->many = MANY;
    put_before(s, CELLS - 500); /* in other cells than before */
    return s;
}

static int operate_put(void *ctx)
{
    subject *s = ctx;
    static void *values[MANY];
    if (s->many == 0)
        return s->kind->put(s->sequence, t_ptr(s->before + 1));
    for (size_t i = 0; i < s->many; i++)
        values[i] = t_ptr(s->before + 1 + i);
    return s->kind->put_many(s->sequence, values, s->many);
}

/* Takes all out, compares, and puts them back, so that the next attempt finds the same contents. */
static void check_put(void *ctx, bool happened)
{
    subject *s = ctx;
    void *value;
    size_t n = s->before + (happened ? s->many + !s->many : 0);
    for (size_t i = 0; i < n; i++)
        CHECK(t_take(s->kind, s->sequence) == (s->kind->lifo ? n - i : i + 1));
    CHECK(!s->kind->take(s->sequence, &value));
    for (size_t i = 1; i <= n; i++)
        CHECK(s->kind->put(s->sequence, t_ptr(i)) == 0);
}

static void finish_sequence(void *ctx)
{
    subject *s = ctx;
    s->kind->destroy(s->sequence, NULL, NULL);
    free(s);
}

static const t_operation put_operations[] = {
    {"first put", prepare_empty, operate_put, check_put, finish_sequence},
    {"put", prepare_some, operate_put, check_put, finish_sequence},
    {"put with recycled nodes", prepare_used, operate_put, check_put, finish_sequence},
    {"put many", prepare_many, operate_put, check_put, finish_sequence},
    {"put many with recycled nodes", prepare_used_many, operate_put, check_put, finish_sequence},
};

/* Whether a new one has room for its first value, so that putting it needs no memory. */
static bool brings_room(const container *kind)
{
    return kind == &containers[CONTAINER_segq];
}

static void test_put(void **state)
{
    t_env *env = *state;
    kind_now = env->what;
    for (size_t i = 0; i < T_COUNT(put_operations); i++)
        t_out_of_memory(env->scheme, &put_operations[i], i != 2 && !(i == 0 && brings_room(kind_now)));
}

static void test_create(void **state)
{
    t_env *env = *state;
    const container *kind = env->what;
    int result = -ENOMEM;
    for (long nth = 1; result != 0; nth++) {
        t_alloc alloc;
        weft_domain *domain = t_domain(env->scheme, &alloc);
        void *sequence = env;
        t_alloc_fail(&alloc, nth, true);
        result = kind->create(&sequence, domain);
        t_alloc_fail_never(&alloc);
        if (result == 0) {
            kind->destroy(sequence, NULL, NULL);
        } else {
            assert_int_equal(result, -ENOMEM);
            assert_null(sequence);
        }
        t_domain_done(domain, &alloc); /* a failed create does not count as a user */
    }
}

static void count_value(void *value, void *ctx)
{
    (void)value;
    (*(size_t *)ctx)++;
}

/* Only putting needs memory, even in a thread without a place in the domain. */
static void take_without_memory(unsigned index, void *ctx)
{
    const subject *s = ctx;
    (void)index;
    for (size_t i = 0; i < 2500; i++)
        CHECK(t_take(s->kind, s->sequence) == (s->kind->lifo ? 5000 - i : i + 1));
    CHECK(!s->kind->is_empty(s->sequence));
}

static void test_take_without_memory(void **state)
{
    t_env *env = *state;
    size_t count = 0;
    kind_now = env->what;
    subject *s = prepare(env->domain, 5000, 0);
    t_alloc_fail(&env->alloc, 1, true);
    t_run_in_turn(1, take_without_memory, s);
    if (s->kind == &containers[CONTAINER_treiber])
        assert_int_equal(weft_treiber_pop_all(s->sequence, count_value, &count), 2500);
    s->kind->destroy(s->sequence, count_value, &count);
    t_barrier(env->domain);
    assert_int_equal(count, 2500);
    t_alloc_fail_never(&env->alloc);
    free(s);
}

/* Memory comes and goes at random; what was accepted comes out, what was refused does not. */
static void test_memory_comes_and_goes(void **state)
{
    t_env *env = *state;
    const container *kind = env->what;
    void *sequence = t_sequence_new(env), *value;
    static uintptr_t model[20000];
    size_t first = 0, end = 0, refusals = 0;
    t_rng rng = {23};
    for (uintptr_t i = 1; i < T_COUNT(model); i++) {
        t_alloc_fail(&env->alloc, (long)(t_random(&rng) % 3), t_random(&rng) % 2);
        if (t_random(&rng) % 5 < 3) {
            if (kind->put(sequence, t_ptr(i)) == 0)
                model[end++] = i;
            else
                refusals++;
        } else if (kind->take(sequence, &value)) {
            CHECK(first < end);
            CHECK(t_int(value) == (kind->lifo ? model[--end] : model[first++]));
        } else {
            CHECK(first == end);
        }
    }
    t_alloc_fail_never(&env->alloc);
    assert_true(refusals > 0);
    while (first < end)
        CHECK(t_take(kind, sequence) == (kind->lifo ? model[--end] : model[first++]));
    assert_true(kind->is_empty(sequence));
    kind->destroy(sequence, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_domain_create),
        T_BOTH(test_retire),
        T_BOTH(test_domain_without_memory),
        T_SEQUENCES(test_create),
        T_SEQUENCES(test_put),
        T_SEQUENCES(test_take_without_memory),
        T_SEQUENCES(test_memory_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
