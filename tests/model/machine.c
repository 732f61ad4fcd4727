#define _GNU_SOURCE
#include "tests/model/machine.h"
#include "tests/model/fiber.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    THREADS = MODEL_THREADS,
    LOCATIONS = 512,
    MESSAGES = 120, /* of one location */
    STEPS = 4000,
    ENTRIES = 8000,
    BLOCKS = 2000,
    ARENA = 16 << 20,
    SLOTS = 4096, /* of hash tables */
    GAP = 64      /* between the positions of stores, so that others fit in */
};

/* ---- what there is ---- */

typedef struct view {
    uint16_t at[LOCATIONS];
    uint32_t clock[THREADS];
    int known; /* of a store's view: locations when it was made; 0: all there are */
} view;

typedef struct message {
    uint64_t value;
    view *released; /* what reading it by acquire hands over; NULL: nothing */
    uint16_t place;
    uint8_t thread;
    bool taken; /* a read-modify-write has read it, and stands right behind it */
} message;

typedef struct location {
    const void *address;
    uint64_t mask; /* of its size */
    int count;
    message store[MESSAGES]; /* in modification order */
} location;

typedef enum op_kind { OP_READ, OP_WRITE, OP_FENCE, OP_HEAVY, OP_LOCK, OP_YIELD, OP_START } op_kind;

typedef struct op {
    op_kind kind;
    bool global; /* goes through the global view */
    const void *where;
    bool waits; /* for the lock to be free */
} op;

typedef enum status { READY, YIELDED, ENDED } status;

typedef struct thread {
    model_fiber *fiber;
    status status;
    op next;
    view cur, acquired, released;
    uint32_t causes[THREADS]; /* per thread, the last of its steps that this one's depend on */
    void *tls;
    void *key; /* what it has set for the one key that there is */
} thread;

typedef struct step {
    op op;
    uint8_t thread;
    int entry;
    uint32_t causes[THREADS];
} step;

/* A choice: of a thread, or of one of `options`. */
typedef struct entry {
    bool is_thread;
    uint16_t options, chosen;
    uint8_t enabled, wanted, done, sleeping;
} entry;

typedef struct block {
    char *from, *to;
    bool freed;
    uint32_t access[THREADS];
} block;

typedef struct plain {
    const void *address;
    uint32_t generation;
    uint8_t writer;
    uint32_t written, read[THREADS];
} plain;

typedef struct mutex {
    const void *address;
    int holder; /* -1: none */
    view left;
} mutex;

typedef struct machine {
    const model_case *c;
    const model_options *options;
    model_result *result;
    model_fiber *explorer;
    thread thread[THREADS];
    unsigned running;
    bool direct; /* one thread only: no choices */
    bool over;   /* this execution cannot go on */
    bool blind;  /* it is one that was seen before */
    bool tracing;
    uint32_t generation;
    location *location;
    int locations;
    struct {
        const void *address;
        uint32_t generation;
        int index;
    } slot[SLOTS];
    plain plain[SLOTS];
    view global;
    view *views;
    int view_count, view_room;
    mutex mutex[64];
    int mutexes;
    step step[STEPS];
    int steps;
    entry entry[ENTRIES];
    int entries, at;
    int idle_turns;
    struct {
        const char *from, *to;
    } figures[32];
    int figure_ranges;
    void (*hook)(void *value);
    char *arena, *arena_next;
    block block[BLOCKS];
    int blocks;
    char *saved, *tls_now, *tls_first;
    size_t saved_size, tls_size;
    uint64_t outcomes;
} machine;

static machine *m; /* all that changes lies there: this program's data are put back before each execution */

/* ---- the end of an execution ---- */

static void to_explorer(void)
{
    m->over = true;
    if (m->running != 0 || !m->direct)
        model_fiber_switch(m->thread[m->running].fiber, m->explorer);
}

static void fail(const char *why, const char *file, int line)
{
    if (m->result->failed || m->over)
        return;
    m->result->failed = true;
    if (file)
        snprintf(m->result->why, sizeof m->result->why, "%s (%s:%d)", why, file, line);
    else
        snprintf(m->result->why, sizeof m->result->why, "%s", why);
    to_explorer();
}

void model_check(bool condition, const char *what)
{
    if (!condition)
        fail(what, NULL, 0);
}

unsigned model_thread(void)
{
    return m->running;
}

