#include "bench/run/watch.h"

#include "bench/machine/clock.h"
#include "bench/run/say.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

/* Far longer than the slowest implementation takes when its threads wait for one that has no core. */
#define LIMIT_NS UINT64_C(30000000000)

/* ---- what the two processes share ---- */

bench_watch *bench_watch_create(void)
{
    bench_watch *watch = mmap(NULL, sizeof *watch, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (watch == MAP_FAILED)
        return NULL;
    watch->running = BENCH_NOBODY;
    watch->until_ns = UINT64_MAX;
    watch->limit_ns = LIMIT_NS;
    return watch;
}

void bench_watch_destroy(bench_watch *watch)
{
    if (watch)
        munmap(watch, sizeof *watch);
}

static int index_of(const bench_impl *impl)
{
    for (int i = 0; bench_impls[i]; i++)
        if (bench_impls[i] == impl)
            return i;
    return BENCH_NOBODY;
}

void bench_watch_begin(bench_watch *watch, const bench_impl *impl, uint64_t ns)
{
    atomic_store(&watch->running, index_of(impl));
    atomic_store(&watch->until_ns, bench_now_ns() + watch->limit_ns + ns);
}

void bench_watch_end(bench_watch *watch)
{
    atomic_store(&watch->until_ns, UINT64_MAX);
}

const char *bench_watch_fault(const bench_watch *watch, const bench_impl *impl)
{
    int i = index_of(impl);
    return i == BENCH_NOBODY ? "" : watch->fault[i]; /* implementations of tests are in no list */
}

void bench_leave_out(bench_watch *watch, const bench_impl *impl, const char *why, ...)
{
    char *fault = watch->fault[index_of(impl)];
    va_list arguments;
    va_start(arguments, why);
    vsnprintf(fault, sizeof watch->fault[0], why, arguments);
    va_end(arguments);
    bench_progress_clear(&watch->progress);
    bench_say("%s: %s %s; it is left out from here on", impl->role == BENCH_PEER ? "note" : "error",
              bench_label_of(impl->name, impl->scheme).text, fault);
    watch->failed |= impl->role != BENCH_PEER;
}

/* ---- interruption ---- */

static volatile sig_atomic_t interrupted;

static void note(int number)
{
    interrupted = number;
}

void bench_catch_interrupts(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = note};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

int bench_interrupted(void)
{
    return interrupted;
}
