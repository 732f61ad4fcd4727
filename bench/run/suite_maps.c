/*
 * The map family. All maps of one size are made and filled once, with the same keys, and used for every workload,
 * distribution and number of threads of that size: insertions and removals balance. If they do not fit into memory
 * together, they are measured in groups, with Weft's and the mutex's maps in each. Each group has its own process.
 */
#include "bench/run/suite_maps.h"

#include "bench/run/isolate.h"
#include "bench/run/options_check.h"
#include "bench/run/say.h"
#include "bench/run/suite_latency.h"
#include "bench/measure/zipf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { BYTES_PER_ENTRY = 160 };           /* of the largest map, about */
#define CHECKED_RANGE (UINT64_C(1) << 23) /* beyond it only the size is checked, not every key */
#define FEW (UINT64_C(1) << 16)           /* below it no filling, which takes less time than starting the threads */
#define MUCH (UINT64_C(1) << 22)          /* from here on no latency: the groups take long, and latency is the same */

typedef struct maps {
    const bench_impl *impls[BENCH_MOST_IMPLS];
    void *objects[BENCH_MOST_IMPLS]; /* NULL: left out */
    uint64_t entries[BENCH_MOST_IMPLS];
    unsigned count;
    uint64_t keys;
    unsigned group;
    uint32_t *draws;
} maps;

/* ---- in the child ---- */

static void make_one(bench_suite *suite, maps *m, unsigned i)
{
    const bench_options *o = suite->options;
    const bench_impl *impl = m->impls[i];
    bench_setup setup = {.capacity = m->keys, .threads = o->latency ? 33 : 0};
    m->objects[i] = NULL;
    m->entries[i] = m->keys;
    if (bench_watch_fault(suite->watch, impl)[0])
        return;
    for (unsigned t = 0; t < o->thread_count; t++)
        setup.threads = o->threads[t] + 1 > setup.threads ? o->threads[t] + 1 : setup.threads;
    bench_progress_show(&suite->watch->progress, "map, filling %s with %llu keys",
                        bench_label_of(impl->name, impl->scheme).text, (unsigned long long)m->keys);
    bench_watch_begin(suite->watch, impl, m->keys * BENCH_FILL_NS);
    int error = impl->create(&m->objects[i], &setup);
    if (error == 0 && !bench_fill_map(impl, m->objects[i], m->keys, m->keys * 2, m->keys))
        error = -ENOMEM;
    bench_watch_end(suite->watch);
    if (error != 0)
        bench_leave_out(suite->watch, impl, "could not be filled: %s", strerror(-error));
}

static void check_and_destroy(bench_suite *suite, maps *m, unsigned i)
{
    const bench_impl *impl = m->impls[i];
    bench_row row = {.family = BENCH_MAP, .role = impl->role, .workload = "at the end"};
    if (!m->objects[i])
        return;
    snprintf(row.implementation, sizeof row.implementation, "%s", impl->name);
    snprintf(row.scheme, sizeof row.scheme, "%s", impl->scheme ? impl->scheme : "");
    bench_watch_begin(suite->watch, impl, m->keys * BENCH_FILL_NS);
    if (m->keys * 2 <= CHECKED_RANGE &&
        !bench_check_map(impl, m->objects[i], m->entries[i], m->keys * 2, row.fault, sizeof row.fault))
        bench_suite_fault(suite, &row);
    impl->destroy(m->objects[i]);
    bench_watch_end(suite->watch);
}

static bool is_of_full(const bench_options *options, const bench_workload *workload)
{
    return workload->kind == BENCH_LOOKUPS && bench_wants_workload(options, workload, BENCH_MAP);
}

static void all_points(bench_suite *suite, void *ctx)
{
    const bench_options *o = suite->options;
    maps *m = ctx;
    bench_point point = {.family = BENCH_MAP,
                         .impls = m->impls,
                         .count = m->count,
                         .keys = m->keys,
                         .group = m->group,
                         .objects = m->objects,
                         .entries = m->entries};
    for (point.workload = bench_workloads; point.workload->name; point.workload++)
        for (int zipf = !o->uniform; zipf <= o->zipf && is_of_full(o, point.workload); zipf++) {
            static const uint32_t some; /* while counting, only NULL or not matters */
            point.draws = !zipf ? NULL : m->draws ? m->draws : &some;
            for (unsigned t = 0; t < o->thread_count; t++) {
                point.threads = o->threads[t];
                bench_suite_point_working(suite, point);
            }
            if (!zipf && (m->keys < MUCH || o->keys_asked))
                bench_suite_latency(suite, point);
        }
}

