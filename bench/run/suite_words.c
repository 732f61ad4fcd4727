/* The words family: the whole program, in interleaved rounds, every result compared with a count by one thread. */
#include "bench/run/suite_words.h"

#include "bench/machine/clock.h"
#include "bench/run/isolate.h"
#include "bench/run/say.h"
#include "bench/measure/team.h"
#include "bench/adapters/words/reference.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct job {
    corpus text;
    words_reference *reference;
    const bench_impl *impls[BENCH_MOST_IMPLS];
    unsigned count;
} job;

/* One run of the program. 0, or -errno. */
static int run_program(const bench_impl *impl, const job *j, bench_row *row, unsigned round, char *fault, size_t size)
{
    unsigned threads = row->threads;
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
        bench_result result = {0};
        bench_team_finish(&team);
        bench_team_join(&team);
        bench_team_count(&team, &result);
        uint64_t total = result.operations;
        row->mops[round] = result.mops;
        row->least[round] = result.least_mops;
        row->most[round] = result.most_mops;
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
    const bench_impl *impl = now->j->impls[i];
    bench_row *row = &now->rows[i];
    char fault[sizeof row->fault] = "";
    (void)look;
    suite->watch->progress.done++;
    if (row->fault[0])
        return;
    bench_progress_show(&suite->watch->progress, "words, %s, %u thread%s",
                        bench_label_of(row->implementation, row->scheme).text, row->threads,
                        row->threads > 1 ? "s" : "");
    bench_watch_begin(suite->watch, impl, 10 * suite->watch->words_ns);
    int error = run_program(impl, now->j, row, round, fault, sizeof fault);
    bench_watch_end(suite->watch);
    const char *changed = fault[0] ? corpus_changed(&now->j->text) : NULL;
    if (error != 0)
        snprintf(fault, sizeof fault, "could not be run: %s", strerror(-error));
    else if (changed)
        snprintf(fault, sizeof fault, "the text was changed while it ran: '%s'", changed);
    if (fault[0]) {
        memcpy(row->fault, fault, sizeof fault);
        bench_suite_fault(suite, row);
    }
}

static void one_number_of_threads(bench_suite *suite, const job *j, unsigned threads)
{
    bench_point point = {.family = BENCH_WORDS,
                         .workload = bench_workload_named("words", BENCH_WORDS),
                         .threads = threads,
                         .impls = j->impls,
                         .count = j->count};
    bench_row *rows = bench_suite_begin_point(suite, &point);
    if (!rows)
        return;
    for (unsigned i = 0; i < j->count; i++) {
        rows[i].words_total = words_reference_total(j->reference);
        rows[i].words_distinct = words_reference_distinct(j->reference);
    }
    bench_suite_rounds(suite, rows, j->count, one_round, &(running){j, rows});
    bench_suite_end_point(suite, &point, rows);
}

/* The text of --family words if no files are named. */
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

/* In the child. */
static void all_numbers_of_threads(bench_suite *suite, void *ctx)
{
    const bench_options *o = suite->options;
    job *j = ctx;
    const char *path;
    if (!suite->counting) {
        bench_progress_show(&suite->watch->progress, "words, counting with one thread");
        uint64_t before = bench_now_ns();
        int error = words_reference_create(&j->reference, &j->text, &path);
        if (error != 0) {
            bench_say("error: '%s' could not be counted: %s", path, strerror(-error));
            suite->watch->failed = true;
            return;
        }
        suite->watch->words_ns = bench_now_ns() - before;
        suite->watch->words_total = words_reference_total(j->reference);
    }
    for (unsigned t = 0; t < o->thread_count && j->count > 0; t++)
        one_number_of_threads(suite, j, o->threads[t]);
    words_reference_destroy(j->reference);
}

/* The files were listed when the bench began, maybe hours ago, and the default text contains the repository's files. */
static bool text_is_as_listed(bench_suite *suite)
{
    if (!corpus_changed(suite->text))
        return true;
    corpus_free(suite->text);
    return bench_suite_words_text(suite->options, suite->text);
}

void bench_suite_words(bench_suite *suite)
{
    if (!suite->counting && !text_is_as_listed(suite)) {
        suite->watch->failed = true;
        return;
    }
    job j = {.text = *suite->text};
    j.count = bench_suite_impls(suite, BENCH_WORDS, bench_workload_named("words", BENCH_WORDS), j.impls);
    if (suite->counting || bench_suite_pending(suite, all_numbers_of_threads, &j) > 0)
        bench_isolated(suite, all_numbers_of_threads, &j);
}
