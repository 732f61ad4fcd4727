/* The words family: the whole program, in interleaved rounds, every result compared with a count by one thread. */
#include "bench/suite.h"

#include "bench/clock.h"
#include "bench/team.h"
#include "bench/words/reference.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct job {
    corpus text;
    words_reference *reference;
    const bench_impl *impls[BENCH_MOST_IMPLS];
    unsigned count;
} job;

/* One run of the program; M words per second. 0, or -errno. */
static int run_program(const bench_impl *impl, const job *j, unsigned threads, double *mops, char *fault, size_t size)
{
    bench_setup setup = {.threads = threads};
    bench_team team;
    void *object;
    int error = bench_team_create(&team, threads);
    if (error != 0)
        return error;
    if ((error = impl->create(&object, &setup)) != 0) {
        bench_team_destroy(&team);
        return error;
    }
    words_program_read(object, &j->text);
    for (unsigned i = 0; i < threads; i++) {
        team.control.workers[i].impl = impl;
        team.control.workers[i].object = object;
    }
    if ((error = bench_team_start(&team)) == 0) {
        uint64_t total = 0;
        bench_team_finish(&team);
        bench_team_join(&team);
        for (unsigned i = 0; i < threads; i++)
            total += team.control.workers[i].counts.operations;
        uint64_t ns = team.stopped_ns - team.started_ns;
        *mops = (double)total * 1000 / (double)(ns ? ns : 1);
        error = words_program_error(object);
        if (error == 0)
            words_reference_check(j->reference, object, total, fault, size);
    }
    impl->destroy(object);
    bench_team_destroy(&team);
    return error;
}

typedef struct running {
    const job *j;
    bench_row *rows;
} running;

static void one_round(bench_suite *suite, void *ctx, unsigned i, unsigned round, bench_look *look)
{
    const running *now = ctx;
    bench_row *row = &now->rows[i];
    char fault[sizeof row->fault] = "";
    (void)look;
    bench_progress_show(&suite->progress, "words, %s%s%s, %u thread%s", row->implementation, row->scheme[0] ? " " : "", row->scheme,
                        row->threads, row->threads > 1 ? "s" : "");
    int error = run_program(now->j->impls[i], now->j, row->threads, &row->mops[round], fault, sizeof fault);
    suite->progress.done++;
    if (error != 0)
        snprintf(fault, sizeof fault, "could not be run: %s", strerror(-error));
    if (fault[0] && !row->fault[0]) {
        memcpy(row->fault, fault, sizeof fault);
        bench_suite_fault(suite, row);
    }
}

static void one_number_of_threads(bench_suite *suite, const job *j, unsigned threads)
{
    bench_row *rows = calloc(j->count, sizeof *rows);
    size_t first = suite->rows.count;
    bench_point point = {.family = BENCH_WORDS, .workload = bench_workload_named("words", BENCH_WORDS), .threads = threads};
    if (!rows)
        bench_suite_out_of_memory();
    for (unsigned i = 0; i < j->count; i++) {
        bench_suite_name_row(suite, &point, j->impls[i], &rows[i]);
        rows[i].words_total = words_reference_total(j->reference);
        rows[i].words_distinct = words_reference_distinct(j->reference);
    }
    bench_suite_rounds(suite, rows, j->count, one_round, &(running){j, rows});
    for (unsigned i = 0; i < j->count; i++) {
        bench_suite_finish_row(suite, NULL, &rows[i]);
        if (!bench_rows_add(&suite->rows, &rows[i]))
            bench_suite_out_of_memory();
    }
    bench_rows_ratios(&suite->rows, first);
    free(rows);
}

/* What --family words counts when no files are named. */
static void default_text(corpus *text)
{
    const char *repository = getenv("WEFT_ROOT");
    if (repository)
        corpus_add_tree(text, repository);
    corpus_add_tree(text, "/usr/share/common-licenses");
    corpus_add_tree(text, "/usr/share/doc");
}

bool bench_suite_words_text(const bench_options *options, corpus *text)
{
    for (int i = 0; i < options->file_count; i++) {
        int error = corpus_add(text, options->files[i]);
        if (error != 0) {
            bench_say("expected a text file that can be read, not '%s': %s", options->files[i], strerror(-error));
            return false;
        }
    }
    if (options->file_count == 0)
        default_text(text);
    return true;
}

void bench_suite_words(bench_suite *suite)
{
    const bench_options *o = suite->options;
    job j = {.text = *suite->text};
    const char *path;
    j.count = bench_suite_impls(suite, BENCH_WORDS, bench_workload_named("words", BENCH_WORDS), j.impls);
    if (suite->counting) {
        suite->progress.total += j.count * o->thread_count * o->rounds;
        return;
    }
    bench_progress_show(&suite->progress, "words, counting with one thread");
    uint64_t before = bench_now_ns();
    int error = words_reference_create(&j.reference, &j.text, &path);
    if (error != 0) {
        bench_say("error: '%s' could not be counted: %s", path, strerror(-error));
        suite->failed = true;
        return;
    }
    suite->words_ns = bench_now_ns() - before;
    suite->words_total = words_reference_total(j.reference);
    for (unsigned t = 0; t < o->thread_count && j.count > 0; t++)
        one_number_of_threads(suite, &j, o->threads[t]);
    words_reference_destroy(j.reference);
}
