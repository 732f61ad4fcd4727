#include "bench/options.h"
#include "bench/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

/* The notes of the implementations that have rows here: what their figures contain, what is known to be wrong. */
static void print_notes(FILE *out, const bench_rows *rows, size_t first)
{
    const char *last = "";
    for (const bench_impl **at = bench_impls; *at; at++) {
        const bench_impl *impl = *at;
        bool there = false;
        for (size_t i = first; i < rows->count; i++)
            there |= rows->row[i].family == impl->family && strcmp(rows->row[i].implementation, impl->name) == 0;
        if (!there || !impl->note || strcmp(impl->name, last) == 0)
            continue;
        last = impl->name;
        fprintf(out, "  %s: %s%s%s\n", impl->name, impl->note, impl->broken ? "; " : "", impl->broken ? impl->broken : "");
    }
}

static void print_text(FILE *out, const bench_suite *suite)
{
    double seconds = (double)suite->words_ns / 1e9;
    fprintf(out, "  %zu files, %.1f MiB. One thread alone, without locks or chunks: %.2f M words/s; all totals agree with it", suite->text->files,
            (double)suite->text->bytes / (1 << 20), seconds > 0 ? (double)suite->words_total / seconds / 1e6 : 0);
    fprintf(out, "%s.\n", suite->failed ? " but where it says WRONG" : "");
}

static void warn_if_busy(const bench_rows *rows)
{
    unsigned busy = 0, points = 0;
    for (size_t i = 0, end; i < rows->count; i = end, points++) {
        end = bench_rows_point_end(rows, i);
        busy += strcmp(rows->row[i].regime, "busy") == 0;
    }
    if (busy > 0)
        bench_say("note: other programs ran beside %u of %u tables (DISTURBED, \"regime\": \"busy\"): measure those again",
                  busy, points);
}

static void run(bench_suite *suite, FILE *tables)
{
    const bench_options *o = suite->options;
    for (unsigned f = 0; f < BENCH_FAMILIES; f++)
        if (o->families[f])
            suite->progress.total += bench_suite_count(suite, (bench_family)f);
    for (unsigned f = 0; f < BENCH_FAMILIES; f++) {
        size_t first = suite->rows.count;
        if (!o->families[f])
            continue;
        bench_suite_family(suite, (bench_family)f);
        bench_progress_clear(&suite->progress);
        if (tables && suite->rows.count > first) {
            bench_print_tables(tables, suite, first);
            fputc('\n', tables);
            print_notes(tables, &suite->rows, first);
            if (f == BENCH_WORDS)
                print_text(tables, suite);
            fflush(tables);
        }
    }
}

/* NULL, having said why: it cannot be written. */
static FILE *open_json(const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    if (!file)
        bench_say("--json expects a file that can be written, not '%s': %s", path, strerror(errno));
    return file;
}

int main(int argc, char **argv)
{
    bench_options options;
    bench_machine machine;
    bench_suite suite = {.options = &options, .huge_pages = true, .seed = 1};
    corpus text = {0};
    FILE *json = NULL;
    if (!bench_options_parse(&options, argc, argv))
        return 2;
    if (options.help || options.list) {
        options.help ? bench_options_help() : bench_options_list();
        return 0;
    }
    if (options.families[BENCH_WORDS] && !bench_suite_words_text(&options, &text))
        return 2;
    if (options.peers)
        bench_options_say_left_out();
    suite.text = &text;
    if (options.json && !(json = open_json(options.json)))
        return 2;
    if (options.pages == BENCH_PAGES_OFF)
        suite.huge_pages = prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0;
    bench_machine_read(&machine);
    bench_suite_cost(&suite);
    FILE *tables = json == stdout ? NULL : stdout;
    if (tables)
        bench_print_machine(tables, &machine, &suite);
    run(&suite, tables);
    warn_if_busy(&suite.rows);
    bool written = !json || (bench_write_json(json, &machine, &suite) && (json == stdout || fclose(json) == 0));
    if (!written)
        bench_say("error: '%s' could not be written: %s", options.json, strerror(errno));
    corpus_free(&text);
    free(suite.rows.row);
    return suite.failed || !written ? 1 : 0;
}
