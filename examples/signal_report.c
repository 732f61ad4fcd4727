/*
 * A signal handler that reports what it has seen. It may neither allocate nor lock, but it may push mail that lies ready, and
 * wake the thread that writes the reports by a byte in a pipe, if that thread is asleep.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include <weft/queues/mailbox.h>

enum { SIGNALS = 2000, REPORTS = 64 };

struct report {
    pid_t sender;
    weft_mail mail;
};

WEFT_MAILBOX_OF(inbox, struct report, mail);

static inbox *reports, *blank; /* reports that are written, and those to write on */
static atomic_int dropped, handled;
static int wake[2];

/* Runs in the main thread alone, so that it is the one consumer of `blank`. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    struct report *report = inbox_take(blank);
    (void)number, (void)context;
    atomic_fetch_add(&handled, 1);
    if (!report) {
        atomic_fetch_add(&dropped, 1); /* the writer is behind: it is told how many are missing */
        return;
    }
    report->sender = info->si_pid;
    if (inbox_push(reports, report))
        (void)!write(wake[1], "", 1);
}

/* Writes reports until a signal of the main thread ends it: a report by sender 0. */
static void *write_reports(void *unused)
{
    static int written;
    char byte;
    (void)unused;
    for (;;) {
        struct report *report = inbox_take(reports);
        if (!report) {
            if (inbox_arm(reports) && read(wake[0], &byte, 1) != 1)
                return NULL;
            continue;
        }
        if (report->sender == 0)
            return &written;
        written++;
        (void)inbox_push(blank, report);
    }
}

int main(void)
{
    static struct report paper[REPORTS], last;
    const struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    pthread_t writer;
    sigset_t ours;
    void *written;
    if (inbox_create(&reports) != 0 || inbox_create(&blank) != 0 || pipe(wake) != 0)
        return 1;
    for (int i = 0; i < REPORTS; i++)
        (void)inbox_push(blank, &paper[i]);
    sigemptyset(&ours);
    sigaddset(&ours, SIGUSR1);
    if (pthread_sigmask(SIG_BLOCK, &ours, NULL) != 0 || pthread_create(&writer, NULL, write_reports, NULL) != 0 ||
        pthread_sigmask(SIG_UNBLOCK, &ours, NULL) != 0 || sigaction(SIGUSR1, &action, NULL) != 0)
        return 1;
    for (int i = 0; i < SIGNALS; i++)
        if (pthread_kill(pthread_self(), SIGUSR1) != 0)
            return 1;
    if (inbox_push(reports, &last))
        (void)!write(wake[1], "", 1);
    if (pthread_join(writer, &written) != 0 || !written)
        return 1;
    printf("%d signals, all reported or counted\n", atomic_load(&handled));
    return atomic_load(&handled) == SIGNALS && *(int *)written + atomic_load(&dropped) == SIGNALS ? 0 : 1;
}
