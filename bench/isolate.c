#include "bench/isolate.h"

#include "bench/clock.h"
#include "bench/suite.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 250, NOBODY = -1 };

/* Far beyond what the slowest takes whose threads wait for one that has no core. */
#define LIMIT_NS UINT64_C(30000000000)

/* ---- what the two processes share ---- */

bench_watch *bench_watch_create(void)
{
    bench_watch *watch = mmap(NULL, sizeof *watch, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (watch == MAP_FAILED)
        return NULL;
    watch->running = NOBODY;
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
    return NOBODY;
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
    return i == NOBODY ? "" : watch->fault[i]; /* tests' own are in no list */
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

/* ---- the child ---- */

static _Noreturn void be_child(bench_suite *suite, void (*work)(bench_suite *, void *), void *ctx, int file,
                               pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    signal(SIGINT, SIG_IGN); /* the terminal sends it to both; the parent decides */
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    suite->rows_to = file;
    work(suite, ctx);
    bench_progress_clear(&suite->watch->progress);
    fflush(NULL);
    suite->watch->finished = true;
    _exit(0);
}

/* ---- the parent ---- */

/* Takes rows in until the child has closed its end. False: it is to be blamed for not coming out. */
static bool attend(bench_suite *suite, pid_t child, int file)
{
    struct pollfd ready = {.fd = file, .events = POLLIN};
    for (;;) {
        int count = poll(&ready, 1, LOOK_MS);
        if (interrupted) {
            kill(child, SIGKILL);
            return true;
        }
        if (count > 0 && !bench_rows_receive(&suite->rows, file))
            return true;
        if (count == 0 && bench_now_ns() > atomic_load(&suite->watch->until_ns)) {
            kill(child, SIGKILL);
            return false;
        }
    }
}

/* Whoever was in it, or was so last: what one leaves behind may strike later. False: nobody was. */
static bool blame(bench_suite *suite, bool ended, int status)
{
    bench_watch *watch = suite->watch;
    int running = atomic_load(&watch->running);
    if (running == NOBODY) {
        bench_progress_clear(&watch->progress);
        bench_say("error: a measuring process broke off (%s)",
                  WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit");
        watch->failed = true;
        return false;
    }
    const bench_impl *impl = bench_impls[running];
    bool outside = atomic_load(&watch->until_ns) == UINT64_MAX;
    if (!ended)
        bench_leave_out(watch, impl, "did not come to an end");
    else if (WIFSIGNALED(status))
        bench_leave_out(watch, impl, "%s: %s", outside ? "was the last when the process ended" : "ended the process",
                        strsignal(WTERMSIG(status)));
    else
        bench_leave_out(watch, impl, "ended the process with status %d", WEXITSTATUS(status));
    watch->progress.done = watch->progress.kept;
    return true;
}

/* One child; true: there is to be another. */
static bool once(bench_suite *suite, void (*work)(bench_suite *, void *), void *ctx)
{
    int ends[2], status = 0;
    pid_t self = getpid();
    fflush(NULL);
    suite->watch->finished = false;
    suite->watch->running = NOBODY;
    suite->watch->until_ns = UINT64_MAX;
    pid_t child = -1;
    if (pipe(ends) != 0 || (child = fork()) < 0) {
        bench_say("error: no process to measure in: %s", strerror(errno));
        suite->watch->failed = true;
        return false;
    }
    if (child == 0) {
        close(ends[0]);
        be_child(suite, work, ctx, ends[1], self);
    }
    close(ends[1]);
    bool ended = attend(suite, child, ends[0]);
    close(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (interrupted || suite->watch->finished)
        return false;
    return blame(suite, ended, status);
}

void bench_isolated(bench_suite *suite, void (*work)(bench_suite *suite, void *ctx), void *ctx)
{
    if (suite->counting)
        work(suite, ctx);
    else
        while (!interrupted && once(suite, work, ctx))
            ;
}
