/* Runs a program in a process of its own, names its failure, and leaves no process behind. */
#define _GNU_SOURCE
#include "tests/lives/program.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { SLOW = 4 };
#else
enum { SLOW = 1 };
#endif

/*
 * Milliseconds: after LASTING no step begins; a program that calls nothing for PATIENCE hangs (world_life.h), and so
 * does one that has not ended after several times that. Hasty: to shorten one that hangs.
 */
enum { LASTING = 700, PATIENCE = 9000, HASTY_LASTING = 300, HASTY_PATIENCE = 2000, GRACE = 1500, MOST_TIMES = 7 };

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static _Noreturn void child(const program *p, int out, pid_t parent, bool hasty)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    setpgid(0, 0);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    dup2(out, STDERR_FILENO);
    dup2(out, STDOUT_FILENO);
    lives_perform(p, (hasty ? HASTY_LASTING : LASTING) * SLOW, (hasty ? HASTY_PATIENCE : PATIENCE) * SLOW);
}

/* Adds the library's function that our lines name, for failures that it tells apart. For a hang a barrier is the last
   choice, since it waits for other threads. */
static void add_call(verdict *v, const char *text)
{
    char name[60] = "";
    for (const char *at = text; (at = strstr(at, "weft_")) != NULL; at += 5) {
        size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
        if (at[length] != '(' || (name[0] && strncmp(at, "weft_domain_barrier", length) == 0))
            continue;
        bool better = !name[0] || strcmp(name, "weft_domain_barrier") == 0;
        if (better)
            snprintf(name, sizeof name, "%.*s", (int)length, at);
    }
    size_t used = strlen(v->what);
    if (name[0])
        snprintf(v->what + used, sizeof v->what - used, " in %s", name);
}

/* The first line that says what is wrong: our own, a sanitizer's, the C library's. */
static void name_failure(verdict *v, int status)
{
    static const char *const marks[] = {
        "lives: ", "ERROR: AddressSanitizer: ", "WARNING: ThreadSanitizer: ", "runtime error: "};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const char *at = strstr(v->text, marks[i]);
        if (!at)
            continue;
        at += strlen(marks[i]);
        snprintf(v->what, sizeof v->what, "%.*s", (int)strcspn(at, i ? " (\n" : ":\n"), at);
        if (strncmp(v->what, "hang", 4) == 0 || strcmp(v->what, "crash") == 0)
            add_call(v, at);
        return;
    }
    if (WIFSIGNALED(status))
        snprintf(v->what, sizeof v->what, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(v->what, sizeof v->what, "exit status %d", WEXITSTATUS(status));
}

static bool wait_until(pid_t pid, int *status, uint64_t end)
{
    struct timespec nap = {0, 500000};
    pid_t done;
    while ((done = waitpid(pid, status, WNOHANG)) == 0 || (done < 0 && errno == EINTR)) {
        if (now_ms() > end)
            return false;
        nanosleep(&nap, NULL);
    }
    return true;
}

/* For a program that hangs and cannot say where: each thread's state, its blocked signals, and its system call. */
static void describe(pid_t pid, char *text, size_t size)
{
    char path[600], line[400];
    size_t used = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    for (struct dirent *task; tasks && (task = readdir(tasks)) != NULL;) {
        static const char *const files[] = {"status", "syscall", "wchan"};
        for (int i = 0; i < 3 && task->d_name[0] != '.'; i++) {
            snprintf(path, sizeof path, "/proc/%d/task/%s/%s", (int)pid, task->d_name, files[i]);
            FILE *file = fopen(path, "r");
            while (file && fgets(line, sizeof line, file)) {
                line[strcspn(line, "\n")] = 0;
                if (used < size && (i > 0 || !strncmp(line, "Pid", 3) || !strncmp(line, "State", 5) ||
                                    !strncmp(line, "Sig", 3) || !strncmp(line, "ShdPnd", 6)))
                    used += (size_t)snprintf(text + used, size - used, "%s%s",
                                             i == 0 && !strncmp(line, "State", 5) ? "\n    " : "; ", line);
            }
            if (file)
                fclose(file);
        }
    }
    if (tasks)
        closedir(tasks);
}

void lives_try(const program *p, bool hasty, verdict *v)
{
    int status = 0, out = memfd_create("lives", MFD_CLOEXEC);
    pid_t self = getpid(), pid;
    memset(v, 0, sizeof *v);
    fflush(NULL);
    pid = out < 0 ? -1 : fork();
    if (pid == 0)
        child(p, out, self, hasty);
    if (pid < 0) {
        v->failed = true;
        snprintf(v->what, sizeof v->what, "no process could be made");
        return;
    }
    setpgid(pid, pid);
    uint64_t end = now_ms() + (uint64_t)((hasty ? HASTY_PATIENCE : PATIENCE) * SLOW * MOST_TIMES + GRACE);
    bool ended = wait_until(pid, &status, end);
    char state[4000] = "";
    if (!ended)
        describe(pid, state, sizeof state);
    kill(-pid, SIGKILL);
    if (!ended)
        waitpid(pid, &status, 0);
    ssize_t length = pread(out, v->text, sizeof v->text - 1, 0);
    v->text[length > 0 ? length : 0] = 0;
    if (!ended && length <= 0)
        snprintf(v->text, sizeof v->text, "it did not say where; its threads:%s\n", state);
    close(out);
    v->failed = !ended || status != 0;
    if (!ended)
        snprintf(v->what, sizeof v->what, "hang");
    if (v->failed && (ended || strstr(v->text, "lives: ")))
        name_failure(v, status);
}
