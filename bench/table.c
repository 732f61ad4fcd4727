#include "bench/report.h"

#include <inttypes.h>
#include <string.h>

void bench_print_machine(FILE *out, const bench_machine *m, const bench_suite *suite)
{
    const bench_options *o = suite->options;
    fprintf(out, "%u cores of %s, %s; load %.2f; membarrier %s\n", m->cores, m->processor, m->kernel, m->load,
            m->membarrier ? "yes" : "no");
    fprintf(out, "%s, %s\n", m->compiler, m->flags);
    fprintf(out, "all programs with %s; huge pages: system %s\n", m->allocator, m->system_huge_pages);
    fprintf(out, "commit %s, %s\n", m->commit, m->when);
    fprintf(out,
            "%u rounds, interleaved in random order; median and min..max; ratios round by round, with what 95 of 100 "
            "resamplings give. Threads pinned to cores up to %u, beyond that oversubscribed.\n",
            o->rounds, m->cores);
    fprintf(out,
            "The driver's own cost, in every figure: %.1f ns per queue or stack operation, %.1f per map operation (%.1f zipf).\n",
            suite->cost.container_ns, suite->cost.map_uniform_ns, suite->cost.map_zipf_ns);
    if (o->latency)
        fprintf(out, "Reading the clock takes %.0f ns, which every single time contains.\n", suite->cost.latency_ns);
    fflush(out);
}

static void print_workload(FILE *out, const bench_row *row)
{
    fprintf(out, "\n%s %s", bench_family_names[row->family], row->workload);
    if (row->family == BENCH_MAP)
        fprintf(out, ", %" PRIu64 " keys %s, huge pages %s", row->keys, row->distribution, row->huge_pages ? "on" : "off");
    if (row->stalled)
        fprintf(out, ": %d retired while one more thread stays inside", BENCH_RETIREMENTS);
    fputc('\n', out);
}

static void print_head(FILE *out, const bench_row *row)
{
    fprintf(out, " %u thread%s%s", row->threads, row->threads > 1 ? "s" : "", row->crowded ? ", oversubscribed" : "");
    if (strcmp(row->regime, "busy") == 0)
        fprintf(out, "; DISTURBED: other programs had a part of the cores");
    else if (row->regime[0])
        fprintf(out, "; cores %s (private loops slowed %.2f times, floor of 2 threads %.0f)", row->regime, row->slowdown,
                row->floor_mops);
    if (row->repeated)
        fprintf(out, "; %u round%s measured again: the cores moved", row->repeated, row->repeated > 1 ? "s" : "");
    fputc('\n', out);
    fprintf(out, "  %-20s %9s %17s %18s %18s", "", row->family == BENCH_WORDS ? "M words/s" : "M ops/s", "min..max", "x mutex",
            "x best peer");
    if (row->family == BENCH_RECLAIM)
        fprintf(out, " %9s", "ns");
    if (row->stalled)
        fprintf(out, " %9s %9s", "pending", "at end");
    if (row->latency)
        fprintf(out, " %8s %8s %8s %8s %9s %9s", "p50 ns", "p90", "p99", "p99.9", "p99.99", "max");
    if (row->family == BENCH_WORDS)
        fprintf(out, " %11s %9s", "words", "distinct");
    fputc('\n', out);
}

/* Two digits after the point, or fewer for large numbers. */
static const char *number(char *out, size_t size, double value)
{
    snprintf(out, size, value >= 1000 ? "%.0f" : value >= 100 ? "%.1f" : "%.2f", value);
    return out;
}

static void print_ratio(FILE *out, const bench_interval *ratio)
{
    char middle[32], low[32], high[32], whole[100];
    snprintf(whole, sizeof whole, "%s %s..%s", number(middle, sizeof middle, ratio->median), number(low, sizeof low, ratio->low),
             number(high, sizeof high, ratio->high));
    fprintf(out, " %18s", ratio->median > 0 ? whole : "-");
}

/* What the interval of a ratio says in words; nothing of one to itself. */
static void print_no_difference(FILE *out, const bench_row *row)
{
    bool mutex = row->to_mutex.median > 0 && !bench_is_clear(&row->to_mutex) && strncmp(row->implementation, "mutex-", 6) != 0;
    bool peer = row->to_best_peer.median > 0 && !bench_is_clear(&row->to_best_peer) && strcmp(row->implementation, row->best_peer) != 0;
    if (mutex || peer)
        fprintf(out, "  no difference seen to %s%s%s", mutex ? "the mutex" : "", mutex && peer ? " and " : "", peer ? row->best_peer : "");
}

static void print_row(FILE *out, const bench_row *row)
{
    char name[48], a[32], b[32], range[72];
    snprintf(name, sizeof name, "%s%s%s", row->implementation, row->scheme[0] ? " " : "", row->scheme);
    snprintf(range, sizeof range, "%s..%s", number(a, sizeof a, row->mops_min), number(b, sizeof b, row->mops_max));
    fprintf(out, "  %-20s %9s %17s", name, number(a, sizeof a, row->speed.median), range);
    print_ratio(out, &row->to_mutex);
    print_ratio(out, &row->to_best_peer);
    if (row->family == BENCH_RECLAIM)
        fprintf(out, " %9s", number(a, sizeof a, row->ns_median));
    if (row->stalled)
        fprintf(out, " %9" PRIu64 " %9" PRIu64, row->pending_peak, row->pending_end);
    if (row->latency)
        fprintf(out, " %8.0f %8.0f %8.0f %8.0f %9.0f %9.0f", row->p50_ns, row->p90_ns, row->p99_ns, row->p999_ns, row->p9999_ns,
                row->max_ns);
    if (row->family == BENCH_WORDS)
        fprintf(out, " %11" PRIu64 " %9" PRIu64, row->words_total, row->words_distinct);
    print_no_difference(out, row);
    if (row->empty > 0)
        fprintf(out, "  (%" PRIu64 " times empty when it was not)", row->empty);
    if (row->fault[0])
        fprintf(out, "  WRONG: %s", row->fault);
    fputc('\n', out);
}

static bool same_workload(const bench_row *a, const bench_row *b)
{
    return a->family == b->family && strcmp(a->workload, b->workload) == 0 && a->keys == b->keys &&
           strcmp(a->distribution, b->distribution) == 0 && a->huge_pages == b->huge_pages;
}

void bench_print_tables(FILE *out, const bench_suite *suite, size_t first)
{
    const bench_rows *rows = &suite->rows;
    for (size_t i = first, end; i < rows->count; i = end) {
        end = bench_rows_point_end(rows, i);
        if (i == first || !same_workload(&rows->row[i - 1], &rows->row[i]))
            print_workload(out, &rows->row[i]);
        print_head(out, &rows->row[i]);
        for (size_t r = i; r < end; r++)
            print_row(out, &rows->row[r]);
    }
    fflush(out);
}
