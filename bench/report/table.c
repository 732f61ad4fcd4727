#include "bench/report/table.h"

#include <inttypes.h>
#include <string.h>

/* Of --work: its calibration, and the time per operation with it of the implementation that does nothing. */
static void print_work(FILE *out, const bench_suite *suite)
{
    const bench_options *o = suite->options;
    const char *between = "";
    fprintf(
        out,
        "Work after each operation, in registers alone: %.3g multiplications and additions take a nanosecond; with it the driver's cost is ",
        suite->cost.work_turns_per_ns);
    for (unsigned i = 0; i < o->work_count; i++)
        if (o->work_ns[i] > 0) {
            fprintf(out, "%s%.1f ns at %u", between, suite->cost.work_ns[i], o->work_ns[i]);
            between = ", ";
        }
    fputs(" per queue or stack operation.\n", out);
}

void bench_print_machine(FILE *out, const bench_machine *m, const bench_suite *suite)
{
    const bench_options *o = suite->options;
    fprintf(out, "%s of %s, %s; load %.2f; membarrier %s\n", m->topology, m->processor, m->kernel, m->load,
            m->membarrier ? "yes" : "no");
    fprintf(out, "%s, %s\n", m->compiler, m->flags);
    fprintf(out, "all programs with %s; huge pages: system %s\n", m->allocator, m->system_huge_pages);
    fprintf(out, "commit %s, %s\n", m->commit, m->when);
    fprintf(out,
            "%u rounds, interleaved in random order; median and min..max; ratios round by round, with what 95 of 100 "
            "resamplings give. Up to %u threads pinned (%s), beyond that oversubscribed.\n",
            o->rounds, m->cores, m->pin);
    fprintf(
        out,
        "The driver's own cost, in every figure: %.1f ns per queue or stack operation, %.1f per map operation (%.1f zipf).\n",
        suite->cost.container_ns, suite->cost.map_uniform_ns, suite->cost.map_zipf_ns);
    if (suite->cost.work_turns_per_ns > 0)
        print_work(out, suite);
    if (suite->cost.latency_ns > 0)
        fprintf(out, "Reading the clock takes %.0f ns, which every single time contains.\n", suite->cost.latency_ns);
    fputs(
        "near, far: cores that share a physical one, or do not; floor: two counters and nothing else; DISTURBED: other programs ran;\n"
        "oversubscribed: more threads than processors. These, false empty, role and limits: bench/README.md, \"The words\".\n",
        out);
    fflush(out);
}

static void print_workload(FILE *out, const bench_row *row)
{
    static const char *const what[BENCH_WHATS] = {"", ", latency", ", memory"};
    fprintf(out, "\n%s %s%s", bench_family_names[row->family], row->workload, what[row->what]);
    if (row->family == BENCH_MAP)
        fprintf(out, ", %" PRIu64 " keys %s, huge pages %s", row->keys, row->distribution,
                row->huge_pages ? "on" : "off");
    if (row->stalled)
        fprintf(out, ": %d retired while one more thread stays inside", BENCH_RETIREMENTS);
    if (row->what == BENCH_MEMORY && row->family != BENCH_RECLAIM)
        fprintf(out, ": %" PRIu64 " elements at rest; then %u threads", row->elements, row->threads);
    fputc('\n', out);
}

static void print_head(FILE *out, const bench_row *row)
{
    fprintf(out, " %u thread%s%s", row->threads, row->threads > 1 ? "s" : "", row->crowded ? ", oversubscribed" : "");
    if (row->work_ns)
        fprintf(out, ", %u ns of work after each operation", row->work_ns);
    if (row->what == BENCH_LATENCY)
        fprintf(out,
                row->open ? ", due at %.3g M operations per second in all" : ", each when the one before has ended",
                row->rate);
    if (row->group)
        fprintf(out, "; group %u of those that do not fit into memory at once", row->group);
    if (strcmp(row->regime, "busy") == 0)
        fprintf(out, "; DISTURBED: other programs had a part of the cores");
    else if (row->regime[0])
        fprintf(out,
                "; cores %s (a line there and back %.0f ns, private loops slowed %.2f times, floor of 2 threads %.0f)",
                row->regime, row->round_trip_ns, row->slowdown, row->floor_mops);
    if (row->repeated)
        fprintf(out, "; %u round%s measured again: the cores moved", row->repeated, row->repeated > 1 ? "s" : "");
    fputc('\n', out);
}

