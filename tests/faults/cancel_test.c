/*
 * No function of Weft's is a cancellation point. With a cancellation pending each public function returns, and the
 * thread ends at its own cancellation point afterwards. If it ended earlier, the domain's allocator would miss memory.
 */
#include "tests/unit/support.h"

#include "tests/support/containers.h"
#include "tests/support/maps.h"

#include <weft/base/version.h>

#include <errno.h>
#include <stdlib.h>

typedef struct run {
    weft_scheme scheme;
    weft_domain *domain;
    weft_atomic_ptr shared;
    atomic_int reclaimed;
    sem_t entered, leave;
    bool done;
} run;

/* ---- domains ---- */

static void *read_for_long(void *ctx)
{
    run *r = ctx;
    weft_guard guard;
    weft_enter(&guard, r->domain);
    CHECK(weft_protect(&guard, &r->shared) != NULL);
    CHECK(sem_post(&r->entered) == 0);
    t_sem_wait(&r->leave);
    weft_leave(&guard);
    return NULL;
}

static void use_guards(run *r)
{
    weft_guard guard[40]; /* more than there are slots */
    for (size_t i = 0; i < T_COUNT(guard); i++) {
        weft_enter(&guard[i], r->domain);
        CHECK(weft_protect(&guard[i], &r->shared) != NULL);
        weft_guard_refresh(&guard[i]);
        weft_guard_set(&guard[i], weft_ptr_load(&r->shared));
    }
    for (size_t i = 0; i < T_COUNT(guard); i++)
        weft_leave(&guard[i]);
    weft_enter_outline(&guard[0], r->domain);
    CHECK(weft_protect_outline(&guard[0], &r->shared) != NULL);
    weft_guard_set_outline(&guard[0], NULL);
    weft_guard_refresh_outline(&guard[0]);
    weft_leave_outline(&guard[0]);
}

/* Retires what another thread looks at: one barrier times out, and a later one succeeds. */
static void use_domain(run *r)
{
    static weft_hook hook;
    weft_domain_statistics figures;
    void *old = weft_ptr_exchange(&r->shared, malloc(8));
    CHECK(weft_retire(r->domain, old, t_count_free, &r->reclaimed) == 0);
    weft_retire_hook(r->domain, &hook, &hook, sizeof hook, t_count, &r->reclaimed);
    weft_domain_flush(r->domain);
    CHECK(weft_domain_barrier(r->domain, 3000000) == -ETIMEDOUT);
    weft_domain_stats(r->domain, &figures);
    CHECK(figures.pending >= 1);
    CHECK(sem_post(&r->leave) == 0);
    CHECK(weft_domain_barrier(r->domain, UINT64_MAX) == 0);
    CHECK(atomic_load(&r->reclaimed) == 2);
}

static void make_domains(run *r)
{
    const weft_domain_config config = {.scheme = r->scheme};
    weft_domain *domain;
    CHECK(weft_domain_create(&domain, &config) == 0);
    CHECK(weft_domain_attach(domain) == 0);
    CHECK(weft_domain_destroy(domain) == 0);
    CHECK(weft_domain_destroy(weft_default_domain()) == -EINVAL);
}

/* ---- structures ---- */

static void drop(void *value, void *ctx)
{
    (void)value;
    (void)ctx;
}

static void use_container(run *r, const container *is)
{
    void *it, *value, *values[] = {t_ptr(8), t_ptr(16)};
    CHECK(is->create(&it, r->domain) == 0);
    for (int i = 0; i < 3000; i++) { /* batches of nodes */
        CHECK(is->put(it, t_ptr(8)) == 0 && is->put_many(it, values, 2) == 0);
        CHECK(is->take(it, &value) && is->take(it, &value) && !is->is_empty(it));
    }
    if (is == &containers[CONTAINER_treiber])
        CHECK(weft_treiber_pop_all(it, drop, NULL) == 3000);
    is->destroy(it, NULL, NULL);
}

static void use_entry(const map_subject *of, void *map, uintptr_t key)
{
    void *value;
    CHECK(of->insert(map, key, t_ptr(8)) == 0 && of->contains(map, key));
    CHECK(of->put(map, key, t_ptr(16), &value) == 1 && of->get(map, NULL, key) == t_ptr(16));
    CHECK(of->get_or_insert(map, NULL, key, t_ptr(8), &value) == 1);
    CHECK(of->compare_and_replace(map, key, t_ptr(16), t_ptr(24)) == 0);
    CHECK(of->compare_and_remove(map, key, t_ptr(24)) == 0 && !of->remove(map, key, NULL));
}

static bool one_step(uintptr_t key, void *value, void *steps)
{
    (void)key;
    (void)value;
    return ++*(int *)steps > 1;
}

static void use_map(run *r, const map_subject *of)
{
    enum { KEYS = 5000, AT_ONCE = 50 };
    void *map, *values[AT_ONCE];
    uintptr_t keys[AT_ONCE];
    weft_map_seed seed = {1, 2};
    int steps = 0;
    CHECK(of->create(&map, r->domain, NULL, NULL) == 0);
    CHECK(of->reserve(map, 100) == 0);
    for (uintptr_t key = 0; key < KEYS; key++) {
        use_entry(of, map, key);
        CHECK(of->put(map, key, t_ptr(8), NULL) == 0);
        keys[key % AT_ONCE] = key;
    }
    CHECK(of->get_many(map, NULL, keys, values, AT_ONCE) == AT_ONCE);
    of->walk(map, one_step, &steps);
    CHECK(steps == 1 && of->buckets(map) > 0 && of->size(map) == KEYS);
    CHECK(weft_map_hash_bytes("a", 1, &seed) != 0);
    of->clear(map);
    of->destroy(map);
}

/* ---- all ---- */

static void *use_all(void *ctx)
{
    run *r = ctx;
    CHECK(pthread_cancel(pthread_self()) == 0); /* deferred until this thread's next cancellation point */
    make_domains(r);
    use_guards(r);
    use_domain(r);
    for (size_t c = 0; c < CONTAINERS; c++)
        use_container(r, &containers[c]);
    for (size_t m = 0; m < MAPS; m++)
        use_map(r, &maps[m]);
    CHECK(weft_version() != 0 && weft_version_string() != NULL);
    r->done = true;
    pthread_testcancel();
    return NULL;
}

static void test_cancelled(void **state)
{
    t_env *env = *state;
    run r = {.scheme = env->scheme, .domain = env->domain};
    pthread_t reader, user;
    void *result = NULL;
    weft_ptr_store(&r.shared, malloc(8));
    CHECK(sem_init(&r.entered, 0, 0) == 0 && sem_init(&r.leave, 0, 0) == 0);
    CHECK(pthread_create(&reader, NULL, read_for_long, &r) == 0);
    t_sem_wait(&r.entered);
    CHECK(pthread_create(&user, NULL, use_all, &r) == 0);
    CHECK(pthread_join(user, &result) == 0);
    assert_ptr_equal(result, PTHREAD_CANCELED);
    assert_true(r.done); /* else it was cancelled before */
    CHECK(pthread_join(reader, NULL) == 0);
    free(weft_ptr_load(&r.shared));
}

int main(void)
{
    const struct CMUnitTest tests[] = {T_BOTH(test_cancelled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
