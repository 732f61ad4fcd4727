#define _GNU_SOURCE
#include "tests/model/state.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

machine *m;

/* ---- the end of an execution ---- */

static void to_explorer(void)
{
    m->over = true;
    if (!m->direct) /* else it is on the explorer's stack, whoever it acts for */
        model_fiber_switch(m->thread[m->running].fiber, m->explorer);
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

bool model_membarrier(void)
{
    if (m->c->no_membarrier || (m->c->refused_membarrier && !m->direct))
        return false;
    m_heavy_fence();
    return true;
}

bool model_interrupt_all(void)
{
    if (!m->c->interrupts)
        return false;
    m_heavy_fence();
    return true;
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
    for (int round = 0; round < 4 && m->hook && m->thread[m->running].key; round++) {
        void *value = m->thread[m->running].key;
        m->thread[m->running].key = NULL;
        m->hook(value);
    }
}

static void end_fiber(void)
{
    thread *t = &m->thread[m->running];
    t->cur.clock[m->running]++;
    t->status = ENDED;
    model_fiber_switch(t->fiber, m->explorer);
    abort();
}

void model_exit_thread(void)
{
    model_end_thread();
    end_fiber();
    abort();
}

/* ---- an execution ---- */

static void thread_main(void *ctx)
{
    thread *t = ctx;
    unsigned who = (unsigned)(t - m->thread);
    m->c->thread[who - 1]();
    end_fiber();
}

/* What follows runs as that thread, with thread-local data of its own. */
static void be(unsigned who)
{
    m->running = who;
    if (!m->tls_size || m->tls_owner == who)
        return;
    memcpy(m->thread[m->tls_owner].tls, m->tls_now, m->tls_size);
    memcpy(m->tls_now, m->thread[who].tls, m->tls_size);
    m->tls_owner = who;
}

void model_as(unsigned who, void (*body)(void))
{
    m->thread[0].cur.clock[0]++;
    m_join(&m->thread[who].cur, &m->thread[0].cur);
    be(who);
    body();
    be(0);
    m->thread[who].cur.clock[who]++;
    m_join(&m->thread[0].cur, &m->thread[who].cur);
}

static void run_thread(unsigned who)
{
    be(who);
    model_fiber_switch(m->explorer, m->thread[who].fiber);
    m->running = 0;
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
    unsigned previous = 0; /* to begin is no switch */
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

static char *tls_of(unsigned who)
{
    return who == 0 ? m->tls_now : m->thread[who].tls;
}

static void keep_image(image *i)
{
    be(0);
    memcpy(i->data, m->data, m->data_size);
    i->arena_used = (size_t)(m->arena_next - m->arena);
    memcpy(i->arena, m->arena, i->arena_used);
    i->blocks = m->blocks;
    memcpy(i->block, m->block, (size_t)m->blocks * sizeof *m->block);
    for (unsigned t = 0; t < THREADS; t++) {
        memcpy(i->tls[t], tls_of(t), m->tls_size);
        memcpy(i->clock[t], m->thread[t].cur.clock, sizeof i->clock[t]);
        i->key[t] = m->thread[t].key;
    }
}

static void put_back(const image *i)
{
    be(0);
    memcpy(m->data, i->data, m->data_size);
    m->arena_next = m->arena + i->arena_used;
    memcpy(m->arena, i->arena, i->arena_used);
    m->blocks = i->blocks;
    memcpy(m->block, i->block, (size_t)i->blocks * sizeof *m->block);
    for (unsigned t = 0; t < THREADS; t++) {
        memcpy(tls_of(t), i->tls[t], m->tls_size);
        memcpy(m->thread[t].cur.clock, i->clock[t], sizeof i->clock[t]);
        m->thread[t].key = i->key[t];
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
 * Setup is the same each time and comes before all else, so it is run once, and what it leaves is where each execution
 * begins: memory as it is, and no locations, views or accesses from before, since no thread could read anything older.
 */
static void set_up(void)
{
    put_back(&m->first);
    m->exploration++;
    m->reducing =
        m->options->search == MODEL_ALL && !m->options->schedule && !m->options->all_orders && !m->options->bounded;
    m->direct = true;
    reset();
    if (m->c->setup)
        m->c->setup();
    m->thread[0].cur.clock[0]++;
    keep_image(&m->ready);
}

static void one_execution(void)
{
    if (m->result->failed) /* in setup */
        return;
    put_back(&m->ready);
    reset();
    m_begin_schedule();
    for (unsigned i = 1; i <= m->c->threads; i++)
        model_fiber_start(m->thread[i].fiber, thread_main, &m->thread[i]);
    m->direct = false;
    schedule();
    m->direct = true;
    if (m->over || m->blind || m->result->failed)
        return;
    be(0);
    for (unsigned i = 1; i <= m->c->threads; i++)
        m_join(&m->thread[0].cur, &m->thread[i].cur);
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

extern char __data_start[], _end[]; /* the linker's */

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    return memory;
}

static machine *make_machine(void)
{
    enum { VIEWS = 20000 };
    size_t data_size = (size_t)(_end - __data_start);
    machine *made = map(sizeof *made);
    made->location = map(LOCATIONS * sizeof *made->location);
    made->views = map(VIEWS * sizeof *made->views);
    made->arena = map(ARENA);
    made->arena_cells = map(ARENA / 4 * sizeof *made->arena_cells);
    made->data = __data_start;
    made->data_size = data_size;
    made->data_cells = map((data_size + 8) / 4 * sizeof *made->data_cells);
    made->view_room = VIEWS;
    made->explorer = model_fiber_new();
    for (unsigned t = 0; t < THREADS; t++)
        made->thread[t].fiber = model_fiber_new();
    return made;
}

static void make_image(image *i)
{
    i->data = map(m->data_size);
    i->arena = map(ARENA);
    for (unsigned t = 0; t < THREADS; t++)
        i->tls[t] = map(m->tls_size + 1);
}

static void start_machine(void)
{
    m = make_machine();
    dl_iterate_phdr(find_tls, NULL);
    make_image(&m->first);
    make_image(&m->ready);
    m->arena_next = m->arena;
    for (unsigned t = 0; t < THREADS; t++) {
        m->thread[t].tls = map(m->tls_size + 1);
        memcpy(m->thread[t].tls, m->tls_now ? m->tls_now : "", m->tls_size);
        m->thread[t].cur.clock[t] = 1;
    }
    keep_image(&m->first);
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
    put_back(&m->first);
}

void model_explore(const model_case *c, const model_options *options, model_result *out)
{
    static const model_options defaults;
    if (!m)
        start_machine();
    options = options ? options : &defaults;
    m->outcomes = 0;
    m_explore(c, options, out);
    if (options->schedule && !options->quiet && !out->misfit) { /* shown only now that it is known to fit */
        m->tracing = true;
        m_explore(c, options, out);
        m->tracing = false;
    }
    if (out->failed && !options->quiet && !options->schedule)
        m_show_failure(c, out);
    model_outcomes = m->outcomes;
}
