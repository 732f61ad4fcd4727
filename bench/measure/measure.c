#include "bench/measure/measure.h"

#include "bench/measure/loops_map.h"
#include "bench/measure/loops_reclaim.h"
#include "bench/measure/team.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what each thread is to do ---- */

static bench_role_of_thread role_of(const bench_workload *workload, unsigned index, unsigned threads)
{
    switch (workload->kind) {
    case BENCH_ONE_TO_ONE:
        return index < threads / 2 ? BENCH_PRODUCER : BENCH_CONSUMER;
    case BENCH_ONE_TO_THREE:
        return index < threads / 4 ? BENCH_PRODUCER : BENCH_CONSUMER;
    case BENCH_ONE_TO_MANY:
        return index == 0 ? BENCH_PRODUCER : BENCH_CONSUMER;
    case BENCH_MANY_TO_ONE:
        return index == 0 ? BENCH_CONSUMER : BENCH_PRODUCER;
    case BENCH_OWNER:
        return index == 0 ? BENCH_OWNS : BENCH_STEALS;
    case BENCH_ROUND_TRIP:
        return index == 0 ? BENCH_CALLER : BENCH_ECHO;
    default:
        return BENCH_BOTH;
    }
}

/*
 * A counter of reclaimed objects, never freed: several libraries reclaim long after the measurement (xenium has no
 * barrier), and would then write to memory that has a new owner.
 */
static uint64_t *counter_for_ever(void)
{
    typedef struct kept {
        BENCH_ALIGNED(BENCH_LINE) uint64_t count;
        struct kept *next;
    } kept;
    static kept *all; /* so that leak checkers do not report it */
    kept *made = aligned_alloc(BENCH_LINE, sizeof *made);
    if (!made)
        return NULL;
    *made = (kept){.next = all};
    all = made;
    return &made->count;
}

static int instruct(const bench_measurement *what, bench_team *team, void *object, bench_cell *cell)
{
    for (unsigned i = 0; i < what->threads; i++) {
        bench_worker *w = &team->control.workers[i];
        w->impl = what->impl;
        w->object = object;
        w->role = role_of(what->workload, i, what->threads);
        w->burst = what->workload->burst;
        w->microsecond = (uint64_t)(1000 * bench_ticks_per_ns());
        w->get_share = what->workload->get_share;
        w->insert_share = what->workload->insert_share;
        w->range = what->range;
        w->draws = what->draws;
        w->cell = cell;
        w->fills = what->workload->kind == BENCH_FILL ? what->range / 2 / what->threads : 0;
        w->read = what->workload->read;
        w->work = bench_work_turns(what->work_ns);
        if (what->workload->kind == BENCH_STALLED) {
            w->retirements = BENCH_RETIREMENTS / what->threads;
            if (!(w->reclaimed = counter_for_ever()))
                return -ENOMEM;
        }
        w->random = bench_seed(what->seed * 4096 + i);
        if (what->rate > 0)
            w->interval = (uint64_t)(what->threads * 1000 / what->rate * bench_ticks_per_ns()) + 1;
        if (what->times && !(w->times = calloc(1, sizeof *w->times)))
            return -ENOMEM;
    }
    return 0;
}

/* Collects the figures of the measured phase. */
static void collect(bench_team *team, bench_result *result)
{
    bench_team_count(team, result);
    for (unsigned i = 0; i < team->control.threads; i++) {
        bench_worker *w = &team->control.workers[i];
        result->empty += w->counts.empty;
        uint64_t peak = atomic_load(&w->pending_peak);
        if (peak > result->pending_peak)
            result->pending_peak = peak;
    }
}

static void collect_times(const bench_measurement *what, bench_team *team)
{
    for (unsigned i = 0; i < what->threads; i++) {
        bench_histogram *times = team->control.workers[i].times;
        if (times)
            bench_histogram_merge(what->times, times);
        free(times);
    }
}

/* ---- queue and stack ---- */

