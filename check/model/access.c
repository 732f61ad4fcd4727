/* Atomic accesses and fences: which stores a load may read, where a store may go, which view each hands over. */
#define _GNU_SOURCE
#include "check/model/memory.h"
#include "check/model/search.h"
#include "check/model/show.h"
#include "check/model/view.h"

#include <string.h>

/* ---- locations ---- */

static uint64_t get(const void *where, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, where, size);
    return value;
}

static size_t slot_of(const void *where)
{
    size_t i = ((uintptr_t)where >> 2) * 0x9e3779b97f4a7c15u >> 52;
    while (m->slot[i].generation == m->generation && m->slot[i].address != where)
        i = (i + 1) % SLOTS;
    return i;
}

static int add_location(size_t slot, const void *where, size_t size)
{
    int index = m->locations++;
    location *l = &m->location[index];
    m_room(index, LOCATIONS, "locations");
    m->slot[slot].address = where;
    m->slot[slot].generation = m->generation;
    m->slot[slot].index = index;
    l->address = where;
    l->mask = size == 8 ? ~(uint64_t)0 : ((uint64_t)1 << (8 * size)) - 1;
    l->last = -1;
    l->count = 1;
    l->store[0] = (message){.value = get(where, size), .place = GAP};
    m->global.at[index] = 0;
    for (unsigned t = 0; t < THREADS; t++)
        m->thread[t].cur.at[index] = m->thread[t].acquired.at[index] = m->thread[t].released.at[index] = 0;
    return index;
}

static int locate(const void *where, size_t size)
{
    size_t i = slot_of(where);
    m->here = m->slot[i].generation == m->generation ? m->slot[i].index : add_location(i, where, size);
    return m->here;
}

static int first_visible(const location *l, int index, bool seq_cst)
{
    uint16_t least = m->thread[m->running].cur.at[index];
    if (seq_cst && m->global.at[index] > least)
        least = m->global.at[index];
    int first = l->count - 1;
    while (first > 0 && l->store[first - 1].place >= least)
        first--;
    return first;
}

static void after_read(message *s, int index, int order)
{
    thread *t = &m->thread[m->running];
    m->read = s;
    if (t->cur.at[index] < s->place)
        t->cur.at[index] = s->place;
    if (!s->released)
        return;
    if (order == MODEL_RELAXED || order == MODEL_RELEASE)
        m_join(&t->acquired, s->released);
    else
        m_join(&t->cur, s->released);
}

/* Puts a store behind the one at `behind`. */
static message *insert(location *l, int behind, uint64_t value)
{
    m_room(l->count, MESSAGES, "stores to one location");
    value &= l->mask;
    uint16_t before = l->store[behind].place;
    unsigned place = behind + 1 < l->count ? (before + l->store[behind + 1].place) / 2u : before + (unsigned)GAP;
    m_room(place <= before || place > UINT16_MAX, 1, "stores between two");
    memmove(&l->store[behind + 2], &l->store[behind + 1], (size_t)(l->count - behind - 1) * sizeof l->store[0]);
    l->count++;
    uint8_t writer = (uint8_t)m->running;
    l->store[behind + 1] = (message){.value = value,
                                     .place = (uint16_t)place,
                                     .thread = writer,
                                     .step = (uint16_t)m->steps,
                                     .file = m->thread[writer].file,
                                     .line = m->thread[writer].line};
    return &l->store[behind + 1];
}

static void after_write(message *s, int index, int order, view *sequence)
{
    thread *t = &m->thread[m->running];
    t->cur.at[index] = s->place;
    bool releases = order >= MODEL_RELEASE;
    view *handed = m_keep(releases ? &t->cur : &t->released);
    handed->at[index] = s->place;
    if (sequence)
        m_join(handed, sequence); /* the writer has read that store, so it knows no fewer locations */
    s->released = handed;
    m->wrote = s;
}

static bool is_seq_cst(int order)
{
    return order == MODEL_SEQ_CST;
}

/* A seq_cst access also moves the global view. */
static void note_global(int index, uint16_t place)
{
    if (m->global.at[index] < place)
        m->global.at[index] = place;
}

/* True: a thread with this view can read only the last store, and its view does not grow by reading it. */
static bool is_calm(const location *l, int index, const view *v)
{
    const message *last = &l->store[l->count - 1];
    return (l->count == 1 || m_place(v, index) >= last->place) && (!last->released || m_knows(v, last->released));
}

