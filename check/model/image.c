#define _GNU_SOURCE
#include "check/model/image.h"
#include "check/model/thread.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static char *tls_of(unsigned who)
{
    return who == 0 ? m->tls_now : m->thread[who].tls;
}

void m_keep_image(image *i)
{
    m_be(0);
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

void m_put_back(const image *i)
{
    m_be(0);
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

void m_start_machine(void)
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
    m_keep_image(&m->first);
}