/* ---- choices ---- */

static entry *next_entry(void)
{
    if (m->entries == ENTRIES) {
        fprintf(stderr, "model: an execution has more than %d choices\n", ENTRIES);
        abort();
    }
    return &m->entry[m->entries++];
}

/* One of n, for the search to try all. */
static unsigned choose(unsigned n)
{
    if (n <= 1 || m->direct)
        return 0;
    if (m->at == m->entries)
        *next_entry() = (entry){.options = (uint16_t)n};
    return m->entry[m->at++].chosen;
}

static bool depend(const op *a, const op *b)
{
    if (a->kind == OP_HEAVY || b->kind == OP_HEAVY)
        return true;
    if (a->kind == OP_YIELD || b->kind == OP_YIELD) /* which sees all that is written */
        return a->kind == OP_WRITE || b->kind == OP_WRITE || a->kind == OP_LOCK || b->kind == OP_LOCK;
    if (a->kind == OP_LOCK || b->kind == OP_LOCK)
        return a->kind == b->kind && a->where == b->where;
    if (a->kind == OP_FENCE || b->kind == OP_FENCE)
        return a->global && b->global; /* seq_cst accesses of two locations do not */
    return a->where && a->where == b->where && (a->kind == OP_WRITE || b->kind == OP_WRITE);
}

static bool before(int i, const step *s)
{
    return (uint32_t)i < s->causes[m->step[i].thread];
}

/*
 * The threads that could begin, before step i, the sequence of what came after it and does not need it, and `now` (source
 * sets: P. Abdulla et al., POPL 2014; adding the thread of `now` alone loses traces once there are sleep sets).
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

/* The other order of step i and `now` is wanted, too. */
static void want(int i, const step *now)
{
    entry *e = &m->entry[m->step[i].entry];
    unsigned begin = initials(i, now) & e->enabled;
    if (!begin)
        e->wanted |= e->enabled;
    else if (!(begin & e->wanted))
        e->wanted |= (uint8_t)(begin & -begin);
}

/* Whoever holds a lock had to take it: that is what a waiting thread races with. */
static int taking_of(int unlock)
{
    const step *u = &m->step[unlock];
    for (int k = unlock - 1; k >= 0; k--)
        if (m->step[k].thread == u->thread && m->step[k].op.kind == OP_LOCK && m->step[k].op.where == u->op.where)
            return k;
    return unlock;
}

/* Finds the earlier steps that this one races with: dependent, and no other in between. */
static void note_step(unsigned who, const op *o, int in_entry)
{
    thread *t = &m->thread[who];
    if (m->steps == STEPS) {
        fprintf(stderr, "model: an execution has more than %d steps\n", STEPS);
        abort();
    }
    step *now = &m->step[m->steps];
    *now = (step){.op = *o, .thread = (uint8_t)who, .entry = in_entry};
    int raced[STEPS], races = 0;
    for (int i = m->steps - 1; i >= 0; i--) {
        const step *s = &m->step[i];
        if (s->thread == who || (uint32_t)i < t->causes[s->thread] || !depend(&s->op, o))
            continue;
        bool left = o->waits && s->op.kind == OP_LOCK && !s->op.waits;
        raced[races++] = left ? taking_of(i) : i;
        for (unsigned u = 0; u < THREADS; u++)
            t->causes[u] = s->causes[u] > t->causes[u] ? s->causes[u] : t->causes[u];
    }
    memcpy(now->causes, t->causes, sizeof now->causes);
    for (int i = 0; i < races; i++)
        want(raced[i], now);
    t->causes[who] = now->causes[who] = (uint32_t)m->steps + 1;
    m->steps++;
}

static mutex *mutex_at(const void *address)
{
    for (int i = 0; i < m->mutexes; i++)
        if (m->mutex[i].address == address)
            return &m->mutex[i];
    if (m->mutexes == 64)
        abort();
    m->mutex[m->mutexes] = (mutex){.address = address, .holder = -1};
    return &m->mutex[m->mutexes++];
}

static unsigned enabled_threads(void)
{
    unsigned enabled = 0;
    for (unsigned i = 1; i <= m->c->threads; i++) {
        const thread *t = &m->thread[i];
        bool blocked = t->next.waits && mutex_at(t->next.where)->holder >= 0;
        if (t->status == READY && !blocked)
            enabled |= 1u << i;
    }
    return enabled;
}

