/*
 * No thread records: libc refuses the memory, the thread-specific key or its value. Everything that cannot report an
 * error still works, through guards linked into the domain. Each case has a process of its own that has never had a
 * record.
 */
#include "tests/unit/object.h"
#include "tests/unit/workload.h"

#include "tests/unit/interpose.h"

#include <errno.h>
#include <string.h>

enum { SECONDS = 120 };

/* The ways in which a record can be refused. */
typedef struct refusal {
    weft_scheme scheme;
    t_interposed *one; /* NULL: memory of every kind */
} refusal;

static void refuse(const refusal *r, bool yes)
{
    if (r->one)
        atomic_store(&r->one->refuse, yes);
    else
        t_refuse_memory(yes);
}

static void hold_and_leave(weft_domain *domain)
{
    t_object o = {0}, second = {0};
    weft_guard guard[3];
    weft_atomic_ptr source;
    weft_ptr_store(&source, &o);
    for (int i = 0; i < 3; i++)
        weft_enter(&guard[i], domain);
    CHECK(t_stats(domain).guards_held == 3);
    CHECK(weft_protect(&guard[1], &source) == &o);
    t_retire_sized(domain, &o);
    CHECK(t_reclaimed(domain, &o) == 0);
    CHECK(weft_domain_barrier(domain, UINT64_MAX) == -EBUSY);
    CHECK(weft_domain_destroy(domain) == -EBUSY);
    weft_leave(&guard[1]);
    weft_guard_refresh(&guard[0]);
    weft_guard_refresh(&guard[2]);
    CHECK(t_reclaimed(domain, &o) == 1);
    weft_guard_set(&guard[2], &second);
    t_retire_sized(domain, &second);
    CHECK(t_reclaimed(domain, &second) == 0);
    weft_leave(&guard[0]);
    weft_leave(&guard[2]);
    CHECK(t_reclaimed(domain, &second) == 1);
    CHECK(t_stats(domain).guards_held == 0);
}

/* A domain with memory of its own, in threads that get no record. */
static void without_records(void *ctx)
{
    const refusal *r = ctx;
    t_alloc alloc;
    errno = 4711;
    refuse(r, true);
    weft_domain *domain = t_domain(r->scheme, &alloc);
    CHECK(weft_domain_attach(domain) == -ENOMEM);
    hold_and_leave(domain);
    CHECK(errno == 4711);
    t_structures s;
    t_structures_open(&s, domain);
    t_structures_use(&s, 0, 0);
    refuse(r, false);
    CHECK(weft_domain_attach(domain) == 0); /* with memory back everything works as usual */
    hold_and_leave(domain);
    t_structures_body(0, &s);
    t_structures_close(&s);
    t_domain_done(domain, &alloc);
}

/* The whole workload, including the test's allocations, while only the records are refused. */
static void workload_without_records(void *ctx)
{
    const refusal *r = ctx;
    t_alloc alloc;
    weft_domain *domain = t_domain(r->scheme, &alloc);
    refuse(r, true);
    t_structures_exercise(domain, 4);
    CHECK(weft_domain_attach(domain) == -ENOMEM);
    refuse(r, false);
    t_structures_exercise(domain, 4);
    t_domain_done(domain, &alloc);
}

/* The default domain takes its memory from libc. */
static void default_domain_without_memory(void *ctx)
{
    atomic_int count = 0;
    int object;
    weft_map *map = (weft_map *)&object;
    weft_domain *domain = (weft_domain *)&object;
    (void)ctx;
    errno = 4711;
    t_refuse_memory(true);
    for (size_t c = 0; c < CONTAINERS; c++) {
        void *made = &object;
        CHECK(containers[c].create(&made, NULL) == -ENOMEM && made == NULL);
    }
    CHECK(weft_map_create(&map, NULL, NULL) == -ENOMEM && map == NULL);
    CHECK(weft_domain_create(&domain, NULL) == -ENOMEM && domain == NULL);
    CHECK(weft_domain_attach(NULL) == -ENOMEM);
    CHECK(weft_retire(NULL, &object, t_count, &count) == -ENOMEM);
    CHECK(errno == 4711);
    t_refuse_memory(false);
    t_barrier(NULL);
    CHECK(atomic_load(&count) == 0);
    t_structures_exercise(weft_default_domain(), 2);
}

