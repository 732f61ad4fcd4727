/* Memory as it is given out, what is only counted, plain fields, and views. */
#define _GNU_SOURCE
#include "tests/model/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- views ---- */

void model_figures(const void *from, size_t size)
{
    if (m->figure_ranges == 32)
        abort();
    m->figures[m->figure_ranges].from = from;
    m->figures[m->figure_ranges++].to = (const char *)from + size;
}

bool m_is_figure(const void *where)
{
    bool found = false;
    for (int i = 0; i < m->figure_ranges && !found; i++)
        found = (const char *)where >= m->figures[i].from && (const char *)where < m->figures[i].to;
    return found;
}

void m_join_places(view *to, const view *from)
{
    for (int i = 0, known = from->known ? from->known : m->locations; i < known; i++)
        to->at[i] = from->at[i] > to->at[i] ? from->at[i] : to->at[i];
}

void m_join(view *to, const view *from)
{
    m_join_places(to, from);
    for (int i = 0; i < THREADS; i++)
        to->clock[i] = from->clock[i] > to->clock[i] ? from->clock[i] : to->clock[i];
}

uint16_t m_place(const view *v, int index)
{
    return v->known && index >= v->known ? 0 : v->at[index];
}

bool m_knows(const view *v, const view *of)
{
    for (int i = 0, known = of->known ? of->known : m->locations; i < known; i++)
        if (of->at[i] > m_place(v, i))
            return false;
    for (int i = 0; i < THREADS; i++)
        if (of->clock[i] > v->clock[i])
            return false;
    return true;
}

view *m_keep(const view *v)
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

void m_touch(const void *address, const char *file, int line)
{
    block *b = block_of(address);
    if ((uintptr_t)address < 4096 || (uintptr_t)address >> 48 || (uintptr_t)address % 4)
        m_fail("a pointer that is none was followed", file, line);
    if (!b)
        return;
    if (b->freed)
        m_fail("memory was used after it was freed", file, line);
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
        m_fail(b && b->freed ? "memory was freed twice" : "what was never allocated was freed", NULL, 0);
        return;
    }
    for (unsigned t = 0; t < THREADS; t++)
        if (t != m->running && b->access[t] > cur->clock[t])
            m_fail("memory was freed beside another thread's access", NULL, 0);
    b->freed = true;
}

void model_plain(const void *where, size_t size, bool write, const char *file, int line)
{
    view *cur = &m->thread[m->running].cur;
    (void)size;
    m_touch(where, file, line);
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
        m_fail("a data race", file, line);
    if (write) {
        p->writer = (uint8_t)m->running;
        p->written = cur->clock[m->running];
    } else {
        p->read[m->running] = cur->clock[m->running];
    }
}
