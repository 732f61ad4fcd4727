#include "bench/run/options.h"

#include "bench/run/say.h"

#include "bench/result/rows.h"

#include "bench/machine/topology.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 1024, MOST_WORK_NS = 1000000 };

/* ---- values ---- */

/* A whole number from `least` to `most`; with `binary`, Ki and Mi may follow. */
static bool parse_number(const char *text, uint64_t least, uint64_t most, bool binary, uint64_t *out)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (binary && strcmp(end, "Ki") == 0 && number < UINT64_C(1) << 40)
        number *= 1024, end += 2;
    else if (binary && strcmp(end, "Mi") == 0 && number < UINT64_C(1) << 40)
        number *= 1024 * 1024, end += 2;
    *out = number;
    return errno == 0 && *end == '\0' && number >= least && number <= most;
}

static bool split(const char *flag, const char *text, bench_names *out)
{
    free(out->text);
    *out = (bench_names){.text = strdup(text)};
    char *rest = out->text;
    for (char *item; rest && (item = strsep(&rest, ","));) {
        if (*item == '\0' || out->count == BENCH_MOST) {
            bench_say("%s expects a comma list of at most %d items, not '%s'", flag, BENCH_MOST, text);
            return false;
        }
        out->item[out->count++] = item;
    }
    return out->text != NULL;
}

static bool parse_threads(bench_options *o, const bench_names *names)
{
    o->thread_count = 0;
    o->threads_asked = true;
    if ((o->threads_auto = names->count == 1 && strcmp(names->item[0], "auto") == 0))
        return true;
    for (unsigned i = 0; i < names->count; i++) {
        uint64_t n;
        if (!parse_number(names->item[i], 1, MOST_THREADS, false, &n)) {
            bench_say("--threads expects auto or numbers from 1 to %d, not '%s'", MOST_THREADS, names->item[i]);
            return false;
        }
        o->threads[o->thread_count++] = (unsigned)n;
    }
    return true;
}

static bool parse_work(bench_options *o, const bench_names *names)
{
    o->work_count = 0;
    for (unsigned i = 0; i < names->count; i++) {
        uint64_t ns;
        if (!parse_number(names->item[i], 0, MOST_WORK_NS, false, &ns)) {
            bench_say("--work expects nanoseconds, from 0 to %d, not '%s'", MOST_WORK_NS, names->item[i]);
            return false;
        }
        o->work_ns[o->work_count++] = (unsigned)ns;
    }
    return true;
}

static bool parse_keys(bench_options *o, const bench_names *names)
{
    o->key_count = 0;
    o->keys_asked = true;
    for (unsigned i = 0; i < names->count; i++)
        if (!parse_number(names->item[i], 1, UINT64_C(1) << 30, true, &o->keys[o->key_count++])) {
            bench_say("--keys expects numbers from 1 to 1073741824 (Ki and Mi may follow), not '%s'", names->item[i]);
            return false;
        }
    return true;
}

static bool parse_distribution(bench_options *o, const bench_names *names)
{
    o->uniform = o->zipf = false;
    for (unsigned i = 0; i < names->count; i++) {
        o->uniform |= strcmp(names->item[i], "uniform") == 0;
        o->zipf |= strcmp(names->item[i], "zipf") == 0;
        if (strcmp(names->item[i], "uniform") != 0 && strcmp(names->item[i], "zipf") != 0) {
            bench_say("--distribution expects uniform or zipf, not '%s'", names->item[i]);
            return false;
        }
    }
    return true;
}

/* ---- flags ---- */

static bool parse_list(bench_options *o, const char *flag, const char *value,
                       bool (*parse)(bench_options *, const bench_names *))
{
    bench_names items = {0};
    bool good = split(flag, value, &items) && parse(o, &items);
    free(items.text);
    return good;
}

static bool threads(bench_options *o, const char *flag, const char *value)
{
    return parse_list(o, flag, value, parse_threads);
}

static bool work_times(bench_options *o, const char *flag, const char *value)
{
    return parse_list(o, flag, value, parse_work);
}

static bool keys(bench_options *o, const char *flag, const char *value)
{
    return parse_list(o, flag, value, parse_keys);
}

static bool distribution(bench_options *o, const char *flag, const char *value)
{
    return parse_list(o, flag, value, parse_distribution);
}

static bool families(bench_options *o, const char *flag, const char *value)
{
    return split(flag, value, &o->family_names);
}

static bool implementations(bench_options *o, const char *flag, const char *value)
{
    return split(flag, value, &o->implementations);
}

static bool workloads(bench_options *o, const char *flag, const char *value)
{
    return split(flag, value, &o->workloads);
}

