/* ./weft model: the cases of kernels.c, one by one or all; and every named order, weakened. */
#define _GNU_SOURCE
#include "tests/model/kernels.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FINE = 0, FOUND = 1, USAGE = 2, SWEPT = 70000 };

static const char help[] =
    "usage: ./weft model [options]\n"
    "\n"
    "Runs Weft's real kernels on a machine that explores every interleaving, and every value that a weak memory may show\n"
    "(docs/verification.md says which), and checks each execution: data races, uses after free, lost or doubled values,\n"
    "answers that no order explains. A failure is shown step by step.\n"
    "\n"
    "  --case TEXT   only cases whose name contains TEXT (default: those that end within seconds; --list names all)\n"
    "  --most N      at most N executions of each (default: all)\n"
    "  --sweep       weakens each named memory order in turn, and says which case notices; minutes\n"
    "  --list        names the cases, with the executions that they take, as far as known\n"
    "  --help        this text\n"
    "\n"
    "Exit status: 0 nothing found, 1 a failure (with --sweep: an order that nothing notices), 2 wrong use.\n";

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

static int list_cases(void)
{
    for (size_t i = 0; i < kernel_case_count; i++)
        printf("%-28s %llu\n", kernel_cases[i].name, (unsigned long long)kernel_cases[i].executions);
    return fflush(stdout) != 0;
}

static int run_cases(const char *wanted, uint64_t most)
{
    size_t run = 0, failed = 0;
    for (size_t i = 0; i < kernel_case_count; i++) {
        const kernel_case *c = &kernel_cases[i];
        const model_options options = {.most = most};
        model_result result;
        if (wanted ? !strstr(c->name, wanted) : !c->executions && !most)
            continue;
        double began = now();
        kernel_run(c, &options, &result);
        printf("%-28s %10llu executions%s  %6.1f s  %s\n", c->name, (unsigned long long)result.executions,
               result.complete ? ", all" : "", now() - began, result.failed ? result.why : "fine");
        fflush(stdout);
        run++;
        failed += result.failed;
    }
    return !run ? usage_error("no case's name contains ", wanted) : failed ? FOUND : FINE;
}

/* Runs the small cases until one fails. NULL: none does. */
static const kernel_case *who_notices(model_result *result)
{
    const model_options options = {.most = SWEPT, .quiet = true};
    for (size_t i = 0; i < kernel_case_count; i++) {
        if (!kernel_cases[i].executions)
            continue;
        kernel_run(&kernel_cases[i], &options, result);
        if (result->failed)
            return &kernel_cases[i];
    }
    return NULL;
}

static int sweep(void)
{
    model_result result;
    size_t noticed = 0;
    for (size_t i = 0; i < kernel_order_count; i++) {
        bool strong = kernel_orders[i].order == MODEL_SEQ_CST;
        kernel_order_set(i, strong ? MODEL_ACQ_REL : MODEL_RELAXED);
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\r%zu of %zu: %s\033[K", i + 1, kernel_order_count, kernel_orders[i].name);
        const kernel_case *by = who_notices(&result);
        kernel_orders_reset();
        if (isatty(STDERR_FILENO))
            fputs("\r\033[K", stderr);
        printf("%-14s %-8s %-28s %s\n", kernel_orders[i].name, strong ? "acq_rel" : "relaxed", by ? by->name : "nothing notices",
               by ? result.why : "");
        fflush(stdout);
        noticed += by != NULL;
    }
    printf("%zu of %zu weakened orders are noticed\n", noticed, kernel_order_count);
    return noticed == kernel_order_count ? FINE : FOUND;
}

int main(int count, char **argument)
{
    static const struct option options[] = {{"case", required_argument, NULL, 'c'}, {"most", required_argument, NULL, 'm'},
                                            {"sweep", no_argument, NULL, 's'},      {"list", no_argument, NULL, 'l'},
                                            {"help", no_argument, NULL, 'h'},       {0}};
    const char *wanted = NULL;
    unsigned long long most = 0;
    int letter, used = 0;
    bool sweeps = false;
    opterr = 0;
    while ((letter = getopt_long(count, argument, "h", options, NULL)) != -1) {
        if (letter == 'h')
            return fputs(help, stdout) < 0;
        if (letter == 'l')
            return list_cases();
        sweeps |= letter == 's';
        wanted = letter == 'c' ? optarg : wanted;
        if (letter == 'm' && (sscanf(optarg, "%llu%n", &most, &used) != 1 || optarg[used] || optarg[0] == '-' || most == 0))
            return usage_error("--most expects a whole number above 0, not ", optarg);
        if (letter == '?')
            return usage_error("unknown argument or missing value: ", argument[optind - 1]);
    }
    if (optind < count)
        return usage_error("unknown argument: ", argument[optind]);
    return sweeps ? sweep() : run_cases(wanted, most);
}
