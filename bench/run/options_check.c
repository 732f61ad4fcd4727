#include "bench/run/options_check.h"

#include "bench/run/say.h"
#include "bench/machine/topology.h"

#include <stdio.h>
#include <string.h>

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

bool bench_wants_work(const bench_workload *workload, unsigned work_ns)
{
    return work_ns == 0 || bench_workload_works(workload);
}

bool bench_round_trip_possible(void)
{
    return bench_cores() > 1;
}

/* ---- names; a message about a wrong one lists those that exist ---- */

static void append(char *list, size_t size, const char *name)
{
    size_t used = strlen(list);
    for (const char *at = list; (at = strstr(at, name)); at++) /* each name once */
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

static bool check_families(bench_options *o)
{
    const bench_names *names = &o->family_names;
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

/* ---- consistency ---- */

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

static bool wants_threads(const bench_options *o, unsigned threads)
{
    for (unsigned i = 0; i < o->thread_count; i++)
        if (o->threads[i] == threads)
            return true;
    return o->threads_auto; /* 1, 2 and so on */
}

/* Few points, so that all libraries are measured within four minutes. */
static void choose_few(bench_options *o)
{
    if (o->thread_count == 0)
        o->threads[o->thread_count++] = 2;
    if (o->workloads.count == 0) {
        o->workloads.item[o->workloads.count++] = "pairs";
        o->workloads.item[o->workloads.count++] = "90/5/5";
        if (o->latency && wants_threads(o, 2) && bench_round_trip_possible())
            o->workloads.item[o->workloads.count++] = "round-trip";
    }
}

static bool choose_families(bench_options *o)
{
    const bench_names *families = &o->family_names;
    bool any = false;
    if (o->peers && o->quick)
        choose_few(o);
    if (!check_families(o) || !check_implementations(o) || !check_workloads(o))
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
        bench_say(
            "nothing is left to run: expected --impl and --workload to name what is in the families chosen (--list shows all)");
    else if (o->file_count > 0 && !o->families[BENCH_WORDS])
        bench_say("unexpected argument '%s': files are for --family words", o->files[0]);
    return any && (o->file_count == 0 || o->families[BENCH_WORDS]);
}

static bool is_chosen(const bench_options *o, const bench_workload *w)
{
    for (unsigned f = 0; f < BENCH_FAMILIES; f++)
        if (o->families[f] && (w->families & 1u << f))
            return true;
    return false;
}

/* A workload that was named must be possible with one of the numbers of threads, in one of the families. */
static bool check_threads(const bench_options *o, const bench_workload *w)
{
    for (const bench_workload *same = bench_workloads; same->name; same++)
        for (unsigned i = 0; i < o->thread_count; i++)
            if (strcmp(same->name, w->name) == 0 && is_chosen(o, same) && bench_workload_fits(same, o->threads[i]))
                return true;
    bench_say("--workload %s expects --threads of %s%u", w->name, w->most ? "" : "at least ", w->least);
    return false;
}

/* A workload or family that was named must be possible with one of the amounts of work. */
static bool check_work(const bench_options *o, const char *flag, const char *name, bool works)
{
    for (unsigned i = 0; i < o->work_count; i++)
        if (works || o->work_ns[i] == 0)
            return true;
    bench_say(
        "%s %s expects --work to have 0 in its list: it has no work between operations, as queues, stacks and maps do",
        flag, name);
    return false;
}

static bool check_workload(const bench_options *o, const bench_workload *w)
{
    if (w->kind == BENCH_ROUND_TRIP && !bench_round_trip_possible()) {
        bench_say(
            "--workload %s expects two processors, and there is one: two threads that take turns on it tell nothing of a queue",
            w->name);
        return false;
    }
    return check_threads(o, w) && check_work(o, "--workload", w->name, bench_workload_works(w));
}

static bool check_named(const bench_options *o)
{
    for (const bench_workload *w = bench_workloads; w->name; w++)
        for (unsigned i = 0; i < o->workloads.count; i++)
            if (strcmp(o->workloads.item[i], w->name) == 0 && is_chosen(o, w) && !check_workload(o, w))
                return false;
    for (unsigned f = 0; f < BENCH_FAMILIES; f++)
        for (unsigned i = 0; i < o->family_names.count; i++)
            if (strcmp(o->family_names.item[i], bench_family_names[f]) == 0 &&
                !check_work(o, "--family", bench_family_names[f], f != BENCH_RECLAIM && f != BENCH_WORDS))
                return false;
    return true;
}

/* Families that nobody named stay out where all of the work that was asked for is none of theirs. */
static bool choose_by_work(bench_options *o)
{
    bool any = false;
    for (unsigned f = 0; f < BENCH_FAMILIES; f++) {
        bool wanted = false;
        for (const bench_workload *w = bench_workloads; w->name; w++)
            for (unsigned i = 0; i < o->work_count; i++)
                wanted |= bench_wants_workload(o, w, (bench_family)f) && bench_wants_work(w, o->work_ns[i]);
        o->families[f] &= wanted;
        any |= o->families[f];
    }
    if (!any)
        bench_say(
            "nothing is left to run: expected --work to have 0 in its list, or queues, stacks or maps to be chosen");
    return any;
}

/* Says which latency workload this machine does not allow. */
static void say_what_is_left_out(const bench_options *o)
{
    if (o->latency && is_chosen(o, bench_workload_named("round-trip", BENCH_QUEUE)) && o->workloads.count == 0 &&
        !bench_round_trip_possible())
        bench_say("note: round-trip is left out: it needs two processors, and there is one");
}

/* 1, 2, 4 and so on up to twice the processors; all of them, and all cores of which they are threads, are among those. */
static void automatic_threads(bench_options *o)
{
    unsigned cores = bench_topology_cores(), processors = bench_cores();
    o->thread_count = 0;
    for (unsigned n = 1; n <= 2 * processors && o->thread_count < BENCH_MOST; n++)
        if ((n & (n - 1)) == 0 || n == cores || n == processors || n == 2 * processors)
            o->threads[o->thread_count++] = n;
}

static void defaults(bench_options *o)
{
    static const unsigned all[] = {1, 2, 4, 8}, few[] = {1, 2, 8};
    static const uint64_t sizes[] = {1 << 10, 100 << 10, 1 << 20, 10 << 20}, two_sizes[] = {1 << 10, 1 << 20};
    if (o->threads_auto)
        automatic_threads(o);
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
    if (o->work_count == 0)
        o->work_ns[o->work_count++] = 0;
    if (o->rounds == 0)
        o->rounds = 5;
    if (!o->pages_asked)
        o->pages = o->peers ? BENCH_PAGES_ON : BENCH_PAGES_BOTH;
}

static bool check_pairs(const bench_options *o)
{
    if (o->rate > 0 && !o->latency)
        bench_say("--rate expects --latency, whose operations are due at that rate");
    else if (o->resume && (!o->json || strcmp(o->json, "-") == 0))
        bench_say("--resume expects --json FILE, as the run that was interrupted wrote it");
    else
        return true;
    return false;
}

bool bench_options_check(bench_options *options)
{
    if (!check_pairs(options) || !choose_families(options))
        return false;
    defaults(options);
    if (!check_named(options) || !choose_by_work(options))
        return false;
    say_what_is_left_out(options);
    return true;
}
