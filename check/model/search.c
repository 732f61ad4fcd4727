#define _GNU_SOURCE
#include "check/model/search.h"
#include "check/model/lock.h"
#include "check/model/schedule.h"

#include <string.h>

static entry *next_entry(void)
{
    m_room(m->entries, ENTRIES, "choices");
    return &m->entry[m->entries++];
}

static bool is_other(void)
{
    return m->options->search != MODEL_ALL || m->options->schedule;
}

int m_choose(const int *option, int count, int last)
{
    int chosen;
    if (m->direct)
        return option[0];
    if (is_other()) {
        chosen = m_scheduled_value(option, count, last);
    } else {
        if (count <= 1 || (m->options->bounded && m->stale >= m->options->stale))
            return option[0];
        if (m->at == m->entries)
            *next_entry() = (entry){.options = (uint16_t)count};
        chosen = option[m->entry[m->at++].chosen];
    }
    m->passed = (unsigned)(last - chosen);
    m->stale += m->passed > 0;
    return chosen;
}

static bool is_lock(const op *o)
{
    return o->kind == OP_LOCK || o->kind == OP_TAKE;
}

static bool depend(const op *a, const op *b)
{
    if (a->kind == OP_HEAVY || b->kind == OP_HEAVY)
        return !(a->calm && b->heavy + 1 >= a->calm) && !(b->calm && a->heavy + 1 >= b->calm);
    if (a->kind == OP_YIELD || b->kind == OP_YIELD) /* a yield sees all stores */
        return a->kind == OP_WRITE || b->kind == OP_WRITE || is_lock(a) || is_lock(b);
    if (is_lock(a) || is_lock(b))
        return is_lock(a) && is_lock(b) && a->where == b->where;
    if (a->kind == OP_FENCE || b->kind == OP_FENCE)
        return a->global && b->global; /* two seq_cst accesses to different locations do not depend */
    return a->where && a->where == b->where && (a->kind == OP_WRITE || b->kind == OP_WRITE);
}

static bool before(int i, const step *s)
{
    return (uint32_t)i < s->causes[m->step[i].thread];
}

/*
 * Take the sequence of the steps after i that do not depend on i, followed by `now`. Returns the threads whose first
 * step there depends on no earlier one: each could begin the sequence before step i (source sets: P. Abdulla et al.,
 * POPL 2014). With sleep sets, adding only the thread of `now` would lose traces.
 */
static unsigned initials(int i, const step *now)
{
    unsigned seen = 0, first = 0;
    int kept[STEPS], count = 0;
    for (int j = i + 1; j <= m->steps; j++) {
        const step *s = j < m->steps ? &m->step[j] : now;
        if (j < m->steps ? before(i, s) : false)
            continue;
        bool needs = false;
        for (int k = 0; k < count && !needs; k++)
            needs = before(kept[k], s) && m->step[kept[k]].thread != s->thread;
        if (!(seen >> s->thread & 1) && !needs)
            first |= 1u << s->thread;
        seen |= 1u << s->thread;
        kept[count++] = j;
    }
    return first;
}

/* The search must also try step i and `now` in the other order. */
static void want(int i, const step *now)
{
    entry *e = &m->entry[m->step[i].entry];
    unsigned begin = initials(i, now) & e->enabled;
    if (!begin)
        e->wanted |= e->enabled;
    else if (!(begin & e->wanted))
        e->wanted |= (uint8_t)(begin & -begin);
}

/* A thread that waits for a lock races with the step that took it, not with the unlock. */
static int taking_of(int unlock)
{
    const step *u = &m->step[unlock];
    for (int k = unlock - 1; k >= 0; k--)
        if (m->step[k].thread == u->thread && is_lock(&m->step[k].op) && m->step[k].op.where == u->op.where)
            return k;
    return unlock;
}

static void add_past(uint32_t *to, const uint32_t *from)
{
    for (unsigned t = 0; t < THREADS; t++)
        to[t] = to[t] > from[t] ? to[t] : from[t];
}

/* Walks over earlier steps, the last first. For an access: only those at its location, and those that are no access. */
typedef struct walk {
    int here, others;
    bool all;
} walk;

static bool is_access(const op *o)
{
    return o->kind == OP_READ || o->kind == OP_WRITE;
}

static int next_before(walk *w)
{
    if (w->all)
        return w->here--;
    int i = w->here > w->others ? w->here : w->others;
    if (i >= 0)
        *(w->here > w->others ? &w->here : &w->others) = m->step[i].previous;
    return i;
}

/* The last step on the list that this step belongs to: its location's, or that of the steps that are no accesses. */
static int *last_like(const op *o)
{
    return is_access(o) ? &m->location[m->here].last : &m->last_other;
}

/* All steps before the returned one happen before every further step of this thread. */
static int least_cause(unsigned who)
{
    uint32_t least = UINT32_MAX;
    for (unsigned u = 1; u <= m->c->threads; u++)
        if (u != who && m->thread[who].causes[u] < least)
            least = m->thread[who].causes[u];
    return (int)(least > STEPS ? STEPS : least);
}