/* Filling new maps, of those that grow. */
static void fill_points(bench_suite *suite, const maps *m)
{
    const bench_impl *impls[BENCH_MOST_IMPLS];
    const bench_workload *workload = bench_workload_named("fill", BENCH_MAP);
    bench_point point = {.family = BENCH_MAP, .workload = workload, .impls = impls, .keys = m->keys, .group = m->group};
    if (!bench_wants_workload(suite->options, workload, BENCH_MAP) ||
        (m->keys < FEW && suite->options->workloads.count == 0))
        return;
    for (unsigned i = 0; i < m->count; i++)
        if (bench_can(m->impls[i], workload))
            impls[point.count++] = m->impls[i];
    for (unsigned t = 0; t < suite->options->thread_count; t++) {
        point.threads = suite->options->threads[t];
        bench_suite_point(suite, &point);
    }
    bench_suite_latency(suite, point);
}

static void one_group(bench_suite *suite, void *ctx)
{
    maps *m = ctx;
    if (!suite->huge_pages && !suite->counting)
        prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    fill_points(suite, m);
    if (suite->counting) {
        all_points(suite, m);
        return;
    }
    if (suite->options->zipf && !(m->draws = bench_zipf_draws(m->keys * 2, 0.99, 1)))
        bench_suite_out_of_memory();
    for (unsigned i = 0; i < m->count; i++)
        make_one(suite, m, i);
    all_points(suite, m);
    for (unsigned i = 0; i < m->count; i++)
        check_and_destroy(suite, m, i);
    free(m->draws);
}

/* ---- groups ---- */

/*
 * How many maps of so many keys fit into the machine. Uses the total memory, not the free one, so that --resume finds
 * the same groups.
 */
static unsigned how_many_fit(uint64_t keys)
{
    uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t count = bytes / 10 * 7 / (keys * BYTES_PER_ENTRY);
    return count < BENCH_MOST_IMPLS ? (unsigned)count : BENCH_MOST_IMPLS;
}

static bool in_every_group(const bench_impl *impl)
{
    return impl->role == BENCH_WEFT || strcmp(impl->name, "mutex-map") == 0;
}

/* Takes those of every group and the next ones that fit, at least one, and moves *next behind them. */
static void next_group(const maps *all, unsigned most, unsigned *next, maps *m)
{
    m->count = 0;
    for (unsigned i = 0; i < all->count; i++)
        if (in_every_group(all->impls[i]))
            m->impls[m->count++] = all->impls[i];
    do {
        while (*next < all->count && in_every_group(all->impls[*next]))
            ++*next;
        if (*next < all->count)
            m->impls[m->count++] = all->impls[(*next)++];
    } while (*next < all->count && m->count < most);
}

static void one_size(bench_suite *suite, const maps *all)
{
    maps m = {.keys = all->keys};
    unsigned next = 0, most = how_many_fit(all->keys);
    if (most < 4 && !suite->options->keys_asked) {
        if (!suite->counting)
            bench_say("note: %llu keys are left out, too few maps fit into memory: --keys asks for them all the same",
                      (unsigned long long)all->keys);
        return;
    }
    if (all->count <= most) {
        m = *all;
        if (bench_suite_pending(suite, one_group, &m) > 0)
            bench_isolated(suite, one_group, &m);
        return;
    }
    while (next < all->count) {
        m.group++;
        next_group(all, most, &next, &m);
        if (bench_suite_pending(suite, one_group, &m) > 0)
            bench_isolated(suite, one_group, &m);
    }
}

static void with_pages(bench_suite *suite, bool huge_pages)
{
    maps all = {0};
    bool before = suite->huge_pages;
    suite->huge_pages = huge_pages;
    all.count = bench_suite_impls(suite, BENCH_MAP, bench_workload_named("90/5/5", BENCH_MAP), all.impls);
    for (unsigned i = 0; i < suite->options->key_count && all.count > 0; i++) {
        all.keys = suite->options->keys[i];
        one_size(suite, &all);
    }
    suite->huge_pages = before;
}

void bench_suite_maps(bench_suite *suite)
{
    if (suite->options->pages != BENCH_PAGES_OFF)
        with_pages(suite, true);
    if (suite->options->pages != BENCH_PAGES_ON)
        with_pages(suite, false);
}