static bool prefill(const bench_impl *impl, void *object, bench_counts *before)
{
    void *thread = impl->thread_begin(object);
    bool done = thread != NULL;
    uint64_t count = impl->bounded ? BENCH_PLACES / 2 : BENCH_PREFILL;
    for (uint64_t i = 0; i < count && done; i++) {
        uint64_t value = (i + 1) * 8;
        done = impl->container->put(object, thread, (void *)(uintptr_t)value);
        before->puts++;
        before->put_sum += value;
    }
    if (thread)
        impl->thread_end(object, thread);
    return done;
}

/* Takes what is left, and compares all that was put with all that was taken. */
static void check_container(const bench_impl *impl, void *object, bench_team *team, bench_counts *all,
                            bench_result *result)
{
    void *thread = impl->thread_begin(object);
    void *value;
    for (unsigned i = 0; i < team->control.threads; i++) {
        const bench_counts *counts = &team->control.workers[i].counts;
        all->puts += counts->puts;
        all->put_sum += counts->put_sum;
        all->takes += counts->takes;
        all->take_sum += counts->take_sum;
        all->refused += counts->refused;
    }
    while (thread && all->takes <= all->puts && impl->container->take(object, thread, &value)) {
        all->takes++;
        all->take_sum += (uintptr_t)value;
    }
    if (thread)
        impl->thread_end(object, thread);
    if (all->puts != all->takes)
        snprintf(result->fault, sizeof result->fault, "%" PRIu64 " values put, %" PRIu64 "%s taken", all->puts,
                 all->takes, all->takes > all->puts ? " or more" : "");
    else if (all->put_sum != all->take_sum)
        snprintf(result->fault, sizeof result->fault, "%" PRIu64 " values put and taken, but not the same ones",
                 all->puts);
    else if (result->empty != 0 && impl->role != BENCH_PEER)
        snprintf(result->fault, sizeof result->fault, "said empty %" PRIu64 " times when it was not", result->empty);
    else if (all->refused != 0 && !impl->bounded)
        snprintf(result->fault, sizeof result->fault, "refused %" PRIu64 " values", all->refused);
}

static int measure_container(const bench_measurement *what, bench_team *team, void *object, bench_result *result)
{
    const bench_impl *impl = what->impl;
    bench_counts all = {0};
    int error = 0;
    if (impl->role != BENCH_FLOOR && !prefill(impl, object, &all))
        error = -ENOMEM;
    if (error == 0)
        error = bench_team_start(team);
    if (error != 0)
        return error;
    bench_team_run(team, what->warm_ns, what->duration_ns);
    bench_team_join(team);
    collect(team, result);
    if (impl->role != BENCH_FLOOR)
        check_container(impl, object, team, &all, result);
    return 0;
}

/* ---- round trip ---- */

/*
 * Counts the values that a queue still holds, up to 2; *last is the last one. `value` is apart: a take that fails may
 * write to it.
 */
static unsigned left_in(const bench_impl *impl, void *object, void **last)
{
    void *thread = impl->thread_begin(object), *value;
    unsigned count = 0;
    for (; thread && count < 2 && impl->container->take(object, thread, &value); count++)
        *last = value;
    if (thread)
        impl->thread_end(object, thread);
    return count;
}

/* At the end the two queues must hold the value that is under way, if there is one, and nothing else. */
static void check_round_trip(const bench_impl *impl, const bench_worker *caller, const bench_worker *echo,
                             bench_result *result)
{
    void *value = NULL;
    unsigned left = left_in(impl, caller->object, &value) + left_in(impl, caller->replies, &value);
    if (caller->counts.wrong != 0)
        snprintf(result->fault, sizeof result->fault, "%" PRIu64 " replies were not the value sent",
                 caller->counts.wrong);
    else if (caller->counts.refused + echo->counts.refused != 0)
        snprintf(result->fault, sizeof result->fault, "refused %" PRIu64 " values",
                 caller->counts.refused + echo->counts.refused);
    else if (caller->asked && left == 0)
        snprintf(result->fault, sizeof result->fault, "a value never came back");
    else if (left != caller->asked || (left == 1 && (uintptr_t)value != caller->next_value))
        snprintf(result->fault, sizeof result->fault, "at the end the queues hold values that were not under way");
}

