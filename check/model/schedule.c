#define _GNU_SOURCE
#include "check/model/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- chance ---- */

static uint64_t draw(uint64_t below)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return (m->random >> 11) % below;
}

static uint64_t seed_of(uint64_t seed, uint64_t execution)
{
    uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15u + execution * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 30) * 0x94d049bb133111ebu;
    return x ^ x >> 31 ? x ^ x >> 31 : 1;
}

/* PCT: each thread gets a priority. At depth - 1 steps, chosen at random, the first thread becomes the last. */
void m_begin_schedule(void)
{
    unsigned threads = m->c->threads;
    m->random = seed_of(m->options->seed, m->result->executions);
    if (m->options->search != MODEL_PCT)
        return;
    for (unsigned t = 1; t <= threads; t++) {
        unsigned other = 1 + (unsigned)draw(t);
        m->priority[t] = m->priority[other];
        m->priority[other] = (int)t;
    }
    for (unsigned i = 0; i + 1 < m->options->depth; i++)
        m->change[i] = (unsigned)draw(m->result->longest > 64 ? m->result->longest : 64);
}

static unsigned first_by_priority(unsigned enabled)
{
    unsigned best = 0;
    for (unsigned t = 1; t <= m->c->threads; t++)
        if (enabled >> t & 1 && (!best || m->priority[t] > m->priority[best]))
            best = t;
    return best;
}

static void put_last(unsigned which)
{
    int least = m->priority[which];
    for (unsigned t = 1; t <= m->c->threads; t++)
        least = m->priority[t] < least ? m->priority[t] : least;
    m->priority[which] = least - 1;
}

/* A thread that waits becomes the last, too: otherwise the thread that it waits for would never run. */
static unsigned by_priority(unsigned enabled)
{
    for (unsigned i = 0; i + 1 < m->options->depth; i++)
        if (m->change[i] == (unsigned)m->steps)
            put_last(first_by_priority(enabled));
    unsigned first = first_by_priority(enabled);
    if (m->thread[first].next.kind == OP_YIELD)
        put_last(first);
    return first;
}

static unsigned by_chance(unsigned enabled)
{
    for (uint64_t left = draw((uint64_t)__builtin_popcount(enabled)); left > 0; left--)
        enabled &= enabled - 1;
    return (unsigned)__builtin_ctz(enabled);
}

/* ---- schedules as text ---- */

typedef struct given {
    int step, value;
    char kind; /* t or s */
} given;

static const char *read_digits(const char *at, int *out)
{
    size_t count = strspn(at, "0123456789");
    *out = atoi(at);
    return count > 0 && count < 8 ? at + count : NULL;
}

/* Reads one entry. Returns where the next begins; NULL: this is no entry. */
static const char *read_given(const char *at, given *out)
{
    const char *kind = read_digits(at, &out->step);
    if (!kind || (*kind != 't' && *kind != 's'))
        return NULL;
    out->kind = *kind;
    const char *end = read_digits(kind + 1, &out->value);
    if (!end || (*end && *end != ','))
        return NULL;
    return *end ? end + 1 : end;
}

/* An execution must use each entry at its step, so the first one that it did not use is wrong. */
static void does_not_fit(const char *from)
{
    m->result->misfit = true;
    m->result->failed = false;
    snprintf(m->result->why, sizeof m->result->why, "%.*s", (int)strcspn(from, ","), from);
    m->over = true;
}

bool m_read_schedule(void)
{
    given last = {-1, 0, 's'}, next = last;
    for (const char *at = m->left = m->options->schedule; at;) {
        const char *end = read_given(at, &next);
        bool later = next.step > last.step || (next.step == last.step && last.kind == 't' && next.kind == 's');
        if (!end || !later) {
            does_not_fit(at);
            return false;
        }
        last = next;
        at = end[-1] == ',' ? end : NULL;
    }
    return true;
}

void m_end_schedule(void)
{
    bool in_setup = m->result->failed && m->steps == 0;
    if (m->left && *m->left && !in_setup && !m->result->misfit)
        does_not_fit(m->left);
}

/* What the schedule says of this step; `said` is then the entry. -1: nothing. */
static int take_given(char kind, const char **said)
{
    given next;
    const char *end = m->left && *m->left ? read_given(m->left, &next) : NULL;
    if (!end || next.step != m->steps || next.kind != kind)
        return -1;
    *said = m->left;
    m->left = end;
    return next.value;
}

unsigned m_scheduled_thread(unsigned enabled)
{
    const char *said = NULL;
    if (m->options->search == MODEL_PCT)
        return by_priority(enabled);
    if (m->options->search == MODEL_RANDOM)
        return by_chance(enabled);
    int wanted = take_given('t', &said);
    if (wanted < 0)
        return m->usual;
    if (wanted >= THREADS || !(enabled >> wanted & 1)) {
        does_not_fit(said);
        return m->usual;
    }
    return (unsigned)wanted;
}

/* At random, half of the choices take the last store. Under PCT, which is about switches, most do. */
int m_scheduled_value(const int *option, int count, int last)
{
    const char *said = NULL;
    if (m->options->search != MODEL_ALL)
        return count > 1 && draw(m->options->search == MODEL_PCT ? 8 : 2) == 0 ? option[draw((uint64_t)count)]
                                                                               : option[0];
    int wanted = take_given('s', &said);
    if (wanted < 0)
        return option[0];
    for (int i = 0; i < count; i++)
        if (last - option[i] == wanted)
            return option[i];
    does_not_fit(said);
    return option[0];
}

void m_write_schedule(char *out, size_t size)
{
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < m->steps; i++) {
        const step *s = &m->step[i];
        if (s->thread != s->usual && used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%dt%d", used ? "," : "", i, s->thread);
        if (s->passed && used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%ds%d", used ? "," : "", i, s->passed);
    }
    if (used >= size)
        out[0] = 0; /* too long */
    else if (used == 0)
        snprintf(out, size, "0t1");
}