static unsigned first_of(unsigned set)
{
    return (unsigned)__builtin_ctz(set);
}

/* Who sleeps from here on: whoever slept or is done there and does not depend on what has just been done. */
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

/* The next thread to go; 0: none can, or all that can sleep. */
static unsigned choose_thread(unsigned previous)
{
    unsigned enabled = enabled_threads();
    if (m->at == m->entries) {
        bool all = m->options->all_orders;
        unsigned sleeping = all ? 0 : still_sleeping(), awake = enabled & ~sleeping;
        if (!awake) {
            m->blind = enabled != 0;
            return 0;
        }
        unsigned first = awake >> previous & 1 ? previous : first_of(awake);
        *next_entry() = (entry){.is_thread = true, .chosen = (uint16_t)first, .enabled = (uint8_t)enabled,
                                .wanted = (uint8_t)(all ? enabled : 1u << first), .sleeping = (uint8_t)sleeping};
    }
    return m->entry[m->at++].chosen;
}

/* Goes on with the next execution; false: all have been. */
static bool advance(void)
{
    while (m->entries > 0) {
        entry *e = &m->entry[m->entries - 1];
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

/* ---- steps ---- */

static void trace(const char *what, const void *where, uint64_t value, const char *file, int line)
{
    const char *name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    if (m->tracing)
        fprintf(stderr, "  thread %u  %-14s %p  %llx  (%s:%d)\n", m->running, what, where, (unsigned long long)value, name, line);
}

/* The thread says what it will do next, and waits for its turn. */
static void turn(op o)
{
    thread *t = &m->thread[m->running];
    if (m->direct)
        return;
    t->next = o;
    model_fiber_switch(t->fiber, m->explorer);
    t->cur.clock[m->running]++;
    m->result->steps++;
}

void model_figures(const void *from, size_t size)
{
    if (m->figure_ranges == 32)
        abort();
    m->figures[m->figure_ranges].from = from;
    m->figures[m->figure_ranges++].to = (const char *)from + size;
}

static bool is_figure(const void *where)
{
    bool found = false;
    for (int i = 0; i < m->figure_ranges && !found; i++)
        found = (const char *)where >= m->figures[i].from && (const char *)where < m->figures[i].to;
    return found;
}

static void join_places(view *to, const view *from)
{
    for (int i = 0, known = from->known ? from->known : m->locations; i < known; i++)
        to->at[i] = from->at[i] > to->at[i] ? from->at[i] : to->at[i];
}

static void join(view *to, const view *from)
{
    join_places(to, from);
    for (int i = 0; i < THREADS; i++)
        to->clock[i] = from->clock[i] > to->clock[i] ? from->clock[i] : to->clock[i];
}

static view *keep(const view *v)
{
    if (m->view_count == m->view_room) {
        fprintf(stderr, "model: too many stores in one execution\n");
        abort();
    }
    view *kept = &m->views[m->view_count++];
    memcpy(kept->at, v->at, (size_t)m->locations * sizeof v->at[0]);
    kept->known = m->locations;
    memcpy(kept->clock, v->clock, sizeof v->clock);
    return kept;
}

/* ---- memory ---- */

static block *block_of(const void *address)
{
    int low = 0, high = m->blocks;
    if ((const char *)address < m->arena || (const char *)address >= m->arena_next)
        return NULL;
    while (low < high) {
        int middle = (low + high) / 2;
        if (m->block[middle].to <= (const char *)address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->blocks && m->block[low].from <= (const char *)address ? &m->block[low] : NULL;
}

static void touch(const void *address, const char *file, int line)
{
    block *b = block_of(address);
    if ((uintptr_t)address < 4096 || (uintptr_t)address >> 48 || (uintptr_t)address % 4)
        fail("a pointer that is none was followed", file, line);
    if (!b)
        return;
    if (b->freed)
        fail("memory was used after it was freed", file, line);
    b->access[m->running] = m->thread[m->running].cur.clock[m->running];
}

void *model_alloc(size_t size, size_t alignment)
{
    uintptr_t at = ((uintptr_t)m->arena_next + alignment - 1) / alignment * alignment;
    size = (size + 15) / 16 * 16;
    if (m->blocks == BLOCKS || at + size > (uintptr_t)m->arena + ARENA)
        abort();
    char *from = (char *)at;
    memset(from, 0xa5, size);
    m->block[m->blocks++] = (block){.from = from, .to = from + size};
    m->arena_next = from + size;
    return from;
}

void model_free(void *memory)
{
    block *b = memory ? block_of(memory) : NULL;
    const view *cur = &m->thread[m->running].cur;
    if (!memory)
        return;
    if (!b || b->from != memory || b->freed) {
        fail(b && b->freed ? "memory was freed twice" : "what was never allocated was freed", NULL, 0);
        return;
    }
    for (unsigned t = 0; t < THREADS; t++)
        if (t != m->running && b->access[t] > cur->clock[t])
            fail("memory was freed beside another thread's access", NULL, 0);
    b->freed = true;
}

void model_plain(const void *where, size_t size, bool write, const char *file, int line)
{
    view *cur = &m->thread[m->running].cur;
    (void)size;
    touch(where, file, line);
    size_t i = ((uintptr_t)where >> 3) * 0x9e3779b97f4a7c15u % SLOTS;
    while (m->plain[i].generation == m->generation && m->plain[i].address != where)
        i = (i + 1) % SLOTS;
    plain *p = &m->plain[i];
    if (p->generation != m->generation)
        *p = (plain){.address = where, .generation = m->generation};
    bool race = p->written > cur->clock[p->writer];
    for (unsigned t = 0; write && t < THREADS; t++)
        race = race || p->read[t] > cur->clock[t];
    if (race)
        fail("a data race", file, line);
    if (write) {
        p->writer = (uint8_t)m->running;
        p->written = cur->clock[m->running];
    } else {
        p->read[m->running] = cur->clock[m->running];
    }
}

/* ---- locations ---- */

static uint64_t get(const void *where, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, where, size);
    return value;
}

static int locate(const void *where, size_t size)
{
    size_t i = ((uintptr_t)where >> 2) * 0x9e3779b97f4a7c15u >> 52;
    while (m->slot[i].generation == m->generation && m->slot[i].address != where)
        i = (i + 1) % SLOTS;
    if (m->slot[i].generation == m->generation)
        return m->slot[i].index;
    if (m->locations == LOCATIONS)
        abort();
    m->slot[i].address = where;
    m->slot[i].generation = m->generation;
    m->slot[i].index = m->locations;
    location *l = &m->location[m->locations];
    l->address = where;
    l->mask = size == 8 ? ~(uint64_t)0 : ((uint64_t)1 << (8 * size)) - 1;
    l->count = 1;
    l->store[0] = (message){.value = get(where, size), .place = GAP};
    int index = m->locations++;
    m->global.at[index] = 0;
    for (unsigned t = 0; t < THREADS; t++)
        m->thread[t].cur.at[index] = m->thread[t].acquired.at[index] = m->thread[t].released.at[index] = 0;
    return index;
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

static void after_read(const message *s, int index, int order)
{
    thread *t = &m->thread[m->running];
    if (t->cur.at[index] < s->place)
        t->cur.at[index] = s->place;
    if (!s->released)
        return;
    if (order == MODEL_RELAXED || order == MODEL_RELEASE)
        join(&t->acquired, s->released);
    else
        join(&t->cur, s->released);
}

/* Puts a store behind the one at `behind`. */
static message *insert(location *l, int behind, uint64_t value)
{
    if (l->count == MESSAGES) {
        fprintf(stderr, "model: more than %d stores to one place\n", MESSAGES);
        abort();
    }
    value &= l->mask;
    uint16_t before = l->store[behind].place;
    unsigned place = behind + 1 < l->count ? (before + l->store[behind + 1].place) / 2u : before + (unsigned)GAP;
    if (place <= before || place > UINT16_MAX)
        abort();
    memmove(&l->store[behind + 2], &l->store[behind + 1], (size_t)(l->count - behind - 1) * sizeof l->store[0]);
    l->count++;
    l->store[behind + 1] = (message){.value = value, .place = (uint16_t)place, .thread = (uint8_t)m->running};
    return &l->store[behind + 1];
}

static void after_write(message *s, int index, int order, view *sequence)
{
    thread *t = &m->thread[m->running];
    t->cur.at[index] = s->place;
    bool releases = order >= MODEL_RELEASE;
    view *handed = keep(releases ? &t->cur : &t->released);
    handed->at[index] = s->place;
    if (sequence)
        join(handed, sequence); /* a thread that has read it knows no fewer locations */
    s->released = handed;
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

uint64_t model_load(const void *where, size_t size, int order, const char *file, int line)
{
    if (is_figure(where))
        return get(where, size);
    turn((op){OP_READ, is_seq_cst(order), where, false});
    touch(where, file, line);
    int index = locate(where, size);
    location *l = &m->location[index];
    int first = first_visible(l, index, is_seq_cst(order));
    int from = l->count - 1 - (int)choose((unsigned)(l->count - first)); /* the last one first */
    after_read(&l->store[from], index, order);
    trace("reads", where, l->store[from].value, file, line);
    return l->store[from].value;
}

static void put(void *where, size_t size, const location *l)
{
    memcpy(where, &l->store[l->count - 1].value, size);
}

void model_store(void *where, size_t size, uint64_t value, int order, const char *file, int line)
{
    if (is_figure(where)) {
        memcpy(where, &value, size);
        return;
    }
    turn((op){OP_WRITE, is_seq_cst(order), where, false});
    touch(where, file, line);
    int index = locate(where, size);
    location *l = &m->location[index];
    int first = first_visible(l, index, is_seq_cst(order)), free[MESSAGES], count = 0;
    for (int i = l->count - 1; i >= first; i--)
        if (!l->store[i].taken || i == l->count - 1)
            free[count++] = i;
    message *s = insert(l, free[choose((unsigned)count)], value);
    after_write(s, index, order, NULL);
    if (is_seq_cst(order))
        note_global(index, s->place);
    put(where, size, l);
    trace("writes", where, value, file, line);
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

uint64_t model_rmw(void *where, size_t size, model_rmw_kind kind, uint64_t operand, int order, const char *file, int line)
{
    if (is_figure(where)) {
        uint64_t was = get(where, size), now = changed(kind, was, operand);
        memcpy(where, &now, size);
        return was;
    }
    turn((op){OP_WRITE, is_seq_cst(order), where, false});
    touch(where, file, line);
    int index = locate(where, size), free[MESSAGES], count = 0;
    location *l = &m->location[index];
    int first = first_visible(l, index, is_seq_cst(order));
    for (int i = l->count - 1; i >= first; i--)
        if (!l->store[i].taken)
            free[count++] = i;
    int from = free[choose((unsigned)count)];
    uint64_t old = l->store[from].value, value = changed(kind, old, operand);
    modify(l, index, from, value, order);
    put(where, size, l);
    trace("changes to", where, value, file, line);
    return old;
}

bool model_cas(void *where, size_t size, uint64_t *expected, uint64_t desired, int success, int failure, const char *file,
               int line)
{
    turn((op){OP_WRITE, is_seq_cst(success) || is_seq_cst(failure), where, false});
    touch(where, file, line);
    int index = locate(where, size), free[MESSAGES], count = 0;
    location *l = &m->location[index];
    *expected &= l->mask;
    int first = first_visible(l, index, false), sure = first_visible(l, index, is_seq_cst(success));
    int sure_failed = first_visible(l, index, is_seq_cst(failure));
    for (int i = l->count - 1; i >= first; i--)
        if (l->store[i].value == *expected ? !l->store[i].taken && i >= sure : i >= sure_failed)
            free[count++] = i;
    if (count == 0) { /* cannot be: the last store is never taken */
        fail("no store to read", file, line);
        return false;
    }
    int from = free[choose((unsigned)count)];
    bool same = l->store[from].value == *expected;
    if (same) {
        modify(l, index, from, desired, success);
        put(where, size, l);
        trace("swaps to", where, desired, file, line);
    } else {
        after_read(&l->store[from], index, failure);
        *expected = l->store[from].value;
        trace("does not swap", where, *expected, file, line);
    }
    return same;
}

/* ---- fences, locks, waiting ---- */

static void fence(thread *t, int order)
{
    if (order != MODEL_RELEASE)
        join(&t->cur, &t->acquired);
    if (order == MODEL_SEQ_CST) {
        join_places(&t->cur, &m->global);
        join_places(&m->global, &t->cur);
    }
    if (order != MODEL_ACQUIRE)
        t->released = t->cur;
}

void model_fence(int order, const char *file, int line)
{
    turn((op){OP_FENCE, is_seq_cst(order), NULL, false});
    fence(&m->thread[m->running], order);
    trace("fence", NULL, (uint64_t)order, file, line);
}

/* Between the caller and each other thread, as if that had a fence here; not between two others. */
void model_heavy_fence(void)
{
    static view before;
    turn((op){OP_HEAVY, true, NULL, false});
    if (m->c->broken_membarrier)
        return;
    thread *self = &m->thread[m->running];
    fence(self, MODEL_SEQ_CST);
    before = self->cur;
    for (unsigned i = 0; i < THREADS; i++) {
        thread *t = &m->thread[i];
        if (t == self)
            continue;
        join(&t->cur, &t->acquired);
        join_places(&t->cur, &before);
        t->released = t->cur;
        join_places(&self->cur, &t->cur);
    }
    self->released = self->cur;
    trace("membarrier", NULL, 0, __FILE__, __LINE__);
}

void model_lock(void *address)
{
    turn((op){OP_LOCK, false, address, true});
    mutex *x = mutex_at(address);
    if (x->holder >= 0)
        fail("a lock is taken that its taker holds", NULL, 0);
    x->holder = (int)m->running;
    join(&m->thread[m->running].cur, &x->left);
}

bool model_trylock(void *address)
{
    turn((op){OP_LOCK, false, address, false});
    mutex *x = mutex_at(address);
    if (x->holder >= 0)
        return false;
    x->holder = (int)m->running;
    join(&m->thread[m->running].cur, &x->left);
    return true;
}

void model_unlock(void *address)
{
    turn((op){OP_LOCK, false, address, false});
    mutex *x = mutex_at(address);
    x->holder = -1;
    x->left = m->thread[m->running].cur;
}

/* A spin: it goes on when another thread has done something, and then sees what there is. */
void model_yield(void)
{
    thread *t = &m->thread[m->running];
    if (m->direct)
        return;
    t->status = YIELDED;
    turn((op){OP_YIELD, false, NULL, false});
    for (int i = 0; i < m->locations; i++)
        t->cur.at[i] = m->location[i].store[m->location[i].count - 1].place;
}

/* ---- threads ---- */

uint32_t model_clock(unsigned of)
{
    return m->thread[m->running].cur.clock[of];
}

uint32_t model_tick(void)
{
    return ++m->thread[m->running].cur.clock[m->running];
}

bool model_has_membarrier(void)
{
    return !m->c->no_membarrier;
}

int model_key(void (*hook)(void *value))
{
    m->hook = hook;
    return 0;
}

int model_set_key(void *value)
{
    m->thread[m->running].key = value;
    return 0;
}

void model_end_thread(void)
{
    void *value = m->thread[m->running].key;
    m->thread[m->running].key = NULL;
    if (value && m->hook)
        m->hook(value);
}

/* ---- an execution ---- */

static void thread_main(void *ctx)
{
    thread *t = ctx;
    unsigned who = (unsigned)(t - m->thread);
    m->c->thread[who - 1]();
    t->status = ENDED;
    model_fiber_switch(t->fiber, m->explorer);
    abort();
}

static void reset(void)
{
    m->generation++;
    m->locations = m->view_count = m->mutexes = m->steps = m->at = m->blocks = m->idle_turns = m->figure_ranges = 0;
    m->over = m->blind = false;
    m->arena_next = m->arena;
    if (m->tls_size)
        memcpy(m->tls_now, m->tls_first, m->tls_size);
    memset(m->global.at, 0, sizeof m->global.at);
    for (unsigned t = 0; t < THREADS; t++) {
        thread *x = &m->thread[t];
        memset(&x->cur, 0, sizeof x->cur);
        memset(&x->acquired, 0, sizeof x->acquired);
        memset(&x->released, 0, sizeof x->released);
        memset(x->causes, 0, sizeof x->causes);
        x->status = READY;
        x->key = NULL;
        x->next = (op){OP_START, false, NULL, false};
        x->cur.clock[t] = 1;
        if (m->tls_size)
            memcpy(x->tls, m->tls_first, m->tls_size);
    }
}

extern char __data_start[], _end[]; /* the linker's */

static void put_data_back(void)
{
    memcpy(__data_start, m->saved, m->saved_size);
}

static void switch_tls(unsigned from, unsigned to)
{
    if (!m->tls_size || from == to)
        return;
    memcpy(m->thread[from].tls, m->tls_now, m->tls_size);
    memcpy(m->tls_now, m->thread[to].tls, m->tls_size);
}

void model_as(unsigned who, void (*body)(void))
{
    switch_tls(0, who);
    m->running = who;
    join(&m->thread[who].cur, &m->thread[0].cur);
    body();
    m->thread[who].cur.clock[who]++;
    m->running = 0;
    join(&m->thread[0].cur, &m->thread[who].cur);
    switch_tls(who, 0);
}

static void run_thread(unsigned who)
{
    switch_tls(0, who);
    m->running = who;
    model_fiber_switch(m->explorer, m->thread[who].fiber);
    m->running = 0;
    switch_tls(who, 0);
}

/* Nobody can go on: waiting threads get one more look; then it is the end. */
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
    unsigned previous = 1;
    while (!m->over && !all_ended()) {
        unsigned who = choose_thread(previous);
        if (who == 0 && m->blind)
            return;
        if (who == 0) {
            if (wake())
                continue;
            m->result->failed = true;
            snprintf(m->result->why, sizeof m->result->why, "nobody can go on");
            return;
        }
        op o = m->thread[who].next;
        note_step(who, &o, m->at - 1);
        run_thread(who);
        after_step(who, o.kind);
        previous = who;
    }
}

static void one_execution(void)
{
    put_data_back();
    reset();
    m->direct = true;
    if (m->c->setup)
        m->c->setup();
    for (unsigned i = 1; i <= m->c->threads; i++) {
        join(&m->thread[i].cur, &m->thread[0].cur);
        m->thread[i].released = m->thread[i].cur;
        model_fiber_start(m->thread[i].fiber, thread_main, &m->thread[i]);
    }
    m->direct = false;
    schedule();
    m->direct = true;
    if (m->over || m->blind || m->result->failed)
        return;
    for (unsigned i = 1; i <= m->c->threads; i++)
        join(&m->thread[0].cur, &m->thread[i].cur);
    if (m->c->finish)
        m->c->finish();
}

/* ---- the search ---- */

uint64_t model_outcomes;

void model_outcome(unsigned outcome)
{
    m->outcomes |= (uint64_t)1 << outcome;
}

static int find_tls(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS && info->dlpi_tls_data) {
            m->tls_now = info->dlpi_tls_data;
            m->tls_size = info->dlpi_phdr[i].p_memsz;
        }
    return 1; /* the program itself comes first */
}

static machine *make_machine(void)
{
    enum { VIEWS = 6000 };
    machine *made = mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED)
        abort();
    made->location = mmap(NULL, LOCATIONS * sizeof *made->location, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    made->views = mmap(NULL, VIEWS * sizeof *made->views, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    made->arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    made->view_room = VIEWS;
    made->explorer = model_fiber_new();
    for (unsigned t = 0; t < THREADS; t++)
        made->thread[t].fiber = model_fiber_new();
    return made;
}

/* This program's data as they are before the first execution. */
static void save_data(void)
{
    m->saved_size = (size_t)(_end - __data_start);
    m->saved = malloc(m->saved_size);
    dl_iterate_phdr(find_tls, NULL);
    m->tls_first = malloc(m->tls_size + 1);
    memcpy(m->tls_first, m->tls_now ? m->tls_now : "", m->tls_size);
    for (unsigned t = 0; t < THREADS; t++)
        m->thread[t].tls = malloc(m->tls_size + 1);
    memcpy(m->saved, __data_start, m->saved_size);
}

static void show_failure(model_result *out)
{
    model_result again = {0};
    fprintf(stderr, "%s: %s, in execution %llu:\n", m->c->name, out->why, (unsigned long long)out->executions);
    m->result = &again;
    m->tracing = true;
    one_execution();
    m->tracing = false;
    m->result = out;
}

void model_explore(const model_case *c, const model_options *options, model_result *out)
{
    static const model_options defaults;
    if (!m) {
        m = make_machine();
        save_data();
    }
    *out = (model_result){0};
    m->c = c;
    m->options = options ? options : &defaults;
    m->result = out;
    m->entries = 0;
    m->outcomes = 0;
    do {
        one_execution();
        out->executions += !m->blind;
        if (out->failed) {
            if (!m->options->quiet)
                show_failure(out);
            break;
        }
        out->complete = !advance();
    } while (!out->complete && (!m->options->most || out->executions < m->options->most));
    put_data_back();
    model_outcomes = m->outcomes;
}