static int measure_round_trip(const bench_measurement *what, bench_team *team, bench_result *result)
{
    bench_setup setup = {.capacity = 1, .threads = what->threads + 1};
    bench_worker *workers = team->control.workers;
    void *replies;
    int error = what->impl->create(&replies, &setup);
    if (error != 0)
        return error;
    for (unsigned i = 0; i < what->threads; i++)
        workers[i].replies = replies;
    if ((error = bench_team_start(team)) == 0) {
        bench_team_run(team, what->warm_ns, what->duration_ns);
        bench_team_join(team);
        collect(team, result);
        check_round_trip(what->impl, &workers[0], &workers[1], result);
    }
    what->impl->destroy(replies);
    return error;
}

/* ---- maps ---- */

bool bench_fill_map(const bench_impl *impl, void *object, uint64_t entries, uint64_t range, uint64_t seed)
{
    void *thread = impl->thread_begin(object);
    uint64_t state = bench_seed(seed);
    uint64_t tries = range * 64 + 4096; /* about 1.4 for each entry are expected */
    while (thread && entries > 0 && tries-- > 0) {
        uint64_t key = bench_scale((uint32_t)(bench_random(&state) >> 32), range);
        entries -= impl->map->insert(object, thread, key, bench_value_of(key));
    }
    if (thread)
        impl->thread_end(object, thread);
    return thread && entries == 0;
}

bool bench_check_map(const bench_impl *impl, void *object, uint64_t entries, uint64_t range, char *fault, size_t size)
{
    void *thread = impl->thread_begin(object);
    uint64_t found = 0, wrong = 0, told = 0;
    for (uint64_t key = 0; thread && key < range; key++) {
        void *value = impl->map->get(object, thread, key);
        found += value != NULL;
        wrong += value && value != bench_value_of(key);
    }
    if (thread) {
        told = impl->map->size(object, thread);
        impl->thread_end(object, thread);
    }
    if (thread && found == entries && told == entries && wrong == 0)
        return true;
    snprintf(fault, size,
             "holds %" PRIu64 " entries instead of %" PRIu64 ", tells a size of %" PRIu64 ", %" PRIu64 " values wrong",
             found, entries, told, wrong);
    return false;
}

static int measure_fill(const bench_measurement *what, bench_team *team, void *object, bench_result *result)
{
    uint64_t entries = what->range / 2 / what->threads * what->threads, inserted = 0;
    int error = bench_team_start(team);
    if (error != 0)
        return error;
    bench_team_finish(team);
    bench_team_join(team);
    collect(team, result);
    for (unsigned i = 0; i < what->threads; i++)
        inserted += team->control.workers[i].counts.inserted;
    void *thread = what->impl->thread_begin(object);
    if (!thread)
        return -ENOMEM;
    uint64_t told = what->impl->map->size(object, thread);
    what->impl->thread_end(object, thread);
    if (inserted != entries || told != entries)
        snprintf(result->fault, sizeof result->fault,
                 "of %" PRIu64 " new keys %" PRIu64 " were inserted, size is %" PRIu64, entries, inserted, told);
    return 0;
}

