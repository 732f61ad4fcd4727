/* ./weft model: explores the cases of cases.c, runs them at random or replays one; and weakens every named order. */
#define _GNU_SOURCE
#include "tests/cases/kernels.h"
#include "tests/cases/sweep.h"
#include "tools/output/output.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FINE = 0, FOUND = 1, USAGE = 2 };

static const char help[] =
    "usage: ./weft model [options]\n"
    "\n"
    "Runs Weft's real kernels on a machine that explores every interleaving, and every value that a weak memory may show\n"
    "(docs/verification.md says which), and checks each execution: data races, uses after free, leaks, lost or doubled\n"
    "values, answers that no order explains. A failure is made as short as possible and shown step by step, with the\n"
    "command that replays it.\n"
    "\n"
    "  --case TEXT        only the case of that name, or cases whose name contains TEXT (default: all of --list; those that are\n"
    "                     too large to be explored need --most, --random or --pct)\n"
    "  --most N           at most N executions of each case (default: all)\n"
    "  --switches N       only executions with at most N switches away from a thread that could go on ...\n"
    "  --stale N          ... and at most N loads or stores that pass over later stores; without reduction\n"
    "  --random N         N executions of each case, each choice at random\n"
    "  --pct N            N executions by probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010)\n"
    "  --depth D          of --pct: bugs that need D steps in a certain order, 2 to 8 (default 3)\n"
    "  --seed S           of --random and --pct (default 1)\n"
    "  --replay SCHEDULE  shows one execution, as a failure has named it; --case must name one case\n"
    "  --weaken ORDER=TO  with that named order weaker: relaxed, acquire, release or acq_rel\n"
    "  --sweep            weakens each named order in turn, and says which case notices; minutes\n"
    "  --deep             of --sweep: with the larger cases, too; hours\n"
    "  --docs             of --sweep: prints docs/orders.md\n"
    "  --list             names the cases, what each thread does, how many executions each takes, and all operations\n"
    "  --help             this text\n"
    "\n"
    "Exit status: 0 nothing found, 1 a failure (with --sweep: an order that nothing notices and that has no written\n"
    "reason), 2 no answer: wrong use, it could not be built, or what it found could not be written.\n";