static void hold_default(void *ctx)
{
    (void)ctx;
    t_object o = {0};
    weft_guard guard;
    t_refuse_memory(true);
    weft_enter(&guard, NULL);
    weft_guard_set(&guard, &o);
    t_retire_sized(NULL, &o);
    CHECK(t_reclaimed(NULL, &o) == 0);
    weft_leave(&guard);
    t_barrier(NULL);
    CHECK(atomic_load(&o.reclaimed) == 1);
}

/* A map's large tables are mapped. Refusing them costs only speed. */
static void map_without_mappings(void *ctx)
{
    const refusal *r = ctx;
    enum { N = 300000 };
    weft_domain *domain = t_domain(r->scheme, NULL);
    weft_map *map = NULL;
    CHECK(weft_map_create(&map, domain, NULL) == 0);
    errno = 4711;
    atomic_store(&t_mmap.refuse, true);
    for (uintptr_t key = 0; key < N; key++)
        CHECK(weft_map_insert(map, t_ptr(key), t_ptr(key + 1)) == 0);
    CHECK(atomic_load(&t_mmap.refused) > 0);
    CHECK(errno == 4711);
    CHECK(weft_map_size(map) == N);
    atomic_store(&t_mmap.refuse, false);
    for (uintptr_t key = 0; key < N; key++)
        CHECK(weft_map_remove(map, t_ptr(key), NULL));
    weft_map_destroy(map, NULL, NULL);
    t_domain_done(domain, NULL);
}

/* The documented fallback: without getrandom maps are seeded, too, and two of them differently. */
static weft_map_seed seen_seed;

static uint64_t note_seed(const void *key, const weft_map_seed *seed, void *ctx)
{
    (void)ctx;
    seen_seed = *seed;
    return t_int(key);
}

static bool same(const void *a, const void *b, void *ctx)
{
    (void)ctx;
    return a == b;
}

static weft_map_seed seed_of_new_map(void)
{
    weft_map_config config = {.hash = note_seed, .equal = same};
    weft_map *map = NULL;
    CHECK(weft_map_create(&map, NULL, &config) == 0);
    CHECK(weft_map_insert(map, t_ptr(1), t_ptr(1)) == 0);
    weft_map_destroy(map, NULL, NULL);
    return seen_seed;
}

static void map_without_getrandom(void *ctx)
{
    (void)ctx;
    for (int refused = 0; refused < 2; refused++) {
        weft_map_seed seed[10];
        errno = 4711;
        atomic_store(&t_getrandom.refuse, refused != 0);
        for (size_t i = 0; i < T_COUNT(seed); i++) {
            seed[i] = seed_of_new_map();
            for (size_t j = 0; j < i; j++)
                CHECK(memcmp(&seed[i], &seed[j], sizeof seed[i]) != 0);
        }
        CHECK(errno == 4711);
        CHECK((atomic_load(&t_getrandom.refused) > 0) == (refused != 0));
    }
}

static void both(void (*child)(void *ctx), t_interposed *one)
{
    refusal hazard = {WEFT_HAZARD, one}, epoch = {WEFT_EPOCH, one};
    t_in_child(child, &hazard, SECONDS);
    t_in_child(child, &epoch, SECONDS);
}

static void test_no_memory(void **state)
{
    (void)state;
    both(without_records, NULL);
}

static void test_no_record(void **state)
{
    (void)state;
    both(workload_without_records, &t_posix_memalign);
    both(without_records, &t_posix_memalign);
}

static void test_no_key(void **state)
{
    (void)state;
    both(workload_without_records, &t_key_create);
    both(without_records, &t_key_create);
}

static void test_no_key_value(void **state)
{
    (void)state;
    both(workload_without_records, &t_setspecific);
    both(without_records, &t_setspecific);
}

static void test_default_domain(void **state)
{
    (void)state;
    t_in_child(default_domain_without_memory, NULL, SECONDS);
    t_in_child(hold_default, NULL, SECONDS);
}

static void test_no_mappings(void **state)
{
    (void)state;
    both(map_without_mappings, NULL);
}

static void test_no_getrandom(void **state)
{
    (void)state;
    t_in_child(map_without_getrandom, NULL, SECONDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_memory),    cmocka_unit_test(test_no_record),      cmocka_unit_test(test_no_key),
        cmocka_unit_test(test_no_key_value), cmocka_unit_test(test_default_domain), cmocka_unit_test(test_no_mappings),
        cmocka_unit_test(test_no_getrandom),
    };
    atomic_store(&t_key_create.refuse, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
