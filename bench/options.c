#include "bench/options.h"

#include "bench/rows.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 1024 };

void bench_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("weft bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

bool bench_wants_name(const bench_options *options, const char *implementation)
{
    for (unsigned i = 0; i < options->implementations.count; i++)
        if (strcmp(options->implementations.item[i], implementation) == 0)
            return true;
    return options->implementations.count == 0;
}

bool bench_wants_workload(const bench_options *options, const bench_workload *workload, bench_family family)
{
    if (!(workload->families & 1u << family))
        return false;
    for (unsigned i = 0; i < options->workloads.count; i++)
        if (strcmp(options->workloads.item[i], workload->name) == 0)
            return true;
    return options->workloads.count == 0;
}

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
    for (unsigned i = 0; i < names->count; i++) {
        uint64_t n;
        if (!parse_number(names->item[i], 1, MOST_THREADS, false, &n)) {
            bench_say("--threads expects numbers from 1 to %d, not '%s'", MOST_THREADS, names->item[i]);
            return false;
        }
        o->threads[o->thread_count++] = (unsigned)n;
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

/* ---- names; the message lists those that there are ---- */

static void append(char *list, size_t size, const char *name)
{
    size_t used = strlen(list);
    for (const char *at = list; (at = strstr(at, name)); at++) /* once each */
        if ((at == list || at[-1] == ' ') && (at[strlen(name)] == ',' || at[strlen(name)] == '\0'))
            return;
    snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
}

void bench_options_say_left_out(void)
{
    char list[2000] = "";
    for (const char **at = bench_left_out; *at; at++)
        append(list, sizeof list, *at);
    if (*list)
        bench_say("left out, their libraries were not there when this was built: %s", list);
}

static bool unknown(const char *flag, const char *name, const char *list)
{
    bench_say("%s: unknown name '%s'; expected one of: %s", flag, name, list);
    return false;
}

static bool check_families(bench_options *o, const bench_names *names)
{
    for (unsigned i = 0; i < names->count; i++) {
        char list[200] = "";
        bool found = false;
        for (unsigned f = 0; f < BENCH_FAMILIES; f++) {
            append(list, sizeof list, bench_family_names[f]);
            if (strcmp(names->item[i], bench_family_names[f]) == 0)
                o->families[f] = found = true;
        }
        if (!found)
            return unknown("--family", names->item[i], list);
    }
    return true;
}

static bool check_implementations(const bench_options *o)
{
    for (unsigned i = 0; i < o->implementations.count; i++) {
        char list[2000] = "";
        bool found = false;
        for (const bench_impl **impl = bench_impls; *impl; impl++) {
            append(list, sizeof list, (*impl)->name);
            found |= strcmp(o->implementations.item[i], (*impl)->name) == 0;
        }
        if (!found)
            return unknown("--impl", o->implementations.item[i], list);
    }
    return true;
}

static bool check_workloads(const bench_options *o)
{
    for (unsigned i = 0; i < o->workloads.count; i++) {
        char list[400] = "";
        bool found = false;
        for (const bench_workload *w = bench_workloads; w->name; w++) {
            append(list, sizeof list, w->name);
            found |= strcmp(o->workloads.item[i], w->name) == 0;
        }
        if (!found)
            return unknown("--workload", o->workloads.item[i], list);
    }
    return true;
}

/* ---- one flag ---- */

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

static bool parse_pages(bench_options *o, const char *value)
{
    if (strcmp(value, "on") == 0)
        o->pages = BENCH_PAGES_ON;
    else if (strcmp(value, "off") == 0)
        o->pages = BENCH_PAGES_OFF;
    else if (strcmp(value, "both") == 0)
        o->pages = BENCH_PAGES_BOTH;
    else
        bench_say("--huge-pages expects on, off or both, not '%s'", value);
    return strcmp(value, "on") == 0 || strcmp(value, "off") == 0 || strcmp(value, "both") == 0;
}

/* Those that take a list. 1: done, 0: not of these, -1: wrong. */
static int parse_list(bench_options *o, bench_names *families, const char *flag, const char *value)
{
    bench_names items = {0};
    bool (*parse)(bench_options *, const bench_names *) = NULL;
    if (strcmp(flag, "--impl") == 0)
        return split(flag, value, &o->implementations) ? 1 : -1;
    if (strcmp(flag, "--workload") == 0)
        return split(flag, value, &o->workloads) ? 1 : -1;
    if (strcmp(flag, "--family") == 0)
        return split(flag, value, families) ? 1 : -1;
    if (strcmp(flag, "--threads") == 0)
        parse = parse_threads;
    else if (strcmp(flag, "--keys") == 0)
        parse = parse_keys;
    else if (strcmp(flag, "--distribution") == 0)
        parse = parse_distribution;
    else
        return 0;
    bool good = split(flag, value, &items) && parse(o, &items);
    free(items.text);
    return good ? 1 : -1;
}

static bool parse_valued(bench_options *o, bench_names *families, const char *flag, const char *value)
{
    int list = parse_list(o, families, flag, value);
    if (list != 0)
        return list > 0;
    if (strcmp(flag, "--rounds") == 0)
        return parse_count(flag, value, BENCH_MOST_ROUNDS, &o->rounds);
    if (strcmp(flag, "--duration-ms") == 0)
        return parse_count(flag, value, 60000, &o->duration_ms);
    if (strcmp(flag, "--huge-pages") == 0)
        return parse_pages(o, value);
    o->json = value; /* the one that is left */
    return true;
}

static bool takes_value(const char *flag)
{
    static const char *const flags[] = {"--impl", "--workload", "--family", "--threads", "--keys",
                                        "--distribution", "--rounds", "--duration-ms", "--huge-pages", "--json"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(flag, flags[i]) == 0)
            return true;
    return false;
}

/* ---- the whole ---- */

static bool takes_part(const bench_options *o, bench_family family)
{
    bool implementation = false, workload = false;
    for (const bench_impl **impl = bench_impls; *impl; impl++)
        if ((*impl)->family == family)
            implementation |= bench_wants_name(o, (*impl)->name);
    for (const bench_workload *w = bench_workloads; w->name; w++)
        workload |= bench_wants_workload(o, w, family);
    return implementation && workload;
}

/* All libraries within four minutes. */
static void choose_few(bench_options *o)
{
    if (o->thread_count == 0)
        o->threads[o->thread_count++] = 2;
    if (o->workloads.count == 0) {
        o->workloads.item[o->workloads.count++] = "pairs";
        o->workloads.item[o->workloads.count++] = "90/5/5";
    }
}

static bool choose_families(bench_options *o, const bench_names *families)
{
    bool any = false;
    if (o->peers && o->quick)
        choose_few(o);
    if (!check_families(o, families) || !check_implementations(o) || !check_workloads(o))
        return false;
    if (o->file_count > 0 && families->count == 0)
        o->families[BENCH_WORDS] = true;
    else if (families->count == 0)
        for (unsigned f = 0; f < BENCH_FAMILIES; f++)
            o->families[f] = true;
    o->family_asked = families->count || o->file_count || o->implementations.count || o->workloads.count;
    for (unsigned f = 0; f < BENCH_FAMILIES; f++) {
        o->families[f] &= takes_part(o, (bench_family)f);
        any |= o->families[f];
    }
    if (!any)
        bench_say("nothing is left to run: expected --impl and --workload to name what is in the families chosen (--list shows all)");
    else if (o->file_count > 0 && !o->families[BENCH_WORDS])
        bench_say("unexpected argument '%s': files are for --family words", o->files[0]);
    return any && (o->file_count == 0 || o->families[BENCH_WORDS]);
}

/* A workload asked for by name must be possible with one of the numbers of threads. */
static bool check_threads(const bench_options *o)
{
    unsigned most = 0;
    for (unsigned i = 0; i < o->thread_count; i++)
        most = o->threads[i] > most ? o->threads[i] : most;
    for (const bench_workload *w = bench_workloads; w->name && o->workloads.count; w++)
        for (unsigned i = 0; i < o->workloads.count; i++)
            if (strcmp(o->workloads.item[i], w->name) == 0 && w->least > most) {
                bench_say("--workload %s expects --threads of at least %u", w->name, w->least);
                return false;
            }
    return true;
}

static void defaults(bench_options *o)
{
    static const unsigned all[] = {1, 2, 4, 8}, few[] = {1, 2, 8};
    static const uint64_t sizes[] = {1 << 10, 100 << 10, 1 << 20, 10 << 20}, two_sizes[] = {1 << 10, 1 << 20};
    if (o->thread_count == 0) {
        o->thread_count = o->quick ? 3 : 4;
        memcpy(o->threads, o->quick ? few : all, o->thread_count * sizeof *o->threads);
    }
    if (o->key_count == 0) {
        o->key_count = o->quick ? 2 : 4;
        memcpy(o->keys, o->quick ? two_sizes : sizes, o->key_count * sizeof *o->keys);
    }
    if (!o->uniform && !o->zipf) {
        o->uniform = true;
        o->zipf = !o->quick;
    }
    if (o->rounds == 0)
        o->rounds = 5;
}

bool bench_options_parse(bench_options *options, int argc, char **argv)
{
    bench_names families = {0};
    bool only_files = false, good = true;
    memset(options, 0, sizeof *options);
    options->files = calloc((size_t)argc + 1, sizeof *options->files);
    for (int i = 1; i < argc && good && options->files; i++) {
        const char *flag = argv[i];
        if (only_files || flag[0] != '-' || flag[1] == '\0') {
            options->files[options->file_count++] = argv[i];
        } else if (strcmp(flag, "--") == 0) {
            only_files = true;
        } else if (strcmp(flag, "--help") == 0 || strcmp(flag, "-h") == 0) {
            options->help = true;
            return true;
        } else if (strcmp(flag, "--list") == 0) {
            options->list = true;
        } else if (strcmp(flag, "--quick") == 0) {
            options->quick = true;
        } else if (strcmp(flag, "--peers") == 0) {
            options->peers = true;
        } else if (strcmp(flag, "--latency") == 0) {
            options->latency = true;
        } else if (!takes_value(flag)) {
            bench_say("unknown flag '%s'; expected one of those that --help lists", flag);
            good = false;
        } else if (i + 1 == argc) {
            bench_say("%s expects a value after it", flag);
            good = false;
        } else {
            good = parse_valued(options, &families, flag, argv[++i]);
        }
    }
    if (good && options->files && !options->list) {
        good = choose_families(options, &families);
        defaults(options);
        good = good && check_threads(options);
    }
    free(families.text);
    return good && options->files;
}