static int usage_error(const char *what, const char *which)
{
    fprintf(stderr, "weft model: %s%s (see ./weft model --help)\n", what, which);
    return USAGE;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char legend[] =
    "\n"
    "A line is a case: its name, the executions that it takes to the end (0: it is not explored to the end), and what each\n"
    "thread does, | between threads. What they can do; KEY is from 1 to 9:\n"
    "\n";

static int list_cases(void)
{
    for (size_t i = 0; i < kernel_case_count; i++) {
        const kernel_case *c = &kernel_cases[i];
        printf("%-28s %10llu  ", c->name, (unsigned long long)c->executions);
        for (int t = 0; t < KERNEL_THREADS && c->does[t]; t++)
            printf("%s%s", t ? " | " : "", c->does[t]);
        printf(c->before ? "  (%u before)\n" : "\n", c->before);
    }
    fputs(legend, stdout);
    kernel_list_operations();
    return FINE;
}

/* ---- running ---- */

typedef struct wish {
    const char *name, *weakened;
    model_options options;
    unsigned given; /* a bit for each option that was */
} wish;

static const char **running; /* points out of static data, which the machine restores */

static void show_progress(const model_result *so_far)
{
    fprintf(stderr, "\r%s: %llu executions\033[K", *running, (unsigned long long)so_far->executions);
}

static void tell_how_to_replay(const kernel_case *c, const wish *w, const model_result *result)
{
    if (!result->schedule[0]) {
        fputs("(its schedule is too long to be told; run it again with the same seed)\n", stderr);
        return;
    }
    fprintf(stderr, "replay: ./weft model --case %s", c->name);
    if (w->weakened)
        fprintf(stderr, " --weaken %s", w->weakened);
    fprintf(stderr, " --replay %s\n", result->schedule);
}

static int misfit(const char *entry)
{
    fprintf(
        stderr,
        "weft model: --replay expects what a failure of this case, as it is now, has printed, STEPtTHREAD and STEPsSTORES in turn; "
        "no such choice is met: '%s'\n",
        entry);
    return USAGE;
}

static int run_case(const kernel_case *c, const wish *w)
{
    model_result result;
    model_options options = w->options;
    double began = now();
    options.progress = isatty(STDERR_FILENO) ? show_progress : NULL;
    *running = c->name;
    kernel_run(c, &options, &result);
    if (options.progress)
        fputs("\r\033[K", stderr);
    if (result.misfit)
        return misfit(result.why);
    printf("%-28s %10llu executions%s  %6.1f s  %s\n", c->name, (unsigned long long)result.executions,
           result.complete ? options.bounded ? ", all within the bounds" : ", all" : "", now() - began,
           result.failed ? result.why : "fine");
    fflush(stdout);
    if (result.failed)
        tell_how_to_replay(c, w, &result);
    return result.failed ? FOUND : FINE;
}

static int run_cases(const wish *w)
{
    const kernel_case *exactly = w->name ? kernel_case_named(w->name) : NULL;
    size_t run = 0;
    int worst = FINE;
    bool by_chance = w->options.search != MODEL_ALL || w->options.most || w->options.schedule;
    for (size_t i = 0; i < kernel_case_count; i++) {
        const kernel_case *c = &kernel_cases[i];
        if (c->flags & LARGE && !by_chance)
            continue;
        if (exactly ? c != exactly : w->name && !strstr(c->name, w->name))
            continue;
        if (w->options.schedule && !exactly)
            return usage_error("--replay needs --case with the whole name of one case, not ",
                               w->name ? w->name : "none");
        int status = run_case(c, w);
        if (status == USAGE)
            return USAGE;
        worst = status > worst ? status : worst;
        run++;
    }
    return run ? worst : usage_error("no case that can be explored to its end has a name that contains ", w->name);
}

/* ---- the command line ---- */

static bool whole_number(const char *text, unsigned long long least, unsigned long long most, unsigned long long *out)
{
    int used = 0;
    return sscanf(text, "%llu%n", out, &used) == 1 && !text[used] && text[0] != '-' && *out >= least && *out <= most;
}

static int weaken(const char *text, wish *w)
{
    const char *equals = strchr(text, '=');
    char name[40];
    int to = equals ? sweep_order_of(equals + 1) : -1;
    snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - text) : 0, text);
    size_t order = kernel_order_named(name);
    if (order == kernel_order_count || to < 0 || to >= kernel_orders[order].order)
        return usage_error("--weaken expects ORDER=TO, a named order and a weaker one, as --sweep prints them, not ",
                           text);
    w->weakened = text;
    kernel_order_set(order, to);
    return FINE;
}

enum { CASE = 1, MOST, SWITCHES, STALE, RANDOM, PCT, DEPTH_, SEED, REPLAY, WEAKEN, SWEEP, DEEP, DOCS, LIST, HELP };

#define BIT(option) (1u << (option))
#define WITHIN (BIT(MOST) | BIT(SWITCHES) | BIT(STALE))

static const struct option options[] = {{"case", required_argument, NULL, CASE},
                                        {"most", required_argument, NULL, MOST},
                                        {"switches", required_argument, NULL, SWITCHES},
                                        {"stale", required_argument, NULL, STALE},
                                        {"random", required_argument, NULL, RANDOM},
                                        {"pct", required_argument, NULL, PCT},
                                        {"depth", required_argument, NULL, DEPTH_},
                                        {"seed", required_argument, NULL, SEED},
                                        {"replay", required_argument, NULL, REPLAY},
                                        {"weaken", required_argument, NULL, WEAKEN},
                                        {"sweep", no_argument, NULL, SWEEP},
                                        {"deep", no_argument, NULL, DEEP},
                                        {"docs", no_argument, NULL, DOCS},
                                        {"list", no_argument, NULL, LIST},
                                        {"help", no_argument, NULL, HELP},
                                        {0}};

typedef struct number {
    int letter;
    const char *expects;
    unsigned long long least, most;
} number;