/*
 * Most loads give the same result before and after another thread's heavy fence. Such a load does not depend on the
 * fence. Views only grow, so a load that is calm before one fence is calm before all later ones.
 */
static uint16_t calm_since(const location *l, int index, unsigned who)
{
    int since = m->heavies;
    if (!m->reducing || !is_calm(l, index, &m->thread[who].cur))
        return 0;
    while (since > 0 && is_calm(l, index, m->heavy[since - 1].before[who]))
        since--;
    return (uint16_t)(since + 1);
}

static void note_heavy(void)
{
    if (!m->reducing)
        return;
    m_room(m->heavies, HEAVIES, "heavy fences");
    for (unsigned i = 0; i < THREADS; i++)
        m->heavy[m->heavies].before[i] = m_keep(&m->thread[i].cur);
    m->now.heavy = (uint16_t)m->heavies++;
    for (unsigned i = 1; i <= m->c->threads; i++) {
        op *next = &m->thread[i].next;
        bool load = i != m->running && next->kind == OP_READ && !next->global;
        size_t slot = slot_of(next->where);
        bool known = load && m->slot[slot].generation == m->generation;
        next->calm = known ? calm_since(&m->location[m->slot[slot].index], m->slot[slot].index, i) : load;
    }
}

/*
 * Chooses the store that a load reads, or behind which a write goes. No write may part a read-modify-write from the
 * store that it has read.
 */
static int choose_store(const location *l, int first, bool writes)
{
    int option[MESSAGES], count = 0;
    for (int i = l->count - 1; i >= first; i--)
        if (!(writes && l->store[i].taken) && m_is_due(l, i, writes))
            option[count++] = i;
    return m_choose(option, count, l->count - 1);
}

uint64_t model_load(const void *where, size_t size, int order, const char *file, int line)
{
    if (m_is_figure(where))
        return get(where, size);
    m_turn(OP_READ, where, is_seq_cst(order));
    m_touch(where, size, ATOMIC_READ, file, line);
    if (m->direct)
        return get(where, size);
    int index = locate(where, size);
    location *l = &m->location[index];
    int from = choose_store(l, first_visible(l, index, is_seq_cst(order)), false);
    m->now.calm = is_seq_cst(order) ? 0 : calm_since(l, index, m->running);
    after_read(&l->store[from], index, order);
    m_trace("reads", where, l->store[from].value, order, &l->store[from]);
    return l->store[from].value;
}

static void put(void *where, size_t size, const location *l)
{
    memcpy(where, &l->store[l->count - 1].value, size);
}

void model_store(void *where, size_t size, uint64_t value, int order, const char *file, int line)
{
    bool figure = m_is_figure(where);
    if (!figure) {
        m_turn(OP_WRITE, where, is_seq_cst(order));
        m_touch(where, size, ATOMIC_WRITE, file, line);
    }
    if (figure || m->direct) {
        memcpy(where, &value, size);
        return;
    }
    int index = locate(where, size);
    location *l = &m->location[index];
    message *s = insert(l, choose_store(l, first_visible(l, index, is_seq_cst(order)), true), value);
    after_write(s, index, order, NULL);
    if (is_seq_cst(order))
        note_global(index, s->place);
    put(where, size, l);
    m_trace("writes", where, value, order, NULL);
}

static message *modify(location *l, int index, int from, uint64_t value, int order)
{
    view *sequence = l->store[from].released;
    after_read(&l->store[from], index, order);
    l->store[from].taken = true;
    message *s = insert(l, from, value);
    after_write(s, index, order, sequence);
    if (is_seq_cst(order))
        note_global(index, s->place);
    return s;
}

static uint64_t changed(model_rmw_kind kind, uint64_t old, uint64_t operand)
{
    return kind == MODEL_ADD ? old + operand : kind == MODEL_OR ? old | operand : operand;
}

uint64_t model_rmw(void *where, size_t size, model_rmw_kind kind, uint64_t operand, int order, const char *file,
                   int line)
{
    bool figure = m_is_figure(where);
    if (!figure) {
        m_turn(OP_WRITE, where, is_seq_cst(order));
        m_touch(where, size, ATOMIC_WRITE, file, line);
    }
    if (figure || m->direct) {
        uint64_t was = get(where, size), now = changed(kind, was, operand);
        memcpy(where, &now, size);
        return was;
    }
    int index = locate(where, size);
    location *l = &m->location[index];
    int from = choose_store(l, first_visible(l, index, is_seq_cst(order)), true);
    uint64_t old = l->store[from].value, value = changed(kind, old, operand);
    m_trace("changes", where, value, order, &l->store[from]);
    modify(l, index, from, value, order);
    put(where, size, l);
    return old;
}

