/*
 * Memory, in separate runs, since counting costs time: each implementation in its own process, huge pages off. It
 * measures what elements take at rest, what is left after their removal, and the most under load or with a stalled
 * reader.
 */
#include "bench/run/suite_memory.h"

#include "bench/run/isolate.h"
#include "bench/machine/machine.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

enum { ELEMENTS = 1000000, THREADS = 2 };

#define MS UINT64_C(1000000)

static uint64_t above(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

/* ---- at rest ---- */

/* Puts ELEMENTS in; false: no memory. */
static bool fill(const bench_impl *impl, void *object)
{
    void *thread;
    uint64_t count = 0;
    if (impl->map)
        return bench_fill_map(impl, object, ELEMENTS, UINT64_C(2) * ELEMENTS, 1);
    if (!(thread = impl->thread_begin(object)))
        return false;
    while (count < ELEMENTS && impl->container->put(object, thread, (void *)(uintptr_t)(count * 8 + 8)))
        count++;
    impl->thread_end(object, thread);
    return count == ELEMENTS;
}

/* Takes all out; returns how many. */
static uint64_t empty(const bench_impl *impl, void *object)
{
    void *thread = impl->thread_begin(object), *value;
    uint64_t count = 0;
    if (!thread)
        return 0;
    if (impl->map)
        for (uint64_t key = 0; key < UINT64_C(2) * ELEMENTS; key++)
            count += impl->map->remove(object, thread, key);
    else
        while (count <= ELEMENTS && impl->container->take(object, thread, &value))
            count++;
    impl->thread_end(object, thread);
    return count;
}

static void at_rest(const bench_impl *impl, bench_row *row)
{
    bench_setup setup = {.capacity = ELEMENTS, .threads = THREADS + 1};
    uint64_t bytes = bench_allocated_bytes(), resident = bench_resident_bytes("VmRSS");
    void *object;
    if (impl->create(&object, &setup) != 0 || !fill(impl, object)) {
        snprintf(row->fault, sizeof row->fault, "did not take %d elements", ELEMENTS);
        return;
    }
    row->elements = ELEMENTS;
    row->bytes_per_element = (double)above(bench_allocated_bytes(), bytes) / (double)row->elements;
    row->rss_per_element = (double)above(bench_resident_bytes("VmRSS"), resident) / (double)row->elements;
    uint64_t back = empty(impl, object);
    if (back != row->elements && !(impl->map && back == 0)) /* some maps cannot remove */
        snprintf(row->fault, sizeof row->fault, "gave back %llu of %llu elements", (unsigned long long)back,
                 (unsigned long long)row->elements);
    row->bytes_emptied = above(bench_allocated_bytes(), bytes);
    impl->destroy(object);
}

/* ---- under load ---- */

typedef struct sampler {
    _Atomic(bool) stop;
    uint64_t most;
} sampler;

static void *sample(void *argument)
{
    sampler *s = argument;
    while (!s->stop) {
        uint64_t bytes = bench_allocated_bytes();
        s->most = bytes > s->most ? bytes : s->most;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return NULL;
}

static void under_load(bench_suite *suite, const bench_impl *impl, const bench_workload *workload, bench_row *row)
{
    bench_measurement what = {.impl = impl,
                              .workload = workload,
                              .threads = THREADS,
                              .warm_ns = MS,
                              .duration_ns = suite->duration_ns,
                              .seed = 1,
                              .range = UINT64_C(2) * ELEMENTS};
    uint64_t bytes = bench_allocated_bytes(), resident = bench_resident_bytes("VmRSS"), entries = ELEMENTS;
    bench_setup setup = {.capacity = ELEMENTS, .threads = THREADS + 1};
    bench_result result = {0};
    sampler s = {0};
    pthread_t thread;
    int error = 0;
    if (impl->map) {
        what.entries = &entries;
        if ((error = impl->create(&what.object, &setup)) == 0 && !fill(impl, what.object))
            error = -ENOMEM;
    }
    if (error == 0 && (error = -pthread_create(&thread, NULL, sample, &s)) == 0) {
        error = bench_measure(&what, &result);
        s.stop = true;
        pthread_join(thread, NULL);
    }
    if (what.object)
        impl->destroy(what.object);
    if (error != 0 || result.fault[0])
        snprintf(row->fault, sizeof row->fault, "%s", result.fault[0] ? result.fault : "could not be measured");
    row->pending_peak = result.pending_peak;
    row->pending_end = result.pending_end;
    row->bytes_peak = above(s.most, bytes);
    row->bytes_left = above(bench_allocated_bytes(), bytes);
    row->rss_peak = above(bench_resident_bytes("VmHWM"), resident);
}

/* ---- one implementation ---- */

typedef struct place {
    const bench_impl *impl;
    const bench_workload *workload;
    bench_row row;
} place;

static void loaded(bench_suite *suite, place *p)
{
    bench_progress_show(&suite->watch->progress, "%s, memory of %s", bench_family_names[p->impl->family],
                        bench_label_of(p->impl->name, p->impl->scheme).text);
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    bench_watch_begin(suite->watch, p->impl, 60000 * MS);
    if (!p->impl->reclaim) /* not after the load: memory that is left from it would be reused for the elements */
        at_rest(p->impl, &p->row);
    if (!p->row.fault[0])
        under_load(suite, p->impl, p->workload, &p->row);
    bench_watch_end(suite->watch);
    if (p->row.fault[0])
        bench_suite_fault(suite, &p->row);
}

static void one(bench_suite *suite, void *ctx)
{
    place *p = ctx;
    snprintf(p->row.fault, sizeof p->row.fault, "%s", bench_watch_fault(suite->watch, p->impl));
    if (!p->row.fault[0])
        loaded(suite, p);
    p->row.rounds = 0;
    suite->watch->progress.done++;
    bench_suite_keep(suite, &p->row, 1);
}

void bench_suite_memory(bench_suite *suite, bench_family family)
{
    const bench_impl *impls[BENCH_MOST_IMPLS];
    const char *name = family == BENCH_MAP ? "50/25/25" : family == BENCH_RECLAIM ? "stalled" : "pairs";
    const bench_workload *workload = bench_workload_named(name, family);
    unsigned count = bench_suite_impls(suite, family, workload, impls);
    for (unsigned i = 0; i < count && !bench_interrupted(); i++) {
        bench_point point = {.what = BENCH_MEMORY,
                             .family = family,
                             .workload = workload,
                             .threads = THREADS,
                             .keys = family == BENCH_MAP ? ELEMENTS : 0};
        place p = {.impl = impls[i], .workload = workload};
        bench_suite_name_row(suite, &point, impls[i], &p.row);
        p.row.huge_pages = false;
        if (impls[i]->role == BENCH_FLOOR || bench_rows_have_point(&suite->rows, &p.row, impls[i]))
            continue;
        if (suite->counting)
            suite->watch->progress.total++;
        else
            bench_isolated(suite, one, &p);
    }
}
