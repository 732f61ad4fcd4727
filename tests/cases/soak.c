/* ./weft soak: runs rounds of recorded operations and checks each, for a given time. */
#define _GNU_SOURCE
#include "tests/cases/subjects.h"
#include "check/history/park.h"
#include "check/history/recorder.h"
#include "tests/cases/subjects_bench.h"
#include "check/history/timeline.h"
#include "tools/output/output.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { CLEAN = 0, VIOLATION = 1, USAGE = 2, INTERRUPTED = 130, MOST = 64, OPERATIONS = 40000, DRAWN = 40 };

static const char help[] =
    "usage: ./weft soak [options]\n"
    "\n"
    "Threads do random operations, also held up in the middle of them; what they did is recorded, and each round is\n"
    "checked for linearizability. Goes on until the time is over or a violation is found, whose history it keeps.\n"
    "\n"
    "  --lives           instead of this: random programs whose threads, domains and processes begin and end at random;\n"
    "                    ./weft soak --lives --help\n"
    "  --minutes N       for so long (default 1; a part of a minute as 0.1), but one round of each structure at least\n"
    "  --structure LIST  which, a comma list (default: all of Weft's); --list names them, also peers (not held up\n"
    "                    inside) and broken-queue, to see a violation\n"
    "  --scheme NAME     hazard or epoch (default both)\n"
    "  --seed S          begin with round S (default: a random one); a round's mix, threads and stalls follow from it,\n"
    "                    the scheduler's part does not\n"
    "  --history FILE    where a violation's history goes (default: a new file in $TMPDIR or /tmp, which is named then)\n"
    "  --json            the summary as one JSON object on standard output\n"
    "  --list            names the structures\n"
    "  --help            this text\n"
    "\n"
    "Exit status: 0 clean, 1 a violation, 130 interrupted (what was done by then is summed up); 2 no answer: wrong use, it\n"
    "could not be built or run, or what it found could not be written.\n";

typedef struct soak {
    lin_subject subject[MOST];
    size_t subjects;
    double minutes;
    uint64_t seed;
    const char *structures, *scheme, *history;
    bool json, list, help, terminal;
    /* so far */
    uint64_t started, shown, operations, concurrent, rounds, iterations;
    size_t pending;
    long rss_began;
} soak;

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

static int usage_error(const char *what, const char *which)
{
    fprintf(stderr, "weft soak: %s%s (see ./weft soak --help)\n", what, which);
    return USAGE;
}

/* Resident memory in KiB. */
static long resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* ---- what to run ---- */

static bool named(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == 0 || at[length] == ','))
            return true;
    return false;
}

static void gather(soak *s, lin_subject *all, size_t *count)
{
    for (*count = 0; lin_weft_subjects[*count]; ++*count)
        all[*count] = *lin_weft_subjects[*count];
    if (s->structures || s->list) {
        *count += lin_bench_subjects(all + *count, MOST - *count - 1);
        all[(*count)++] = lin_broken_queue;
    }
}

static int select_subjects(soak *s)
{
    lin_subject all[MOST];
    size_t count, known;
    char name[60];
    gather(s, all, &count);
    for (const char *at = s->structures; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, ","), at);
        for (known = 0; known < count && strcmp(all[known].name, name) != 0; known++)
            ;
        if (known == count)
            return usage_error("no such structure (--list names them): ", name);
    }
    for (size_t i = 0; i < count; i++)
        if ((!s->structures || named(s->structures, all[i].name)) &&
            (!s->scheme || strcmp(s->scheme, all[i].scheme) == 0))
            s->subject[s->subjects++] = all[i];
    return s->subjects ? CLEAN : usage_error("nothing of that name has the scheme ", s->scheme);
}

static int list_subjects(soak *s)
{
    lin_subject all[MOST];
    size_t count;
    gather(s, all, &count);
    for (size_t i = 0; i < count; i++)
        printf("%-14s %s\n", all[i].name, all[i].scheme);
    return CLEAN;
}

/* ---- output ---- */

static double seconds_since(uint64_t then)
{
    return (double)(lin_clock_monotonic() - then) / 1e9;
}