static int measure_map(const bench_measurement *what, bench_team *team, void *object, bench_result *result)
{
    const bench_impl *impl = what->impl;
    uint64_t wrong = 0, told;
    if (what->workload->kind == BENCH_FILL)
        return measure_fill(what, team, object, result);
    int error = bench_team_start(team);
    if (error != 0)
        return error;
    bench_team_run(team, what->warm_ns, what->duration_ns);
    bench_team_join(team);
    collect(team, result);
    for (unsigned i = 0; i < what->threads; i++) {
        const bench_counts *counts = &team->control.workers[i].counts;
        wrong += counts->wrong;
        if (what->entries)
            *what->entries += counts->inserted - counts->removed;
    }
    void *thread = impl->thread_begin(object);
    if (!thread)
        return -ENOMEM;
    told = impl->map->size(object, thread);
    impl->thread_end(object, thread);
    if (wrong != 0)
        snprintf(result->fault, sizeof result->fault, "%" PRIu64 " lookups returned the value of another key", wrong);
    else if (what->entries && told != *what->entries)
        snprintf(result->fault, sizeof result->fault,
                 "size is %" PRIu64 ", by what was inserted and removed it is %" PRIu64, told, *what->entries);
    return 0;
}

/* ---- reclamation ---- */

/*
 * The stalled reader is this thread: it stays inside and protects one object until all others have retired and flushed.
 */
static int measure_stalled(const bench_measurement *what, bench_team *team, void *object, bench_cell *cell,
                           bench_result *result)
{
    const bench_reclaim_ops *ops = what->impl->reclaim;
    void *thread = what->impl->thread_begin(object);
    int error = thread ? bench_team_start(team) : -ENOMEM;
    if (error == 0) {
        ops->enter(object, thread);
        bench_object *seen = ops->protect(object, thread, cell);
        bench_team_finish(team);
        bench_team_flush(team);
        result->pending_end = bench_pending(&team->control);
        if (__atomic_load_n(&seen->value, __ATOMIC_RELAXED) != 1)
            snprintf(result->fault, sizeof result->fault, "what the stalled reader holds was reclaimed");
        ops->leave(object, thread);
        bench_team_join(team);
        collect(team, result);
    }
    if (thread)
        what->impl->thread_end(object, thread);
    return error;
}

static int measure_reclaim(const bench_measurement *what, bench_team *team, void *object, bench_cell *cell,
                           bench_result *result)
{
    if (what->workload->kind == BENCH_STALLED)
        return measure_stalled(what, team, object, cell, result);
    int error = bench_team_start(team);
    if (error != 0)
        return error;
    bench_team_run(team, what->warm_ns, what->duration_ns);
    bench_team_join(team);
    collect(team, result);
    for (unsigned i = 0; i < what->threads; i++)
        if (team->control.workers[i].counts.wrong)
            snprintf(result->fault, sizeof result->fault, "a protected read saw something else");
    return 0;
}

/* ---- all of them ---- */

static int measure_in(const bench_measurement *what, bench_team *team, bench_result *result)
{
    bool grows = what->workload->kind == BENCH_FILL;
    bench_setup setup = {.capacity = grows ? 0 : BENCH_PREFILL, .threads = what->threads + 1};
    uint64_t nobody = 0;
    bench_cell cell = {NULL};
    void *object = what->object;
    int error = object ? 0 : what->impl->create(&object, &setup);
    if (error != 0)
        return error;
    if (what->impl->reclaim) {
        bench_object *first = malloc(sizeof *first);
        cell.pointer = first;
        if (first)
            *first = (bench_object){.value = 1, .reclaimed = &nobody};
    }
    if (what->impl->reclaim && !cell.pointer)
        error = -ENOMEM;
    else
        error = instruct(what, team, object, &cell);
    if (error == 0)
        error = what->workload->kind == BENCH_ROUND_TRIP ? measure_round_trip(what, team, result)
                : what->impl->container                  ? measure_container(what, team, object, result)
                : what->impl->map                        ? measure_map(what, team, object, result)
                                                         : measure_reclaim(what, team, object, &cell, result);
    if (!what->object)
        what->impl->destroy(object);
    free(cell.pointer);
    return error;
}

int bench_measure(const bench_measurement *what, bench_result *result)
{
    bench_team team;
    memset(result, 0, sizeof *result);
    int error = bench_team_create(&team, what->threads);
    if (error != 0)
        return error;
    error = measure_in(what, &team, result);
    collect_times(what, &team);
    bench_team_destroy(&team);
    return error;
}
