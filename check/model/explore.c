/* Explores a case, shortens a failure and shows it. */
#define _GNU_SOURCE
#include "check/model/image.h"
#include "check/model/run.h"

#include <stdio.h>

uint64_t model_outcomes;

void model_outcome(unsigned outcome)
{
    m->outcomes |= (uint64_t)1 << outcome;
}

enum { TRIED = 8000 }; /* executions of each bound */

/* Looks for a failure with as few switches and stale accesses as possible: the smallest sum of both first. */
static void shorten(const model_case *c, model_result *out)
{
    for (unsigned sum = 0; sum <= 6; sum++)
        for (unsigned stale = 0; stale <= sum; stale++) {
            const model_options bounded = {
                .most = TRIED, .quiet = true, .bounded = true, .switches = sum - stale, .stale = stale};
            model_result shorter;
            m_explore(c, &bounded, &shorter);
            if (!shorter.failed)
                continue;
            snprintf(out->why, sizeof out->why, "%s", shorter.why);
            snprintf(out->schedule, sizeof out->schedule, "%s", shorter.schedule);
            return;
        }
}

static void show_failure(const model_case *c, model_result *out)
{
    model_result again;
    fprintf(stderr, "%s: %s; looking for a shorter one\n", c->name, out->why);
    shorten(c, out);
    if (!out->schedule[0])
        return;
    const model_options shown = {.quiet = true, .schedule = out->schedule};
    fprintf(stderr, "%s: %s\n", c->name, out->why);
    m->tracing = true;
    m_explore(c, &shown, &again);
    m->tracing = false;
    m->result = out;
    if (!again.failed)
        fprintf(stderr, "(the schedule %s did not fail again: a bug in the checker)\n", out->schedule);
}

void model_explore(const model_case *c, const model_options *options, model_result *out)
{
    static const model_options defaults;
    if (!m)
        m_start_machine();
    options = options ? options : &defaults;
    m->outcomes = 0;
    m_explore(c, options, out);
    if (options->schedule && !options->quiet && !out->misfit) { /* the schedule fits: show the execution */
        m->tracing = true;
        m_explore(c, options, out);
        m->tracing = false;
    }
    if (out->failed && !options->quiet && !options->schedule)
        show_failure(c, out);
    model_outcomes = m->outcomes;
}