static void show(soak *s, const lin_subject *subject)
{
    double run = seconds_since(s->started), left = s->minutes * 60 - run;
    if (seconds_since(s->shown) < (s->terminal ? 0.5 : 15))
        return;
    s->shown = lin_clock_monotonic();
    fprintf(stderr, "%s%s %s  %.1f M operations, %llu histories, %.2f M/s, pending at most %zu, %ld MiB, %.0f s left%s",
            s->terminal ? "\r" : "", subject->name, subject->scheme, (double)s->operations / 1e6,
            (unsigned long long)s->rounds, (double)s->operations / 1e6 / run, s->pending, resident() / 1024,
            left > 0 ? left : 0, s->terminal ? "\033[K" : "\n");
}

static void sum_up(const soak *s, const char *end)
{
    double run = seconds_since(s->started);
    if (s->terminal)
        fputs("\r\033[K", stderr);
    if (s->json)
        printf("{\"end\":\"%s\",\"operations\":%llu,\"concurrent\":%llu,\"histories\":%llu,\"iterations\":%llu,"
               "\"seconds\":%.1f,\"held_up\":%zu,\"pending_peak\":%zu,\"resident_kib\":[%ld,%ld],\"next_seed\":%llu}\n",
               end, (unsigned long long)s->operations, (unsigned long long)s->concurrent, (unsigned long long)s->rounds,
               (unsigned long long)s->iterations, run, lin_parked(), s->pending, s->rss_began, resident(),
               (unsigned long long)s->seed);
    else
        printf("%s: %llu operations checked in %llu histories, %llu of them beside others, %llu iterations, %.0f s; "
               "held up %zu times inside; pending at most %zu; memory %ld KiB after the first round, %ld KiB now\n",
               end, (unsigned long long)s->operations, (unsigned long long)s->rounds, (unsigned long long)s->concurrent,
               (unsigned long long)s->iterations, run, lin_parked(), s->pending, s->rss_began, resident());
    fflush(stdout);
}

/* The cost of recording per operation: half of it before the operation, half after. */
static double recorder_ns(void)
{
    enum { TIMES = 200000 };
    lin_log log;
    if (!lin_log_open(&log, 0, TIMES))
        return 0;
    uint64_t before = lin_clock_monotonic();
    for (int i = 0; i < TIMES; i++)
        lin_return(lin_call(&log, LIN_ENQUEUE, 0, i), LIN_NOTHING, 0);
    double cost = (double)(lin_clock_monotonic() - before) / TIMES;
    lin_free(&log.history);
    return cost;
}

/* Creates a file and returns its name. NULL: errno says why. */
static const char *new_name(char *place, size_t size)
{
    const char *folder = getenv("TMPDIR");
    int length = snprintf(place, size, "%s/weft-violation-XXXXXX.jsonl", folder && *folder ? folder : "/tmp");
    int file = length > 0 && (size_t)length < size ? mkstemps(place, 6) : -1;
    return file >= 0 && close(file) == 0 ? place : NULL;
}

static int report(const soak *s, const lin_subject *subject, const lin_outcome *outcome)
{
    char place[PATH_MAX];
    output_file out;
    const char *name = s->history ? s->history : new_name(place, sizeof place);
    bool kept = name && output_open(&out, name);
    for (size_t i = 0; kept && i < outcome->history.count; i++)
        lin_write(out.stream, &outcome->history.op[i]);
    kept = kept && output_commit(&out);
    FILE *to = s->json ? stderr : stdout;
    fprintf(to, "%s%s%s: not linearizable: %s\n\n", subject->name, subject->scheme[0] ? ", " : "", subject->scheme,
            outcome->finding.why);
    if (outcome->finding.window.count <= DRAWN)
        (void)lin_draw_text(to, &outcome->finding.window);
    else
        fprintf(to, "  (%zu operations)\n", outcome->finding.window.count);
    if (kept)
        fprintf(to, "\nwhole history: %s   (./weft linearize --spec %s %s)\n", name, lin_type_name(subject->type),
                name);
    else
        fprintf(to, "\nthe history could not be written to %s: %s\n", name ? name : "a file in $TMPDIR or /tmp",
                strerror(errno));
    fprintf(to, "the same again: ./weft soak --structure %s%s%s --seed %llu\n", subject->name,
            subject->scheme[0] ? " --scheme " : "", subject->scheme, (unsigned long long)s->seed);
    return VIOLATION;
}

/* ---- running ---- */

