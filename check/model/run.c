#define _GNU_SOURCE
#include "check/model/run.h"
#include "check/model/image.h"
#include "check/model/schedule.h"
#include "check/model/search.h"
#include "check/model/thread.h"
#include "check/model/view.h"

#include <stdio.h>
#include <string.h>

static void run_thread(unsigned who)
{
    m_be(who);
    model_fiber_switch(m->explorer, m->thread[who].fiber);
    m->running = 0;
}

/* No thread can go on: those that yielded get two more turns. False: the execution is stuck. */
static bool wake(void)
{
    bool any = false;
    for (unsigned i = 1; i <= m->c->threads; i++)
        if (m->thread[i].status == YIELDED) {
            m->thread[i].status = READY;
            any = true;
        }
    return any && m->idle_turns++ < 2;
}

static bool all_ended(void)
{
    bool all = true;
    for (unsigned i = 1; i <= m->c->threads; i++)
        all = all && m->thread[i].status == ENDED;
    return all;
}

static void after_step(unsigned who, op_kind kind)
{
    if (kind == OP_READ || kind == OP_YIELD || kind == OP_START)
        return;
    m->idle_turns = 0;
    for (unsigned i = 1; i <= m->c->threads; i++)
        if (i != who && m->thread[i].status == YIELDED)
            m->thread[i].status = READY;
}

static void schedule(void)
{
    unsigned previous = 0; /* the first step is no switch */
    while (!m->over && !all_ended()) {
        unsigned who = m_choose_thread(previous);
        if (who == 0 && m->blind)
            return;
        if (who == 0) {
            if (wake())
                continue;
            m->result->failed = true;
            snprintf(m->result->why, sizeof m->result->why, "nobody can go on");
            return;
        }
        int in_entry = m->at - 1;
        m->now = m->thread[who].next;
        run_thread(who);
        m_note_step(who, &m->now, in_entry);
        after_step(who, m->now.kind);
        previous = who;
    }
}

static void reset(void)
{
    m->generation++;
    m->locations = m->view_count = m->mutexes = m->heavies = m->steps = m->at = m->idle_turns = 0;
    m->last_other = -1;
    m->over = m->blind = false;
    m->wrote = m->read = NULL;
    m->switches = m->stale = m->passed = 0;
    m->alone = 0;
    for (unsigned t = 0; t < THREADS; t++) {
        thread *x = &m->thread[t];
        m_join(&x->cur, &m->thread[0].cur);
        m_copy(&x->released, &x->cur);
        memset(x->acquired.clock, 0, sizeof x->acquired.clock);
        memset(x->causes, 0, sizeof x->causes);
        x->status = READY;
        x->file = NULL;
        x->next = (op){.kind = OP_START};
    }
}

/*
 * Setup is the same each time and comes before all else, so it runs once, and each execution begins with the state
 * that it leaves. That state is memory and clocks, without locations, views or accesses: no thread could read older
 * stores.
 */
static void set_up(void)
{
    m_put_back(&m->first);
    m->exploration++;
    m->reducing =
        m->options->search == MODEL_ALL && !m->options->schedule && !m->options->all_orders && !m->options->bounded;
    m->direct = true;
    reset();
    if (m->c->setup)
        m->c->setup();
    m->thread[0].cur.clock[0]++;
    m_keep_image(&m->ready);
}

static void one_execution(void)
{
    if (m->result->failed) /* setup has failed */
        return;
    m_put_back(&m->ready);
    reset();
    m_begin_schedule();
    for (unsigned i = 1; i <= m->c->threads; i++)
        model_fiber_start(m->thread[i].fiber, m_thread_main, &m->thread[i]);
    m->direct = false;
    schedule();
    m->direct = true;
    if (m->over || m->blind || m->result->failed)
        return;
    m_be(0);
    for (unsigned i = 1; i <= m->c->threads; i++)
        m_join(&m->thread[0].cur, &m->thread[i].cur);
    if (m->c->finish)
        m->c->finish();
}

static bool more(model_result *out)
{
    if (m->options->progress && out->executions % 4096 == 0)
        m->options->progress(out);
    if (m->options->schedule || (m->options->most && out->executions >= m->options->most))
        return false;
    return m->options->search != MODEL_ALL || !(out->complete = !m_advance());
}

void m_explore(const model_case *c, const model_options *options, model_result *out)
{
    *out = (model_result){0};
    m->c = c;
    m->options = options;
    m->result = out;
    m->entries = m->changed = 0;
    if (!m_read_schedule())
        return;
    set_up();
    do {
        one_execution();
        m_end_schedule();
        out->executions += !m->blind;
        out->longest = out->longest < (uint64_t)m->steps ? (uint64_t)m->steps : out->longest;
    } while (!out->failed && !out->misfit && more(out));
    if (out->failed)
        m_write_schedule(out->schedule, sizeof out->schedule);
    m_put_back(&m->first);
}