static bool parse_count(const char *flag, const char *value, unsigned most, unsigned *out)
{
    uint64_t n;
    if (!parse_number(value, 1, most, false, &n)) {
        bench_say("%s expects a number from 1 to %u, not '%s'", flag, most, value);
        return false;
    }
    *out = (unsigned)n;
    return true;
}

static bool rounds(bench_options *o, const char *flag, const char *value)
{
    return parse_count(flag, value, BENCH_MOST_ROUNDS, &o->rounds);
}

static bool duration(bench_options *o, const char *flag, const char *value)
{
    return parse_count(flag, value, 60000, &o->duration_ms);
}

static bool rate(bench_options *o, const char *flag, const char *value)
{
    char *end;
    o->rate = strtod(value, &end);
    if (value[0] >= '0' && value[0] <= '9' && *end == '\0' && o->rate >= 0.001 && o->rate <= 1000)
        return true;
    bench_say("%s expects millions of operations per second, from 0.001 to 1000, not '%s'", flag, value);
    return false;
}

/* One of three names; *out is its index. */
static bool choose(const char *flag, const char *value, const char *const names[3], unsigned *out)
{
    for (*out = 0; *out < 3; ++*out)
        if (strcmp(value, names[*out]) == 0)
            return true;
    bench_say("%s expects %s, %s or %s, not '%s'", flag, names[0], names[1], names[2], value);
    return false;
}

static bool pages(bench_options *o, const char *flag, const char *value)
{
    static const char *const names[] = {"both", "on", "off"};
    unsigned chosen;
    o->pages_asked = choose(flag, value, names, &chosen);
    o->pages = (bench_pages)chosen;
    return o->pages_asked;
}

static bool pin(bench_options *o, const char *flag, const char *value)
{
    unsigned chosen;
    bool good = choose(flag, value, bench_pin_names, &chosen);
    o->pin = (bench_pin)chosen;
    return good;
}

static bool json(bench_options *o, const char *flag, const char *value)
{
    (void)flag;
    o->json = value;
    return true;
}

static const struct flag {
    const char *name;
    bool (*parse)(bench_options *options, const char *flag, const char *value); /* NULL: a switch */
    size_t at;
} flags[] = {
    {"--list", NULL, offsetof(bench_options, list)},
    {"--quick", NULL, offsetof(bench_options, quick)},
    {"--peers", NULL, offsetof(bench_options, peers)},
    {"--latency", NULL, offsetof(bench_options, latency)},
    {"--memory", NULL, offsetof(bench_options, memory)},
    {"--resume", NULL, offsetof(bench_options, resume)},
    {"--family", families, 0},
    {"--impl", implementations, 0},
    {"--workload", workloads, 0},
    {"--threads", threads, 0},
    {"--work", work_times, 0},
    {"--keys", keys, 0},
    {"--distribution", distribution, 0},
    {"--rounds", rounds, 0},
    {"--duration-ms", duration, 0},
    {"--rate", rate, 0},
    {"--huge-pages", pages, 0},
    {"--pin", pin, 0},
    {"--json", json, 0},
};

static const struct flag *flag_named(const char *name)
{
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(flags[i].name, name) == 0)
            return &flags[i];
    return NULL;
}

/* Parses the flag at argv[*i], and moves *i beyond its value. */
static bool parse_flag(bench_options *o, int argc, char **argv, int *i)
{
    const struct flag *flag = flag_named(argv[*i]);
    if (!flag) {
        bench_say("unknown flag '%s'; expected one of those that --help lists", argv[*i]);
        return false;
    }
    if (flag->parse && *i + 1 == argc) {
        bench_say("%s expects a value after it", flag->name);
        return false;
    }
    if (flag->parse != json &&
        strcmp(flag->name, "--resume") != 0) /* the rest is the same for an interrupted run and its --resume */
        for (int n = 0; n <= (flag->parse != NULL); n++)
            o->arguments[o->argument_count++] = argv[*i + n];
    if (!flag->parse)
        return *(bool *)((char *)o + flag->at) = true;
    return flag->parse(o, flag->name, argv[++*i]);
}

bool bench_options_parse(bench_options *options, int argc, char **argv)
{
    bool only_files = false, good = true;
    memset(options, 0, sizeof *options);
    options->files = calloc((size_t)argc + 1, sizeof *options->files);
    options->arguments = calloc((size_t)argc + 1, sizeof *options->arguments);
    for (int i = 1; i < argc && good && options->files && options->arguments; i++) {
        if (only_files || argv[i][0] != '-' || argv[i][1] == '\0') {
            options->files[options->file_count++] = argv[i];
            options->arguments[options->argument_count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            only_files = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            options->help = true;
            return true;
        } else {
            good = parse_flag(options, argc, argv, &i);
        }
    }
    return good && options->files && options->arguments;
}
