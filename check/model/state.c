#define _GNU_SOURCE
#include "check/model/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

machine *m;

/* ---- the end of an execution ---- */

static void to_explorer(void)
{
    m->over = true;
    if (!m->direct) /* else this is the explorer's stack already */
        model_fiber_switch(m->thread[m->running].fiber, m->explorer);
}

const char *m_name_of(const char *file)
{
    const char *slash = file ? strrchr(file, '/') : NULL;
    return slash ? slash + 1 : file;
}

void m_fail(const char *why, const char *file, int line)
{
    if (m->result->failed || m->over)
        return;
    m->result->failed = true;
    const thread *t = &m->thread[m->running];
    if (file || t->file)
        snprintf(m->result->why, sizeof m->result->why, "%s (thread %u, %s%s:%d)", why, m->running,
                 file ? "" : "after ", m_name_of(file ? file : t->file), file ? line : t->line);
    else
        snprintf(m->result->why, sizeof m->result->why, "%s", why);
    to_explorer();
}

void model_check(bool condition, const char *what)
{
    if (!condition)
        m_fail(what, NULL, 0);
}

unsigned model_thread(void)
{
    return m->running;
}

bool model_is_alone(void)
{
    return m->direct;
}

bool model_is_shown(void)
{
    return m->tracing;
}

/* ---- steps ---- */

void m_room(int used, int room, const char *of)
{
    if (used < room)
        return;
    fprintf(stderr, "model: %s: an execution has too many %s (state.h)\n", m->c->name, of);
    abort();
}

void m_at(const char *file, int line)
{
    m->thread[m->running].file = file;
    m->thread[m->running].line = line;
}

void m_turn(op_kind kind, const void *where, bool global)
{
    thread *t = &m->thread[m->running];
    if (m->direct) {
        m_room(m->alone++, ALONE, "steps in setup or finish");
        return;
    }
    t->next.where = where;
    t->next.heavy = HEAVIES;
    t->next.calm = 0;
    t->next.kind = (uint8_t)kind;
    t->next.global = global;
    model_fiber_switch(t->fiber, m->explorer);
    t->cur.clock[m->running]++;
    m->result->steps++;
}
