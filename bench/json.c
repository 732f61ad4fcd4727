/* A small emitter: one object, one row a line, so that it can be read by eye and compared by diff. */
#include "bench/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void string(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 0x20 || *c >= 0x7f)
            fprintf(out, "\\u%04x", *c);
        else
            fputc(*c, out);
    fputc('"', out);
}

/* The name of a member, with a comma before it unless it is the first. */
static void member(FILE *out, bool *first, const char *name)
{
    fprintf(out, *first ? "" : ", ");
    *first = false;
    string(out, name);
    fputs(": ", out);
}

static void text(FILE *out, bool *first, const char *name, const char *value)
{
    member(out, first, name);
    if (value && *value)
        string(out, value);
    else
        fputs("null", out);
}

static void whole(FILE *out, bool *first, const char *name, uint64_t value)
{
    member(out, first, name);
    fprintf(out, "%" PRIu64, value);
}

/* Six digits; 0 and what is no number are null where `none` says so. */
static void real(FILE *out, bool *first, const char *name, double value, bool none)
{
    member(out, first, name);
    if (!isfinite(value) || (none && value <= 0))
        fputs("null", out);
    else
        fprintf(out, "%.6g", value);
}

static void truth(FILE *out, bool *first, const char *name, bool value)
{
    member(out, first, name);
    fputs(value ? "true" : "false", out);
}

static void reals(FILE *out, bool *first, const char *name, const double *values, size_t count)
{
    member(out, first, name);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%.6g", i ? ", " : "[", values[i]);
    fputs(count ? "]" : "[]", out);
}

/* NAME_low and NAME_high: 95 of 100 resamplings. */
static void interval(FILE *out, bool *first, const char *name, const bench_interval *i, const char *suffix)
{
    char member_name[40];
    snprintf(member_name, sizeof member_name, "%s%s", name, suffix);
    real(out, first, member_name, i->median, suffix[0] == 0);
    snprintf(member_name, sizeof member_name, "%s_low", name);
    real(out, first, member_name, i->low, suffix[0] == 0);
    snprintf(member_name, sizeof member_name, "%s_high", name);
    real(out, first, member_name, i->high, suffix[0] == 0);
}

static void write_machine(FILE *out, const bench_machine *m, const bench_suite *suite)
{
    bool first = true;
    fputs("{\n\"machine\": {", out);
    whole(out, &first, "cores", m->cores);
    whole(out, &first, "cores_online", m->cores_online);
    text(out, &first, "processor", m->processor);
    text(out, &first, "compiler", m->compiler);
    text(out, &first, "flags", m->flags);
    text(out, &first, "allocator", m->allocator);
    truth(out, &first, "huge_pages", m->huge_pages);
    text(out, &first, "system_huge_pages", m->system_huge_pages);
    text(out, &first, "kernel", m->kernel);
    text(out, &first, "commit", m->commit);
    text(out, &first, "when", m->when);
    real(out, &first, "load", m->load, false);
    truth(out, &first, "membarrier", m->membarrier);
    fputs("},\n\"driver\": {", out);
    first = true;
    real(out, &first, "container_ns", suite->cost.container_ns, false);
    real(out, &first, "map_uniform_ns", suite->cost.map_uniform_ns, false);
    real(out, &first, "map_zipf_ns", suite->cost.map_zipf_ns, false);
    real(out, &first, "latency_ns", suite->cost.latency_ns, true);
    if (suite->words_ns > 0) {
        fputs("},\n\"text\": {", out);
        first = true;
        whole(out, &first, "files", suite->text->files);
        whole(out, &first, "bytes", suite->text->bytes);
        real(out, &first, "one_thread_mops", (double)suite->words_total * 1000 / (double)suite->words_ns, false);
    }
    fputs("},\n", out);
}

static void write_row(FILE *out, const bench_row *row)
{
    bool first = true;
    fputc('{', out);
    text(out, &first, "family", bench_family_names[row->family]);
    text(out, &first, "workload", row->workload);
    if (row->family == BENCH_MAP) {
        whole(out, &first, "keys", row->keys);
        text(out, &first, "distribution", row->distribution);
    }
    text(out, &first, "implementation", row->implementation);
    text(out, &first, "scheme", row->scheme);
    whole(out, &first, "threads", row->threads);
    whole(out, &first, "rounds", row->rounds);
    interval(out, &first, "mops", &row->speed, "_median");
    real(out, &first, "mops_min", row->mops_min, false);
    real(out, &first, "mops_max", row->mops_max, false);
    if (row->family == BENCH_RECLAIM)
        real(out, &first, "ns_median", row->ns_median, true);
    reals(out, &first, "mops_rounds", row->mops, row->rounds);
    whole(out, &first, "repeated_rounds", row->repeated);
    interval(out, &first, "ratio_to_mutex", &row->to_mutex, "");
    interval(out, &first, "ratio_to_best_peer", &row->to_best_peer, "");
    text(out, &first, "best_peer", row->best_peer);
    member(out, &first, "pending_peak");
    if (row->stalled)
        fprintf(out, "%" PRIu64, row->pending_peak);
    else
        fputs("null", out);
    if (row->stalled)
        whole(out, &first, "pending_end", row->pending_end);
    if (row->latency) {
        real(out, &first, "p50_ns", row->p50_ns, false);
        real(out, &first, "p90_ns", row->p90_ns, false);
        real(out, &first, "p99_ns", row->p99_ns, false);
        real(out, &first, "p999_ns", row->p999_ns, false);
        real(out, &first, "p9999_ns", row->p9999_ns, false);
        real(out, &first, "max_ns", row->max_ns, false);
    }
    if (row->family == BENCH_WORDS) {
        whole(out, &first, "words_total", row->words_total);
        whole(out, &first, "words_distinct", row->words_distinct);
    }
    truth(out, &first, "huge_pages", row->huge_pages);
    truth(out, &first, "oversubscribed", row->crowded);
    text(out, &first, "regime", row->regime);
    real(out, &first, "floor_mops", row->floor_mops, true);
    real(out, &first, "private_slowdown", row->slowdown, true);
    if (row->empty > 0)
        whole(out, &first, "false_empty", row->empty);
    text(out, &first, "fault", row->fault);
    fputc('}', out);
}

bool bench_write_json(FILE *out, const bench_machine *machine, const bench_suite *suite)
{
    write_machine(out, machine, suite);
    fputs("\"results\": [", out);
    for (size_t i = 0; i < suite->rows.count; i++) {
        fputs(i > 0 ? ",\n" : "\n", out);
        write_row(out, &suite->rows.row[i]);
    }
    fputs("\n]\n}\n", out);
    return fflush(out) == 0 && !ferror(out);
}
