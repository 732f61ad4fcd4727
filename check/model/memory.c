#define _GNU_SOURCE
#include "check/model/memory.h"
#include "check/model/show.h"
#include "check/model/view.h"

#include <string.h>

/* ---- memory ---- */

static bool is_plain(m_access kind)
{
    return kind == PLAIN_READ || kind == PLAIN_WRITE;
}

/* A plain access comes after the thread's last step, so the view that this step has released does not cover it. */
static uint32_t time_of(m_access kind)
{
    return m->thread[m->running].cur.clock[m->running] + is_plain(kind);
}

static bool is_in(const block *b, const char *address)
{
    return b->from <= address && address < b->to;
}

static block *search_block(const char *address, int *near)
{
    int low = 0, high = m->blocks;
    while (low < high) {
        int middle = (low + high) / 2;
        if (m->block[middle].to <= address)
            low = middle + 1;
        else
            high = middle;
    }
    *near = low;
    return low < m->blocks && is_in(&m->block[low], address) ? &m->block[low] : NULL;
}

static block *block_of(const char *address)
{
    if (address < m->arena || address >= m->arena_next)
        return NULL;
    int *near = &m->near[(uintptr_t)address >> 6 & (NEAR - 1)];
    return *near < m->blocks && is_in(&m->block[*near], address) ? &m->block[*near] : search_block(address, near);
}

/* The last block of this size that has been freed, if the case reuses memory. */
static block *again(size_t size)
{
    for (int i = m->blocks - 1; m->c->reuse && i >= 0; i--)
        if (m->block[i].freed && (size_t)(m->block[i].to - m->block[i].from) == size)
            return &m->block[i];
    return NULL;
}

void *model_alloc(size_t size, size_t alignment)
{
    uintptr_t at = ((uintptr_t)m->arena_next + alignment - 1) / alignment * alignment;
    size = (size + 15) / 16 * 16;
    block *b = again(size);
    if (b) {
        b->freed = false;
        if (b->left)
            m_join(&m->thread[m->running].cur, b->left);
    } else {
        m_room(m->blocks, BLOCKS, "allocations");
        m_room(at + size > (uintptr_t)m->arena + ARENA, 1, "bytes of memory");
        b = &m->block[m->blocks++];
        *b = (block){.from = (char *)at, .to = (char *)at + size};
        m->arena_next = b->to;
    }
    memset(b->from, 0xa5, size);
    return b->from;
}

void model_free(void *memory)
{
    block *b = memory ? block_of(memory) : NULL;
    const view *cur = &m->thread[m->running].cur;
    if (!memory)
        return;
    if (!b || b->from != memory || b->freed) {
        m_fail(b && b->freed ? "memory was freed twice" : "what was never allocated was freed", NULL, 0);
        return;
    }
    for (unsigned t = 0; t < THREADS; t++)
        if (t != m->running && b->access[t] > cur->clock[t])
            m_fail("memory was freed beside another thread's access", NULL, 0);
    m_trace("frees", memory, 0, MODEL_RELAXED, NULL);
    b->freed = true;
    b->left = NULL;
    if (m->c->reuse && !m->direct) {
        b->left = m_keep(cur);
        b->left->clock[m->running]++; /* covers the plain accesses after the last step */
    }
}

size_t model_unfreed(size_t but)
{
    size_t left = 0;
    for (int i = 0; i < m->blocks; i++)
        left += !m->block[i].freed && (size_t)(m->block[i].to - m->block[i].from) != (but + 15) / 16 * 16;
    return left;
}

/* ---- races ---- */

static cell *cell_of(const char *address)
{
    if (address >= m->arena && address < m->arena_next)
        return &m->arena_cells[(address - m->arena) / 4];
    if (address >= m->data && address < m->data + m->data_size)
        return &m->data_cells[(address - m->data) / 4];
    return NULL;
}

void model_figures(const void *from, size_t size)
{
    for (const char *at = from; at < (const char *)from + size; at += 4)
        cell_of(at)->figure = m->exploration;
}

bool m_is_figure(const void *where)
{
    const cell *c = cell_of(where);
    return c && c->figure == m->exploration;
}

static bool is_beside(const uint16_t *accesses, const view *cur)
{
    for (unsigned t = 0; t < THREADS; t++)
        if (accesses[t] > cur->clock[t] && t != m->running)
            return true;
    return false;
}

/* The cell is no longer one thread's alone. */
static void spread(cell *c)
{
    memset(c->at, 0, sizeof c->at);
    for (int kind = 0; kind < ACCESSES; kind++)
        c->at[kind][c->only] = c->last[kind];
    c->only = THREADS;
}

static bool is_first_of_all(cell *c)
{
    if (c->generation == m->generation)
        return false;
    c->generation = m->generation;
    c->only = (uint8_t)m->running;
    memset(c->last, 0, sizeof c->last);
    return true;
}

/* All accesses that conflict with this one must happen before it. Atomic ones do not conflict with each other. */
static void note_access(cell *c, m_access kind, uint16_t now)
{
    const view *cur = &m->thread[m->running].cur;
    bool writes = kind == PLAIN_WRITE || kind == ATOMIC_WRITE, plain = is_plain(kind);
    if (c->only < THREADS)
        spread(c);
    bool race = is_beside(c->at[PLAIN_WRITE], cur);
    race = race || (writes && is_beside(c->at[PLAIN_READ], cur));
    race = race || (plain && is_beside(c->at[ATOMIC_WRITE], cur));
    race = race || (kind == PLAIN_WRITE && is_beside(c->at[ATOMIC_READ], cur));
    if (race)
        m_fail(plain ? "a data race" : "a data race with a plain access", NULL, 0);
    c->at[kind][m->running] = now;
}

void m_touch(const void *address, size_t size, m_access kind, const char *file, int line)
{
    block *b = block_of(address);
    if (file)
        m_at(file, line);
    if ((uintptr_t)address < 4096 || (uintptr_t)address >> 47 || (!is_plain(kind) && (uintptr_t)address % 4))
        m_fail("a pointer that is none was followed", file, line);
    if (b && b->freed)
        m_fail("memory was used after it was freed", file, line);
    uint32_t now = time_of(kind);
    if (b)
        b->access[m->running] = now;
    cell *c = m->direct ? NULL : cell_of(address);
    if (!c || c->figure == m->exploration)
        return;
    for (const cell *end = c + ((uintptr_t)address % 4 + size + 3) / 4; c < end; c++)
        if (is_first_of_all(c) || c->only == m->running)
            c->last[kind] = (uint16_t)now;
        else
            note_access(c, kind, (uint16_t)now);
}

void model_plain(const void *where, size_t size, bool write, const char *file, int line)
{
    m_touch(where, size, write ? PLAIN_WRITE : PLAIN_READ, file, line);
}
