/*
 * The generator of lives: random programs over the whole public interface, each in a process of its own, against an
 * oracle. ./weft soak --lives runs it.
 *
 * A program follows from its seed (generate.c): domains, structures, allocators, and blocks of steps for a few
 * threads, for crews of short-lived ones, for callbacks, key destructors and the children of forks. world_*.h hold
 * what the steps do, and the oracle:
 *   - each object is reclaimed once, never while a guard holds it, and before a barrier returns 0 that began after its
 *     retirement; each value put into a structure comes out, is destroyed or drained once. A thread that ended inside
 *     an operation may have lost what it had in hand, as far as domain.h allows (bound_of_loss);
 *   - each call returns: a watchdog ends the program and says where every thread is;
 *   - what is pending and what caches hold stays below the bounds of domain.h (bound_of_pending, bound_of_caches);
 *   - calls return -EBUSY or 0 as they must; errno is untouched; no call is a cancellation point; destroyed domains
 *     give all memory back;
 *   - no crash, and no report of the sanitizer that it was built with.
 *
 * Replay: lives --seed N, with the same --theme and --without. The program is the same, but its interleaving may
 * differ: hence --tries. A failing program is shortened (shrink.c) and printed as C (print.c), with those pieces of
 * world_*.h that it uses, so that it compiles against the public headers alone.
 *
 * A new kind of step is a function in a file world_*.h, and two lines in steps.c. These say what arguments it takes,
 * where it may be chosen and how often; program.h explains the letters.
 */
#define _GNU_SOURCE
#include "tests/lives/program.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { CLEAN = 0, FOUND = 1, USAGE = 2, INTERRUPTED = 130, MOST_FOUND = 64 };

static const char help[] =
    "usage: ./weft soak --lives [options]\n"
    "\n"
    "Random programs over the whole public interface, each in a process of its own: threads that begin, end and are\n"
    "cancelled, callbacks that use the library, forks, handlers, domains made and destroyed. Goes on until the time is\n"
    "over or one fails, which is made shorter and printed as C.\n"
    "\n"
    "  --minutes M     for so long (default 1; a part of a minute as 0.1)\n"
    "  --seed N        only the program of this seed\n"
    "  --seeds A..B    those of these seeds\n"
    "  --tries N       each program so often (default 1): its interleaving varies\n"
    "  --theme NAME    prefer kinds of steps (default: each seed chooses); --list names them\n"
    "  --without LIST  leave these kinds of steps, allocators or schemes out, a comma list\n"
    "  --keep-going    after a failure too; each kind of failure is made shorter once\n"
    "  --shrink S      spend so many seconds on making a failing program shorter (default 60; 0: none)\n"
    "  --out DIR       where the C programs go (default: $TMPDIR or /tmp), as lives-SEED.c\n"
    "  --print         print the program of --seed as C and do not run it\n"
    "  --json          the summary as one JSON object on standard output\n"
    "  --list          names themes, kinds of steps, allocators\n"
    "  --help          this text\n"
    "\n"
    "Exit status: 0 clean, 1 a program failed, 2 wrong use or no output, 130 interrupted.\n";

typedef struct found {
    char what[100];
    uint64_t seed;
    int times;
} found;

typedef struct lives_run {
    uint64_t first, last, next;
    double minutes;
    int tries, shrink;
    bool keep_going, json, list, print, terminal, small;
    wish wish;
    const char *out;
    found found[MOST_FOUND];
    int kinds_found;
    uint64_t programs, steps;
    double started, shown;
} lives_run;

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