/* Finds the earlier steps that this one races with: it depends on them, but not through a step between. */
static void find_races(unsigned who, step *now)
{
    thread *t = &m->thread[who];
    int raced[STEPS], races = 0, least = least_cause(who);
    bool access = is_access(&now->op);
    walk w = {access ? now->previous : m->steps - 1, m->last_other, !access};
    for (int i; (i = next_before(&w)) >= least;) {
        const step *s = &m->step[i];
        if (s->thread == who || (uint32_t)i < t->causes[s->thread] || !depend(&s->op, &now->op))
            continue;
        bool left = now->op.kind == OP_TAKE && s->op.kind == OP_LOCK;
        raced[races++] = left ? taking_of(i) : i;
        add_past(t->causes, s->causes);
    }
    memcpy(now->causes, t->causes, sizeof now->causes);
    for (int i = 0; i < races; i++)
        want(raced[i], now);
    t->causes[who] = now->causes[who] = (uint32_t)m->steps + 1;
}

/* True: the execution before began with the same choices, so this step and its races are known. */
static bool is_again(void)
{
    return m->reducing && m->at <= m->changed;
}

void m_note_step(unsigned who, const op *o, int in_entry)
{
    m_room(m->steps, STEPS, "steps");
    step *now = &m->step[m->steps];
    int *last = last_like(o);
    if (is_again()) {
        memcpy(m->thread[who].causes, now->causes, sizeof now->causes);
    } else {
        now->op = *o;
        now->thread = (uint8_t)who;
        now->usual = (uint8_t)m->usual;
        now->passed = (uint16_t)m->passed;
        now->entry = in_entry;
        now->previous = *last;
        if (m->reducing)
            find_races(who, now);
    }
    *last = m->steps++;
    if (m->wrote)
        memcpy(m->wrote->past, now->causes, sizeof m->wrote->past);
    if (m->read)
        add_past(m->read->readers, now->causes);
    m->wrote = m->read = NULL;
}

/*
 * A step that passes over later stores could mostly have been made before them: another order of steps shows that, so
 * this one need not. It must be shown if a later store is in the past of the thread, or of the store that is read, or,
 * for a write, of any store before it in modification order or of its readers. (If none of these depends on the later
 * store, they and the step all move before it. No other steps change their order, and one pair fewer is passed over.)
 */
bool m_is_due(const location *l, int at, bool writes)
{
    uint32_t past[THREADS];
    if (at == l->count - 1 || !m->reducing)
        return true;
    memcpy(past, m->thread[m->running].causes, sizeof past);
    for (int i = writes ? 0 : at; i <= at; i++) {
        add_past(past, l->store[i].past);
        if (writes)
            add_past(past, l->store[i].readers);
    }
    for (int i = at + 1; i < l->count; i++)
        if (l->store[i].thread != 0 && l->store[i].step >= past[l->store[i].thread])
            return false;
    return true;
}

static unsigned enabled_threads(void)
{
    unsigned enabled = 0;
    for (unsigned i = 1; i <= m->c->threads; i++) {
        const thread *t = &m->thread[i];
        bool blocked = t->next.kind == OP_TAKE && m_mutex_at(t->next.where)->holder >= 0;
        if (t->status == READY && !blocked)
            enabled |= 1u << i;
    }
    return enabled;
}

static unsigned first_of(unsigned set)
{
    return (unsigned)__builtin_ctz(set);
}

/* The threads that sleep now: they slept or were done before the last step, and do not depend on it. */
static unsigned still_sleeping(void)
{
    unsigned sleeping = 0;
    if (m->steps == 0)
        return 0;
    const step *last = &m->step[m->steps - 1];
    const entry *e = &m->entry[last->entry];
    for (unsigned i = 1; i <= m->c->threads; i++)
        if (((e->sleeping | e->done) >> i & 1) && i != last->thread && !depend(&m->thread[i].next, &last->op))
            sleeping |= 1u << i;
    return sleeping;
}

unsigned m_choose_thread(unsigned previous)
{
    unsigned enabled = enabled_threads(), chosen;
    bool goes_on = enabled >> previous & 1;
    m->passed = 0;
    if (!enabled)
        return 0;
    m->usual = goes_on ? previous : first_of(enabled);
    if (is_other())
        return m_scheduled_thread(enabled);
    if (m->at == m->entries) {
        bool stays = m->options->bounded && goes_on && m->switches >= m->options->switches;
        unsigned sleeping = m->reducing ? still_sleeping() : 0, awake = enabled & ~sleeping;
        if (!awake) {
            m->blind = true;
            return 0;
        }
        unsigned first = awake >> m->usual & 1 ? m->usual : first_of(awake);
        *next_entry() = (entry){.is_thread = true,
                                .chosen = (uint16_t)first,
                                .enabled = (uint8_t)enabled,
                                .wanted = (uint8_t)(m->reducing || stays ? 1u << first : enabled),
                                .sleeping = (uint8_t)sleeping};
    }
    chosen = m->entry[m->at++].chosen;
    m->switches += goes_on && chosen != previous;
    return chosen;
}

bool m_advance(void)
{
    while (m->entries > 0) {
        m->changed = m->entries - 1;
        entry *e = &m->entry[m->changed];
        if (!e->is_thread) {
            if (e->chosen + 1 < e->options) {
                e->chosen++;
                return true;
            }
        } else {
            e->done |= (uint8_t)(1u << e->chosen);
            unsigned left = e->wanted & ~e->done & ~e->sleeping;
            if (left) {
                e->chosen = (uint16_t)first_of(left);
                return true;
            }
        }
        m->entries--;
    }
    return false;
}
