#include "bench/isolate.h"

#include "bench/clock.h"
#include "bench/suite.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
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
    atomic_store(&watch->until_ns, bench_now_ns() + watch->limit_ns + ns);
    atomic_store(&watch->running, index_of(impl));
}

void bench_watch_end(bench_watch *watch)
{
    atomic_store(&watch->running, NOBODY);
}

char *bench_watch_fault(bench_watch *watch, const bench_impl *impl)
{
    static char never[sizeof watch->fault[0]]; /* floors and tests' own: in no list */
    int i = index_of(impl);
    return i == NOBODY ? never : watch->fault[i];
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

static _Noreturn void be_child(bench_suite *suite, void (*work)(bench_suite *, void *), void *ctx, int file, pid_t parent)
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
        if (count == 0 && atomic_load(&suite->watch->running) != NOBODY && bench_now_ns() > atomic_load(&suite->watch->until_ns)) {
            kill(child, SIGKILL);
            return false;
        }
    }
}

/* False: the child did not end because of what it measured. */
static bool blame(bench_suite *suite, bool ended, int status)
{
    bench_watch *watch = suite->watch;
    int running = atomic_load(&watch->running);
    bench_progress_clear(&watch->progress);
    if (running == NOBODY) {
        bench_say("error: a measuring process broke off (%s)", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit");
        watch->failed = true;
        return false;
    }
    const bench_impl *impl = bench_impls[running];
    char *fault = watch->fault[running];
    if (!ended)
        snprintf(fault, sizeof watch->fault[0], "did not come to an end");
    else if (WIFSIGNALED(status))
        snprintf(fault, sizeof watch->fault[0], "ended the process: %s", strsignal(WTERMSIG(status)));
    else
        snprintf(fault, sizeof watch->fault[0], "ended the process with status %d", WEXITSTATUS(status));
    bench_say("%s: %s%s%s %s; it is left out from here on", impl->role == BENCH_PEER ? "note" : "error", impl->name,
              impl->scheme ? " " : "", impl->scheme ? impl->scheme : "", fault);
    watch->failed |= impl->role != BENCH_PEER;
    watch->running = NOBODY;
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