static bool cas_alone(void *where, size_t size, uint64_t *expected, uint64_t desired)
{
    uint64_t seen = get(where, size);
    bool same = memcmp(&seen, expected, size) == 0;
    if (same)
        memcpy(where, &desired, size);
    else
        *expected = seen;
    return same;
}

bool model_cas(void *where, size_t size, uint64_t *expected, uint64_t desired, int success, int failure,
               const char *file, int line)
{
    m_turn(OP_WRITE, where, is_seq_cst(success) || is_seq_cst(failure));
    m_touch(where, size, ATOMIC_WRITE, file, line);
    if (m->direct)
        return cas_alone(where, size, expected, desired);
    int index = locate(where, size), free[MESSAGES], count = 0;
    location *l = &m->location[index];
    *expected &= l->mask;
    int first = first_visible(l, index, false), sure = first_visible(l, index, is_seq_cst(success));
    int sure_failed = first_visible(l, index, is_seq_cst(failure));
    for (int i = l->count - 1; i >= first; i--) {
        bool same = l->store[i].value == *expected;
        if ((same ? !l->store[i].taken && i >= sure : i >= sure_failed) && m_is_due(l, i, same))
            free[count++] = i;
    }
    if (count == 0) { /* impossible: the last store is never taken */
        m_fail("no store to read", file, line);
        return false;
    }
    int from = m_choose(free, count, l->count - 1);
    bool same = l->store[from].value == *expected;
    if (same) {
        m_trace("swaps in", where, desired, success, &l->store[from]);
        modify(l, index, from, desired, success);
        put(where, size, l);
    } else {
        m->now.kind = OP_READ;
        after_read(&l->store[from], index, failure);
        *expected = l->store[from].value;
        m_trace("does not swap", where, *expected, failure, &l->store[from]);
    }
    return same;
}

/* ---- fences, waiting ---- */

static void fence(thread *t, int order)
{
    if (order != MODEL_RELEASE)
        m_join(&t->cur, &t->acquired);
    if (order == MODEL_SEQ_CST) {
        m_join_places(&t->cur, &m->global);
        m_join_places(&m->global, &t->cur);
    }
    if (order != MODEL_ACQUIRE)
        m_copy(&t->released, &t->cur);
}

void model_fence(int order, const char *file, int line)
{
    if (order == MODEL_RELAXED || m->direct) /* relaxed: a seeded bug has removed the fence */
        return;
    m_turn(OP_FENCE, NULL, is_seq_cst(order));
    m_at(file, line);
    fence(&m->thread[m->running], order);
    m_trace("fence", NULL, 0, order, NULL);
}

/* A seq_cst fence between the caller and each other thread, but not between two others. */
static void heavy_fence(void)
{
    static view before;
    if (m->direct)
        return;
    m_turn(OP_HEAVY, NULL, true);
    note_heavy();
    if (m->c->broken_membarrier)
        return;
    thread *self = &m->thread[m->running];
    fence(self, MODEL_SEQ_CST);
    m_copy(&before, &self->cur);
    for (unsigned i = 0; i < THREADS; i++) {
        thread *t = &m->thread[i];
        if (t == self)
            continue;
        m_join(&t->cur, &t->acquired);
        m_join_places(&t->cur, &before);
        m_copy(&t->released, &t->cur);
        m_join_places(&self->cur, &t->cur);
    }
    m_copy(&self->released, &self->cur);
    m_trace("membarrier", NULL, 0, MODEL_SEQ_CST, NULL);
}

bool model_has_membarrier(void)
{
    return !m->c->no_membarrier;
}

bool model_membarrier(void)
{
    if (m->c->no_membarrier || (m->c->refused_membarrier && !m->direct))
        return false;
    heavy_fence();
    return true;
}

bool model_interrupt_all(void)
{
    if (!m->c->interrupts)
        return false;
    heavy_fence();
    return true;
}

/* A spinning thread goes on when another thread has done a step, and then sees the last store to each location. */
void model_yield(void)
{
    thread *t = &m->thread[m->running];
    if (m->direct)
        return;
    t->status = YIELDED;
    m_turn(OP_YIELD, NULL, false);
    m_trace("waits", NULL, 0, MODEL_RELAXED, NULL);
    for (int i = 0; i < m->locations; i++)
        t->cur.at[i] = m->location[i].store[m->location[i].count - 1].place;
}
