#include "bench/report/answer.h"
#include "bench/run/cost.h"
#include "bench/help.h"
#include "bench/report/json.h"
#include "bench/run/options_check.h"
#include "bench/run/plan.h"
#include "bench/run/say.h"
#include "bench/run/suite_words.h"
#include "bench/report/table.h"
#include "tools/output/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static void warn_if_busy(const bench_rows *rows)
{
    unsigned busy = 0, points = 0;
    for (size_t i = 0, end; i < rows->count; i = end, points++) {
        end = bench_rows_point_end(rows, i);
        busy += strcmp(rows->row[i].regime, "busy") == 0;
    }
    if (busy > 0)
        bench_say(
            "note: other programs ran beside %u of %u tables (DISTURBED, \"regime\": \"busy\"): measure those again",
            busy, points);
}

static void run(bench_suite *suite, FILE *tables)
{
    const bench_options *o = suite->options;
    for (unsigned f = 0; f < BENCH_FAMILIES; f++)
        if (o->families[f])
            suite->watch->progress.total += bench_suite_count(suite, (bench_family)f);
    for (unsigned f = 0; f < BENCH_FAMILIES && !bench_interrupted(); f++) {
        if (!o->families[f])
            continue;
        bench_suite_family(suite, (bench_family)f);
        bench_progress_clear(&suite->watch->progress);
        if (tables)
            bench_print_tables(tables, suite, (bench_family)f);
    }
    if (tables)
        bench_print_answers(tables, &suite->rows);
}

static bool to_standard_output(const char *json)
{
    return json && strcmp(json, "-") == 0;
}

static bool write_json(const char *json, const bench_machine *machine, const bench_suite *suite)
{
    output_file file;
    if (!json)
        return true;
    if (to_standard_output(json))
        return bench_json_write(stdout, machine, suite, bench_interrupted() != 0);
    bool opened = output_open(&file, json),
         written = opened && bench_json_write(file.stream, machine, suite, bench_interrupted() != 0);
    written = opened && output_commit(&file) && written;
    if (!written)
        bench_say("error: '%s' could not be written: %s", json, strerror(errno));
    return written;
}

/* Measures everything, or a part if it is interrupted, and writes the results. Returns the exit status. */
static int measure(bench_suite *suite, bench_machine *machine)
{
    const char *json = suite->options->json;
    FILE *tables = to_standard_output(json) ? NULL : stdout;
    bench_suite_cost(suite);
    if (tables)
        bench_print_machine(tables, machine, suite);
    bench_catch_interrupts();
    run(suite, tables);
    warn_if_busy(&suite->rows);
    bool written = write_json(json, machine, suite);
    if (bench_interrupted()) {
        if (json && tables && written)
            bench_say("interrupted: what was measured is in '%s'; the same command with --resume goes on", json);
        else
            bench_say("interrupted: with --json FILE, --resume could go on");
        return 128 + bench_interrupted();
    }
    return !written || suite->watch->failed ? 1 : 0;
}

static int main_part(int argc, char **argv)
{
    bench_options options;
    bench_machine machine;
    bench_suite suite = {.options = &options, .huge_pages = true, .seed = 1};
    corpus text = {0};
    if (!bench_options_parse(&options, argc, argv))
        return 2;
    if (options.help || options.list) {
        options.help ? bench_options_help() : bench_options_list();
        return 0;
    }
    if (!bench_options_check(&options))
        return 2;
    if (options.families[BENCH_WORDS] && !bench_suite_words_text(&options, &text))
        return 2;
    if (options.peers)
        bench_options_say_left_out();
    suite.text = &text;
    if (!(suite.watch = bench_watch_create()))
        bench_suite_out_of_memory();
    bench_topology_pin(options.pin);
    bench_machine_read(&machine, bench_pin_names[options.pin]);
    if (options.resume && !bench_json_resume(options.json, &machine, &suite))
        return 2;
    if (options.json && !to_standard_output(options.json) && !output_possible(options.json)) {
        bench_say("--json expects a file that can be written, not '%s': %s", options.json, strerror(errno));
        return 2;
    }
    if (options.pages == BENCH_PAGES_OFF)
        suite.huge_pages = prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0;
    int status = measure(&suite, &machine);
    corpus_free(&text);
    bench_rows_free(&suite.rows);
    bench_watch_destroy(suite.watch);
    return status;
}

int main(int argc, char **argv)
{
    output_begin();
    int status = main_part(argc, argv);
    return output_written("weft bench") ? status : 2;
}