static const number numbers[] = {
    {MOST, "--most expects a whole number above 0, not ", 1, UINT64_MAX},
    {SWITCHES, "--switches expects a whole number, not ", 0, 1000},
    {STALE, "--stale expects a whole number, not ", 0, 1000},
    {RANDOM, "--random expects a whole number above 0, not ", 1, UINT64_MAX},
    {PCT, "--pct expects a whole number above 0, not ", 1, UINT64_MAX},
    {DEPTH_, "--depth expects a number from 2 to 8, not ", 2, 8},
    {SEED, "--seed expects a whole number, not ", 0, UINT64_MAX},
};

static void take_number(int letter, unsigned long long value, model_options *o)
{
    if (letter == SWITCHES || letter == STALE) {
        if (!o->bounded)
            o->switches = o->stale = ~0u;
        o->bounded = true;
        *(letter == SWITCHES ? &o->switches : &o->stale) = (unsigned)value;
    } else if (letter == SEED) {
        o->seed = value;
    } else if (letter == DEPTH_) {
        o->depth = (unsigned)value;
    } else {
        o->most = value;
        o->search = letter == RANDOM ? MODEL_RANDOM : letter == PCT ? MODEL_PCT : o->search;
    }
}

static int take_option(int letter, const char *given, wish *w)
{
    unsigned long long value;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i].letter != letter)
            continue;
        if (!whole_number(optarg, numbers[i].least, numbers[i].most, &value))
            return usage_error(numbers[i].expects, optarg);
        take_number(letter, value, &w->options);
    }
    if (letter == '?')
        return usage_error("unknown argument or missing value: ", given);
    w->given |= BIT(letter);
    w->name = letter == CASE ? optarg : w->name;
    w->options.schedule = letter == REPLAY ? optarg : w->options.schedule;
    return letter == WEAKEN ? weaken(optarg, w) : FINE;
}

/* With any option of `these`, one of `expect` must be given, if there are any, and none of `exclude`. */
typedef struct rule {
    unsigned these, expect, exclude;
    const char *why;
} rule;

static const rule rules[] = {
    {BIT(DEEP) | BIT(DOCS), BIT(SWEEP), 0, "--deep and --docs belong to --sweep"},
    {BIT(SWEEP), 0, ~(BIT(SWEEP) | BIT(DEEP) | BIT(DOCS)),
     "--sweep runs all cases as they are: with it go only --deep and --docs"},
    {BIT(DEPTH_), BIT(PCT), 0, "--depth belongs to --pct"},
    {BIT(SEED), BIT(RANDOM) | BIT(PCT), 0, "--seed belongs to --random and --pct"},
    {BIT(REPLAY), BIT(CASE), 0, "--replay needs --case with the whole name of one case"},
    {BIT(RANDOM), 0, BIT(PCT) | BIT(REPLAY) | WITHIN, "--random says how many executions, and which"},
    {BIT(PCT), 0, BIT(REPLAY) | WITHIN, "--pct says how many executions, and which"},
    {BIT(REPLAY), 0, WITHIN, "--replay runs one execution"},
};

static int check_given(unsigned given)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const rule *r = &rules[i];
        if (given & r->these && ((r->expect && !(given & r->expect)) || given & r->exclude))
            return usage_error(r->why, "");
    }
    return FINE;
}

static int main_part(int count, char **argument)
{
    wish w = {.options = {.seed = 1, .depth = 3}};
    int letter;
    opterr = 0;
    running = malloc(sizeof *running);
    while ((letter = getopt_long(count, argument, "", options, NULL)) != -1)
        if (take_option(letter, argument[optind - 1], &w) != FINE)
            return USAGE;
    if (optind < count || !running)
        return usage_error("unknown argument: ", optind < count ? argument[optind] : "");
    if (w.given & BIT(HELP)) {
        fputs(help, stdout);
        return FINE;
    }
    if (w.given & BIT(LIST))
        return list_cases();
    if (check_given(w.given) != FINE)
        return USAGE;
    if (w.given & BIT(SWEEP))
        return sweep_all(w.given & BIT(DEEP), w.given & BIT(DOCS)) ? FOUND : FINE;
    return run_cases(&w);
}

int main(int count, char **argument)
{
    output_begin();
    int status = main_part(count, argument);
    return output_written("weft model") ? status : USAGE;
}