static bool is_round_trip(const bench_row *row)
{
    return bench_workload_named(row->workload, row->family)->kind == BENCH_ROUND_TRIP;
}

static void print_columns(FILE *out, const bench_row *row)
{
    if (row->what == BENCH_LATENCY) {
        fprintf(out, "  %-22s %8s %8s %9s %9s %10s %10s %9s\n", "", "p50 ns", "p90", "p99", "p99.9", "p99.99", "max",
                is_round_trip(row) ? "M trips/s" : "M ops/s");
        return;
    }
    if (row->what == BENCH_MEMORY) {
        fprintf(out, "  %-22s", "");
        if (row->family != BENCH_RECLAIM)
            fprintf(out, " %9s %9s %12s", "B/element", "resident", "KiB emptied");
        fprintf(out, " %12s %12s %12s", row->family == BENCH_RECLAIM ? "KiB stalled" : "KiB load", "KiB left",
                "KiB resident");
        fprintf(out, row->family == BENCH_RECLAIM ? " %9s %9s\n" : "\n", "pending", "at end");
        return;
    }
    fprintf(out, "  %-22s %9s %17s %18s %18s", "", row->family == BENCH_WORDS ? "M words/s" : "M ops/s", "min..max",
            "x mutex", "x best peer");
    if (row->family == BENCH_RECLAIM)
        fprintf(out, " %9s", "ns");
    if (row->stalled)
        fprintf(out, " %9s %9s", "pending", "at end");
    if (row->threads > 1 && !row->stalled)
        fprintf(out, " %15s", "a thread's");
    if (row->family == BENCH_WORDS)
        fprintf(out, " %11s %9s", "words", "distinct");
    fputc('\n', out);
}

/* Two digits after the decimal point, fewer for large numbers. */
static const char *number(char *out, size_t size, double value)
{
    snprintf(out, size, value >= 1000 ? "%.0f" : value >= 100 ? "%.1f" : "%.2f", value);
    return out;
}

static void print_ratio(FILE *out, const bench_interval *ratio)
{
    char middle[32], low[32], high[32], whole[100];
    snprintf(whole, sizeof whole, "%s %s..%s", number(middle, sizeof middle, ratio->median),
             number(low, sizeof low, ratio->low), number(high, sizeof high, ratio->high));
    fprintf(out, " %18s", ratio->median > 0 ? whole : "-");
}

/* Says for which ratios no difference was seen; says nothing of a ratio to itself. */
static void print_no_difference(FILE *out, const bench_row *row)
{
    bool mutex =
        row->to_mutex.median > 0 && !bench_is_clear(&row->to_mutex) && strncmp(row->implementation, "mutex-", 6) != 0;
    bool peer = row->to_best_peer.median > 0 && !bench_is_clear(&row->to_best_peer) &&
                strcmp(row->implementation, row->best_peer) != 0;
    if (mutex || peer)
        fprintf(out, "  no difference seen to %s%s%s", mutex ? "the mutex" : "", mutex && peer ? " and " : "",
                peer ? row->best_peer : "");
}

static void print_latency(FILE *out, const bench_row *row)
{
    char a[32];
    fprintf(out, " %8.0f %8.0f %9.0f %9.0f %10.0f %10.0f %9s", row->p50_ns, row->p90_ns, row->p99_ns, row->p999_ns,
            row->p9999_ns, row->max_ns, number(a, sizeof a, row->speed.median));
    if (row->open && row->speed.median < row->rate * 0.95)
        fprintf(out, "  fell behind");
}

static void print_memory(FILE *out, const bench_row *row)
{
    if (row->family != BENCH_RECLAIM)
        fprintf(out, " %9.1f %9.1f %12" PRIu64, row->bytes_per_element, row->rss_per_element, row->bytes_emptied >> 10);
    fprintf(out, " %12" PRIu64 " %12" PRIu64 " %12" PRIu64, row->bytes_peak >> 10, row->bytes_left >> 10,
            row->rss_peak >> 10);
    if (row->family == BENCH_RECLAIM)
        fprintf(out, " %9" PRIu64 " %9" PRIu64, row->pending_peak, row->pending_end);
}