static int one_round(soak *s, const lin_subject *subject, unsigned cores)
{
    lin_outcome outcome;
    lin_plan plan = lin_plan_of(s->seed, subject, cores, OPERATIONS);
    int error = lin_round(subject, &plan, s->seed, &outcome), status = CLEAN;
    s->rounds++;
    s->operations += outcome.history.count;
    s->concurrent += outcome.concurrent;
    s->iterations += outcome.iterations;
    s->pending = outcome.pending > s->pending ? outcome.pending : s->pending;
    if (error || outcome.finding.verdict == LIN_NO_MEMORY) {
        fprintf(stderr, "weft soak: %s could not be run: %s\n", subject->name, strerror(error ? -error : ENOMEM));
        status = USAGE;
    } else if (outcome.finding.verdict == LIN_VIOLATION) {
        status = report(s, subject, &outcome);
    } else if (outcome.finding.verdict == LIN_UNDECIDED) {
        fprintf(stderr, "weft soak: seed %llu, %s: undecided: %s\n", (unsigned long long)s->seed, subject->name,
                outcome.finding.why);
    }
    lin_outcome_free(&outcome);
    return status;
}

static int run(soak *s)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int status = CLEAN;
    s->started = lin_clock_monotonic();
    for (size_t i = 0; status == CLEAN; i++) {
        const lin_subject *subject = &s->subject[i % s->subjects];
        if (interrupted || (i >= s->subjects && seconds_since(s->started) >= s->minutes * 60))
            break;
        status = one_round(s, subject, cores > 0 ? (unsigned)cores : 1);
        if (i + 1 == s->subjects)
            s->rss_began = resident();
        show(s, subject);
        if ((i + 1) % s->subjects == 0 && status == CLEAN)
            s->seed++;
    }
    sum_up(s, status == VIOLATION ? "violation" : interrupted ? "interrupted" : status ? "error" : "clean");
    return status ? status : interrupted ? INTERRUPTED : CLEAN;
}

static int read_arguments(soak *s, int count, char **argument)
{
    static const struct option options[] = {{"minutes", required_argument, NULL, 'm'},
                                            {"structure", required_argument, NULL, 's'},
                                            {"scheme", required_argument, NULL, 'c'},
                                            {"seed", required_argument, NULL, 'r'},
                                            {"history", required_argument, NULL, 'f'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"list", no_argument, NULL, 'l'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int letter, used = 0;
    opterr = 0;
    while ((letter = getopt_long(count, argument, "h", options, NULL)) != -1) {
        s->help |= letter == 'h';
        s->json |= letter == 'j';
        s->list |= letter == 'l';
        if (letter == 'm' &&
            (sscanf(optarg, "%lf%n", &s->minutes, &used) != 1 || optarg[used] || !(s->minutes > 0 && s->minutes < 1e6)))
            return usage_error("--minutes expects a number above 0, not ", optarg);
        if (letter == 'r' &&
            (optarg[0] < '0' || optarg[0] > '9' || sscanf(optarg, "%lu%n", &s->seed, &used) != 1 || optarg[used]))
            return usage_error("--seed expects a whole number, not ", optarg);
        if (letter == 'c' && strcmp(optarg, "hazard") != 0 && strcmp(optarg, "epoch") != 0)
            return usage_error("--scheme expects hazard or epoch, not ", optarg);
        s->structures = letter == 's' ? optarg : s->structures;
        s->scheme = letter == 'c' ? optarg : s->scheme;
        s->history = letter == 'f' ? optarg : s->history;
        if (letter == '?')
            return usage_error("unknown argument or missing value: ", argument[optind - 1]);
    }
    return optind < count ? usage_error("unknown argument: ", argument[optind]) : CLEAN;
}

static int main_part(int count, char **argument)
{
    static soak s = {.minutes = 1};
    if (getrandom(&s.seed, 4, 0) != 4)
        s.seed = lin_clock_monotonic() % 1000000;
    int status = read_arguments(&s, count, argument);
    if (status == CLEAN && s.help) {
        fputs(help, stdout);
        return CLEAN;
    }
    if (status == CLEAN && s.list)
        return list_subjects(&s);
    if (status != CLEAN || (status = select_subjects(&s)) != CLEAN)
        return status;
    if (s.history && !output_possible(s.history)) {
        fprintf(stderr, "weft soak: --history expects a file that can be written, not '%s': %s\n", s.history,
                strerror(errno));
        return USAGE;
    }
    lin_clock_choose();
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    s.terminal = isatty(STDERR_FILENO);
    fprintf(stderr, "seed %llu; recording costs %.0f ns an operation\n", (unsigned long long)s.seed, recorder_ns());
    return run(&s);
}

int main(int count, char **argument)
{
    output_begin();
    int status = main_part(count, argument);
    return output_written("weft soak") ? status : USAGE;
}
