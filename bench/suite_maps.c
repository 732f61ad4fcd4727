/*
 * The map family. All maps of one size are made and filled once, with the same keys, and stay through every workload,
 * distribution and number of threads of that size: what is inserted and removed balances. With --huge-pages both, each
 * half runs in a process of its own, so that neither finds the other's memory.
 */
#include "bench/suite.h"

#include "bench/zipf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES_PER_ENTRY = 160 };      /* of the largest, about */
#define CHECKED_RANGE (UINT64_C(1) << 23) /* beyond it the size is checked, not every key */

typedef struct maps {
    const bench_impl *impls[BENCH_MOST_IMPLS];
    void *objects[BENCH_MOST_IMPLS];
    uint64_t entries[BENCH_MOST_IMPLS];
    unsigned count;
    uint64_t keys;
    uint32_t *draws;
} maps;

static uint64_t available_bytes(void)
{
    char line[200];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib ? kib * 1024 : UINT64_MAX;
}

/* False: not enough memory for them all, and nobody asked for this size. */
static bool fits(const bench_suite *suite, const maps *m)
{
    uint64_t need = m->keys * BYTES_PER_ENTRY * m->count, have = available_bytes();
    if (suite->counting || need < have / 10 * 8)
        return true;
    bench_say("note: %llu keys in %u maps need about %llu MiB, %llu are free: %s", (unsigned long long)m->keys, m->count,
              (unsigned long long)(need >> 20), (unsigned long long)(have >> 20),
              suite->options->keys_asked ? "going on all the same" : "left out");
    return suite->options->keys_asked;
}

static void make_one(bench_suite *suite, maps *m, unsigned i)
{
    const bench_impl *impl = m->impls[i];
    bench_setup setup = {.capacity = m->keys, .threads = 0};
    for (unsigned t = 0; t < suite->options->thread_count; t++)
        if (suite->options->threads[t] + 1 > setup.threads)
            setup.threads = suite->options->threads[t] + 1;
    bench_progress_show(&suite->progress, "map, filling %s%s%s with %llu keys", impl->name, impl->scheme ? " " : "",
                        impl->scheme ? impl->scheme : "", (unsigned long long)m->keys);
    int error = impl->create(&m->objects[i], &setup);
    if (error == 0 && !bench_fill_map(impl, m->objects[i], m->keys, m->keys * 2, m->keys))
        error = -ENOMEM;
    m->entries[i] = m->keys;
    if (error != 0) {
        bench_say("error: %s could not be filled with %llu keys: %s", impl->name, (unsigned long long)m->keys, strerror(-error));
        exit(1);
    }
}

static void check_and_destroy(bench_suite *suite, maps *m, unsigned i)
{
    const bench_impl *impl = m->impls[i];
    bench_row row = {.family = BENCH_MAP, .role = impl->role, .workload = "at the end"};
    snprintf(row.implementation, sizeof row.implementation, "%s", impl->name);
    snprintf(row.scheme, sizeof row.scheme, "%s", impl->scheme ? impl->scheme : "");
    if (m->keys * 2 <= CHECKED_RANGE &&
        !bench_check_map(impl, m->objects[i], m->entries[i], m->keys * 2, row.fault, sizeof row.fault))
        bench_suite_fault(suite, &row);
    impl->destroy(m->objects[i]);
}

static void all_points(bench_suite *suite, const maps *m, const bench_workload *w, bool zipf)
{
    const bench_options *o = suite->options;
    bench_point point = {.family = BENCH_MAP, .workload = w, .impls = m->impls, .count = m->count, .keys = m->keys,
                         .draws = zipf ? m->draws : NULL, .objects = m->objects, .entries = (uint64_t *)m->entries};
    for (unsigned t = 0; t < o->thread_count; t++) {
        point.threads = o->threads[t];
        bench_suite_point(suite, &point);
    }
}

static void one_size(bench_suite *suite, maps *m)
{
    const bench_options *o = suite->options;
    if (!fits(suite, m))
        return;
    if (!suite->counting) {
        if (o->zipf && !(m->draws = bench_zipf_draws(m->keys * 2, 0.99, 1)))
            bench_suite_out_of_memory();
        for (unsigned i = 0; i < m->count; i++)
            make_one(suite, m, i);
    }
    for (const bench_workload *w = bench_workloads; w->name; w++)
        if (bench_wants_workload(o, w, BENCH_MAP)) {
            if (o->uniform)
                all_points(suite, m, w, false);
            if (o->zipf)
                all_points(suite, m, w, true);
        }
    for (unsigned i = 0; i < m->count && !suite->counting; i++)
        check_and_destroy(suite, m, i);
    free(m->draws);
    m->draws = NULL;
}

static void all_sizes(bench_suite *suite)
{
    maps m = {0};
    m.count = bench_suite_impls(suite, BENCH_MAP, bench_workload_named("90/5/5", BENCH_MAP), m.impls);
    for (unsigned i = 0; i < suite->options->key_count && m.count > 0; i++) {
        m.keys = suite->options->keys[i];
        one_size(suite, &m);
    }
}

/* In a child: the rows come back through a file. */
static void half(bench_suite *suite, bool huge_pages)
{
    size_t first = suite->rows.count;
    unsigned total = bench_suite_count(suite, BENCH_MAP) / 2;
    FILE *file = tmpfile();
    int status = 1;
    fflush(NULL);
    pid_t child = file ? fork() : -1;
    if (child == 0) {
        suite->huge_pages = huge_pages;
        if (!huge_pages)
            prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
        all_sizes(suite);
        bench_progress_clear(&suite->progress);
        fflush(NULL);
        _exit(!bench_rows_write(&suite->rows, first, file) ? 1 : suite->failed ? 3 : 0);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    suite->progress.done += total;
    if (child > 0 && WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3)) {
        suite->failed |= WEXITSTATUS(status) == 3;
        rewind(file);
    } else {
        bench_say("error: the map family broke off (status %d)", status);
        suite->failed = true;
    }
    if (file && (!bench_rows_read(&suite->rows, file) || fclose(file) != 0))
        suite->failed = true;
}

void bench_suite_maps(bench_suite *suite)
{
    if (suite->options->pages != BENCH_PAGES_BOTH) {
        all_sizes(suite);
    } else if (suite->counting) {
        all_sizes(suite);
        all_sizes(suite);
    } else {
        half(suite, true);
        half(suite, false);
    }
}