static void print_speed(FILE *out, const bench_row *row)
{
    char a[32], b[32], range[72];
    snprintf(range, sizeof range, "%s..%s", number(a, sizeof a, row->mops_min), number(b, sizeof b, row->mops_max));
    fprintf(out, " %9s %17s", number(a, sizeof a, row->speed.median), range);
    print_ratio(out, &row->to_mutex);
    print_ratio(out, &row->to_best_peer);
    if (row->family == BENCH_RECLAIM)
        fprintf(out, " %9s", number(a, sizeof a, row->ns_median));
    if (row->stalled)
        fprintf(out, " %9" PRIu64 " %9" PRIu64, row->pending_peak, row->pending_end);
    if (row->threads > 1 && !row->stalled) {
        snprintf(range, sizeof range, "%s..%s", number(a, sizeof a, row->thread_least),
                 number(b, sizeof b, row->thread_most));
        fprintf(out, " %15s", range);
    }
    if (row->family == BENCH_WORDS)
        fprintf(out, " %11" PRIu64 " %9" PRIu64, row->words_total, row->words_distinct);
    print_no_difference(out, row);
    if (row->empty > 0)
        fprintf(out, "  (%" PRIu64 " times empty when it was not: compared with nothing)", row->empty);
}

static void print_row(FILE *out, const bench_row *row)
{
    static void (*const print[BENCH_WHATS])(FILE *, const bench_row *) = {print_speed, print_latency, print_memory};
    fprintf(out, "  %-22s", bench_label_of(row->implementation, row->scheme).text);
    if (row->fault[0])
        fprintf(out, " WRONG, and not counted: %s", row->fault);
    else
        print[row->what](out, row);
    fputc('\n', out);
}

static bool same_workload(const bench_row *a, const bench_row *b)
{
    return strcmp(a->workload, b->workload) == 0 && a->keys == b->keys &&
           strcmp(a->distribution, b->distribution) == 0 && a->huge_pages == b->huge_pages;
}

static void print_all(FILE *out, const bench_rows *rows, bench_family family, bench_what what)
{
    const bench_row *last = NULL;
    for (size_t i = 0, end; i < rows->count; i = end) {
        const bench_row *row = &rows->row[i];
        end = bench_rows_point_end(rows, i);
        if (row->family != family || row->what != what)
            continue;
        if (!last || !same_workload(last, row))
            print_workload(out, row);
        if (what != BENCH_MEMORY)
            print_head(out, row);
        print_columns(out, row);
        for (size_t r = i; r < end; r++)
            print_row(out, &rows->row[r]);
        last = row;
    }
}

void bench_print_note(FILE *out, const bench_impl *impl)
{
    const char *const parts[] = {impl->limits, impl->note, impl->broken}, *between = "";
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i]) {
            fprintf(out, "%s%s", between, parts[i]);
            between = "; ";
        }
    fputc('\n', out);
}

/* The notes of the implementations that have rows. */
static void print_notes(FILE *out, const bench_rows *rows, bench_family family)
{
    const char *last = "";
    for (const bench_impl **at = bench_impls; *at; at++) {
        const bench_impl *impl = *at;
        if (impl->family != family || !impl->note || strcmp(impl->name, last) == 0 || !bench_rows_have(rows, impl))
            continue;
        last = impl->name;
        fprintf(out, "  %s: ", impl->name);
        bench_print_note(out, impl);
    }
}

static void print_probes(FILE *out, const bench_suite *suite, bench_family family)
{
    for (unsigned i = 0; i < suite->probe_count; i++) {
        const bench_probe *p = &suite->probes[i];
        if (p->family == family && p->look.round_trip_ns > 0)
            fprintf(
                out,
                "  cores %s it: %s (a line there and back %.0f ns, private loops slowed %.2f times, floor of 2 threads %.0f)\n",
                p->when, p->regime, p->look.round_trip_ns, p->look.slowdown, p->look.floor_mops);
    }
}

static void print_text(FILE *out, const bench_suite *suite)
{
    double seconds = (double)suite->watch->words_ns / 1e9;
    fprintf(
        out,
        "  %zu files, %.1f MiB. One thread alone, without locks or chunks: %.2f M words/s; all totals agree with it%s.\n",
        suite->text->files, (double)suite->text->bytes / (1 << 20),
        seconds > 0 ? (double)suite->watch->words_total / seconds / 1e6 : 0,
        suite->watch->failed ? " but where it says WRONG" : "");
}

void bench_print_tables(FILE *out, const bench_suite *suite, bench_family family)
{
    for (unsigned what = 0; what < BENCH_WHATS; what++)
        print_all(out, &suite->rows, family, (bench_what)what);
    fputc('\n', out);
    print_probes(out, suite, family);
    print_notes(out, &suite->rows, family);
    if (family == BENCH_WORDS)
        print_text(out, suite);
    fflush(out);
}
