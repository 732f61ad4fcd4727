#include "bench/run/isolate.h"

#include "bench/machine/clock.h"
#include "bench/run/say.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 250 };

/* ---- the child ---- */

static _Noreturn void be_child(bench_suite *suite, void (*work)(bench_suite *, void *), void *ctx, int file,
                               pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    signal(SIGINT, SIG_IGN); /* the terminal sends it to both processes; the parent decides */
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

/*
 * Receives rows until the child closes its end or the user interrupts. False: the child was killed because it took too
 * long.
 */
static bool attend(bench_suite *suite, pid_t child, int file)
{
    struct pollfd ready = {.fd = file, .events = POLLIN};
    for (;;) {
        int count = poll(&ready, 1, LOOK_MS);
        if (bench_interrupted()) {
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

/*
 * Leaves out the implementation that the child was in, or was in last, since damage may show only later. False: it was
 * in none yet.
 */
static bool blame(bench_suite *suite, bool ended, int status)
{
    bench_watch *watch = suite->watch;
    int running = atomic_load(&watch->running);
    if (running == BENCH_NOBODY) {
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

/* Runs one child. True: another one is needed. */
static bool once(bench_suite *suite, void (*work)(bench_suite *, void *), void *ctx)
{
    int ends[2], status = 0;
    pid_t self = getpid();
    fflush(NULL);
    suite->watch->finished = false;
    suite->watch->running = BENCH_NOBODY;
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
    if (bench_interrupted() || suite->watch->finished)
        return false;
    return blame(suite, ended, status);
}

void bench_isolated(bench_suite *suite, void (*work)(bench_suite *suite, void *ctx), void *ctx)
{
    if (suite->counting)
        work(suite, ctx);
    else
        while (!bench_interrupted() && once(suite, work, ctx))
            ;
}
