#include "bench/measure/team.h"
#include "bench/machine/topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int bench_team_create(bench_team *team, unsigned threads)
{
    memset(team, 0, sizeof *team);
    bench_worker *workers = aligned_alloc(BENCH_LINE, threads * sizeof *workers);
    team->ids = calloc(threads, sizeof *team->ids);
    if (!workers || !team->ids) {
        free(workers);
        free(team->ids);
        return -ENOMEM;
    }
    memset((void *)workers, 0, threads * sizeof *workers);
    team->control.workers = workers;
    team->control.threads = threads;
    team->control.crowded = threads > bench_cores();
    for (unsigned i = 0; i < threads; i++) {
        workers[i].control = &team->control;
        workers[i].index = i;
        workers[i].next_value = (uint64_t)(i + 1) << 36;
    }
    return 0;
}

void bench_team_destroy(bench_team *team)
{
    free(team->control.workers);
    free(team->ids);
}

/* ---- the workers' side ---- */

static int phase_now(const bench_worker *worker)
{
    return atomic_load_explicit(&worker->control->phase, memory_order_acquire);
}

/* Counts this worker as ready, and waits for the next phase. */
static int arrive(bench_worker *worker, int done)
{
    unsigned turn = 0;
    int phase;
    atomic_fetch_add_explicit(&worker->control->arrived, 1, memory_order_acq_rel);
    while ((phase = phase_now(worker)) == done)
        bench_wait(worker, &turn);
    return phase;
}

static void drive(bench_worker *worker, int phase, bench_histogram *times)
{
    worker->phase = phase;
    worker->times = times;
    worker->due = bench_ticks() + worker->interval * worker->index / worker->control->threads;
    worker->impl->drive(worker);
}

static void *worker_main(void *argument)
{
    bench_worker *worker = argument;
    bench_histogram *times = worker->times;
    const bench_impl *impl = worker->impl;
    if (!worker->control->crowded)
        bench_pin_thread(worker->index);
    worker->thread = impl->thread_begin(worker->object);
    if (worker->thread && worker->replies)
        worker->replies_thread = impl->thread_begin(worker->replies);
    if (!worker->thread || (worker->replies && !worker->replies_thread))
        worker->error = -ENOMEM;
    for (int phase = arrive(worker, BENCH_IDLE); phase != BENCH_END; phase = arrive(worker, phase)) {
        if (phase == BENCH_WARM) {
            drive(worker, phase, NULL);
            /* here, not in the measured phase: a thread that gets no processor may miss that phase entirely */
            worker->counts.operations_before = worker->counts.operations;
            phase = phase_now(worker);
        } else if (phase == BENCH_MEASURED) {
            uint64_t before = bench_cpu_ns();
            drive(worker, phase, times);
            worker->counts.cpu_ns = bench_cpu_ns() - before;
            worker->counts.finished_ns = bench_now_ns();
            phase = phase_now(worker); /* still the measured one, if this thread had a fixed amount to do */
        } else if (phase == BENCH_FLUSH) {
            impl->reclaim->flush(worker->object, worker->thread);
        }
    }
    if (worker->replies_thread)
        impl->thread_end(worker->replies, worker->replies_thread);
    if (worker->thread)
        impl->thread_end(worker->object, worker->thread);
    worker->times = times; /* collect_times in measure.c frees it, used or not */
    return NULL;
}

/* ---- the measuring thread's side ---- */

static void sleep_ns(uint64_t ns)
{
    struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
        ;
}

static void await_all(bench_team *team)
{
    bench_control *control = &team->control;
    while (atomic_load_explicit(&control->arrived, memory_order_acquire) < team->started)
        sleep_ns(20000);
    atomic_store_explicit(&control->arrived, 0, memory_order_relaxed);
}

static void set_phase(bench_team *team, int phase)
{
    atomic_store_explicit(&team->control.phase, phase, memory_order_release);
}

int bench_team_start(bench_team *team)
{
    int error = 0;
    for (unsigned i = 0; i < team->control.threads && error == 0; i++) {
        error = -pthread_create(&team->ids[i], NULL, worker_main, &team->control.workers[i]);
        team->started += error == 0;
    }
    await_all(team);
    for (unsigned i = 0; i < team->started && error == 0; i++)
        error = team->control.workers[i].error;
    if (error != 0)
        bench_team_join(team);
    return error;
}

void bench_team_run(bench_team *team, uint64_t warm_ns, uint64_t duration_ns)
{
    set_phase(team, BENCH_WARM);
    sleep_ns(warm_ns);
    set_phase(team, BENCH_WARMED);
    await_all(team);
    team->started_ns = bench_now_ns();
    set_phase(team, BENCH_MEASURED);
    sleep_ns(duration_ns);
    set_phase(team, BENCH_STOPPED);
    team->stopped_ns = bench_now_ns();
    await_all(team);
}

void bench_team_finish(bench_team *team)
{
    team->started_ns = bench_now_ns();
    set_phase(team, BENCH_MEASURED);
    await_all(team);
    for (unsigned i = 0; i < team->started; i++)
        if (team->control.workers[i].counts.finished_ns > team->stopped_ns)
            team->stopped_ns = team->control.workers[i].counts.finished_ns;
}

void bench_team_flush(bench_team *team)
{
    set_phase(team, BENCH_FLUSH);
    await_all(team);
}

void bench_team_join(bench_team *team)
{
    set_phase(team, BENCH_END);
    for (unsigned i = 0; i < team->started; i++)
        pthread_join(team->ids[i], NULL);
    team->started = 0;
}

void bench_team_count(const bench_team *team, bench_result *result)
{
    uint64_t cpu_ns = 0, least = UINT64_MAX, most = 0;
    for (unsigned i = 0; i < team->control.threads; i++) {
        const bench_counts *counts = &team->control.workers[i].counts;
        uint64_t operations = counts->operations - counts->operations_before;
        cpu_ns += counts->cpu_ns;
        result->operations += operations;
        least = operations < least ? operations : least;
        most = operations > most ? operations : most;
    }
    double ns = team->stopped_ns > team->started_ns ? (double)(team->stopped_ns - team->started_ns) : 1;
    result->mops = (double)result->operations * 1000 / ns;
    result->least_mops = (double)least * 1000 / ns;
    result->most_mops = (double)most * 1000 / ns;
    result->share = (double)cpu_ns / ns / (team->control.crowded ? bench_cores() : team->control.threads);
}