static int usage_error(const char *what, const char *which)
{
    fprintf(stderr, "weft soak: %s%s (see ./weft soak --lives --help)\n", what, which);
    return USAGE;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- output ---- */

static void show(lives_run *r)
{
    double run = now() - r->started;
    if (run < 2 || now() - r->shown < (r->terminal ? 0.5 : 15))
        return;
    r->shown = now();
    fprintf(stderr, "%s%llu programs, %llu steps, seed %llu, %d kinds of failures, %.0f s%s", r->terminal ? "\r" : "",
            (unsigned long long)r->programs, (unsigned long long)r->steps, (unsigned long long)r->next, r->kinds_found,
            run, r->terminal ? "\033[K" : "\n");
}

static bool on_terminal;

static void show_shorter(const program *p)
{
    static double shown;
    if (now() - shown < (on_terminal ? 0.3 : 10))
        return;
    shown = now();
    fprintf(stderr, "%sshrinking: %d threads, %d steps%s", on_terminal ? "\r" : "", p->threads, lives_steps(p),
            on_terminal ? "\033[K" : "\n");
}

static int sum_up(const lives_run *r, int status)
{
    const char *end = r->kinds_found ? "failed" : status == INTERRUPTED ? "interrupted" : "clean";
    if (r->terminal)
        fputs("\r\033[K", stderr);
    printf(r->json ? "{\"end\":\"%s\",\"programs\":%llu,\"steps\":%llu,\"seconds\":%.1f,\"next_seed\":%llu"
                   : "%s: %llu programs, %llu steps, %.0f s; next seed %llu",
           end, (unsigned long long)r->programs, (unsigned long long)r->steps, now() - r->started,
           (unsigned long long)r->next);
    for (int i = 0; i < LIVES_TALLIES; i++)
        printf(r->json ? ",\"%s\":%llu" : "; %s %llu", lives_tally_names[i], (unsigned long long)lives_tally[i]);
    if (r->json)
        printf(",\"failures\":[");
    for (int i = 0; i < r->kinds_found; i++)
        printf(r->json ? "%s{\"what\":\"%s\",\"seed\":%llu,\"times\":%d}" : "%s\n  %s: seed %llu, %d times",
               r->json && i ? "," : "", r->found[i].what, (unsigned long long)r->found[i].seed, r->found[i].times);
    puts(r->json ? "]}" : "");
    return fflush(stdout) != 0 || ferror(stdout) ? usage_error("standard output could not be written", "") : status;
}

/* ---- a failure ---- */

static void again(const lives_run *r, uint64_t seed, char *line, size_t size)
{
    snprintf(line, size, "./weft soak --lives%s --seed %llu --tries 20%s%s%s%s", r->small ? "-small" : "",
             (unsigned long long)seed, r->wish.theme ? " --theme " : "", r->wish.theme ? r->wish.theme : "",
             r->wish.without ? " --without " : "", r->wish.without ? r->wish.without : "");
}

static int write_program(const lives_run *r, const program *p, const verdict *v)
{
    char name[400], line[400];
    again(r, p->seed, line, sizeof line);
    snprintf(name, sizeof name, "%s/lives-%llu.c", r->out, (unsigned long long)p->seed);
    FILE *file = fopen(name, "w");
    bool good = file != NULL;
    if (file) {
        lives_print(file, p, v->text[0] ? v->text : v->what, line);
        good = !ferror(file);
        good &= fclose(file) == 0;
    }
    if (!good)
        return usage_error("could not be written: ", name);
    fprintf(r->json ? stderr : stdout, "the program, made shorter: %s (%d threads, %d steps)\nthe same again: %s\n",
            name, p->threads, lives_steps(p), line);
    return FOUND;
}

static int report(lives_run *r, program *p, const verdict *v)
{
    found *f = r->found;
    while (f < r->found + r->kinds_found && strcmp(f->what, v->what) != 0)
        f++;
    if (f == r->found + MOST_FOUND)
        return FOUND;
    f->times++;
    if (f < r->found + r->kinds_found)
        return FOUND;
    r->kinds_found++;
    f->seed = p->seed;
    snprintf(f->what, sizeof f->what, "%s", v->what);
    fprintf(r->json ? stderr : stdout, "\n%sseed %llu, after %.0f s: %s\n%s\n", r->terminal ? "\033[K" : "",
            (unsigned long long)p->seed, now() - r->started, v->what, v->text);
    fflush(stdout);
    if (r->shrink)
        lives_shrink(p, v, r->shrink, show_shorter);
    if (r->terminal)
        fputs("\r\033[K", stderr);
    return write_program(r, p, v);
}

/* ---- running ---- */

static int one_program(lives_run *r, uint64_t seed)
{
    static program p;
    static verdict v;
    lives_generate(&p, seed, &r->wish);
    for (int i = 0; i < r->tries && !interrupted; i++) {
        lives_try(&p, false, &v);
        r->programs++;
        r->steps += (uint64_t)lives_steps(&p);
        show(r);
        if (v.failed && !interrupted)
            return report(r, &p, &v);
    }
    return CLEAN;
}

static int run(lives_run *r)
{
    int status = CLEAN;
    r->started = now();
    for (r->next = r->first; r->next <= r->last && !interrupted; r->next++) {
        if (r->minutes > 0 && now() - r->started >= r->minutes * 60)
            break;
        int one = one_program(r, r->next);
        status = one ? one : status;
        if (one == USAGE || (one && !r->keep_going))
            break;
    }
    return sum_up(r, status ? status : interrupted ? INTERRUPTED : CLEAN);
}

static int print_only(const lives_run *r)
{
    static program p;
    char line[400];
    lives_generate(&p, r->first, &r->wish);
    again(r, r->first, line, sizeof line);
    lives_print(stdout, &p, NULL, line);
    return fflush(stdout) != 0 || ferror(stdout) ? USAGE : CLEAN;
}

static int list(void)
{
    printf("themes:");
    for (int i = 0; lives_themes[i]; i++)
        printf(" %s", lives_themes[i]);
    printf("\nsteps:");
    for (int i = 0; i < lives_kind_count; i++)
        printf(" %s", lives_kinds[i].name);
    printf("\nallocators:");
    for (int i = 0; i < 6; i++)
        printf(" %s", lives_word('A', i));
    puts("\nschemes: WEFT_EPOCH");
    return fflush(stdout) != 0 || ferror(stdout) ? USAGE : CLEAN;
}

/* ---- arguments ---- */

static bool number(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && !*end && !errno;
}

static int read_seeds(lives_run *r, const char *text)
{
    char from[30];
    const char *dots = strstr(text, "..");
    if (!dots || (size_t)(dots - text) >= sizeof from)
        return usage_error("--seeds expects A..B, not ", text);
    snprintf(from, sizeof from, "%.*s", (int)(dots - text), text);
    if (!number(from, &r->first) || !number(dots + 2, &r->last) || r->first > r->last)
        return usage_error("--seeds expects A..B, not ", text);
    return CLEAN;
}

static int read_one(lives_run *r, int letter, char *value)
{
    uint64_t n = 0;
    char name[60];
    int used = 0;
    if (letter == 'S')
        return read_seeds(r, value);
    if (letter == 's' && !number(value, &r->first))
        return usage_error("--seed expects a whole number, not ", value);
    if (letter == 's')
        r->last = r->first;
    if (letter == 'm' &&
        (sscanf(value, "%lf%n", &r->minutes, &used) != 1 || value[used] || !(r->minutes >= 0.001 && r->minutes < 1e6)))
        return usage_error("--minutes expects a number from 0.001, not ", value);
    if ((letter == 't' && (!number(value, &n) || !n || n > 10000)) ||
        (letter == 'k' && (!number(value, &n) || n > 100000)))
        return usage_error(letter == 't' ? "--tries expects a number from 1, not " : "--shrink expects seconds, not ",
                           value);
    r->tries = letter == 't' ? (int)n : r->tries;
    r->shrink = letter == 'k' ? (int)n : r->shrink;
    if (letter == 'T' && !lives_known_theme(value))
        return usage_error("no such theme (--list names them): ", value);
    if (letter == 'w' && lives_unknown(value, name, sizeof name))
        return usage_error("no such step, allocator or scheme (--list names them): ", name);
    r->wish.theme = letter == 'T' ? value : r->wish.theme;
    r->wish.without = letter == 'w' ? value : r->wish.without;
    r->out = letter == 'o' ? value : r->out;
    r->keep_going |= letter == 'g';
    r->print |= letter == 'p';
    r->json |= letter == 'j';
    r->list |= letter == 'l';
    return CLEAN;
}

static int read_arguments(lives_run *r, int count, char **argument)
{
    static const struct option options[] = {
        {"minutes", required_argument, NULL, 'm'}, {"seed", required_argument, NULL, 's'},
        {"seeds", required_argument, NULL, 'S'},   {"tries", required_argument, NULL, 't'},
        {"theme", required_argument, NULL, 'T'},   {"without", required_argument, NULL, 'w'},
        {"keep-going", no_argument, NULL, 'g'},    {"shrink", required_argument, NULL, 'k'},
        {"out", required_argument, NULL, 'o'},     {"print", no_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},          {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},          {0}};
    int letter, status;
    opterr = 0;
    while ((letter = getopt_long(count, argument, "h", options, NULL)) != -1) {
        if (letter == 'h') {
            fputs(help, stdout);
            exit(fflush(stdout) != 0 ? USAGE : CLEAN);
        }
        if (letter == '?')
            return usage_error("unknown argument or missing value: ", argument[optind - 1]);
        if ((status = read_one(r, letter, optarg)) != CLEAN)
            return status;
    }
    return optind < count ? usage_error("unknown argument: ", argument[optind]) : CLEAN;
}

int main(int count, char **argument)
{
    const char *folder = getenv("TMPDIR");
    static lives_run r = {.tries = 1, .shrink = 60, .last = UINT64_MAX};
    r.out = folder && *folder ? folder : "/tmp";
#ifdef WEFT_BATCH
    r.small = true;
#endif
    if (getrandom(&r.first, 4, 0) != 4)
        r.first = (uint64_t)time(NULL);
    int status = read_arguments(&r, count, argument);
    if (status != CLEAN || r.list)
        return r.list ? list() : status;
    if (r.print)
        return print_only(&r);
    if (access(r.out, W_OK | X_OK) != 0)
        return usage_error("--out expects a directory that can be written, not ", r.out);
    if (r.minutes == 0 && r.last == UINT64_MAX)
        r.minutes = 1;
    lives_tally = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (lives_tally == MAP_FAILED)
        return usage_error("no memory", "");
    struct sigaction action = {.sa_handler = interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    on_terminal = r.terminal = isatty(STDERR_FILENO);
    fprintf(stderr, "seed %llu\n", (unsigned long long)r.first);
    return run(&r);
}
