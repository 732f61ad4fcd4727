#define _GNU_SOURCE
#include "check/model/show.h"

#include <stdio.h>

static void write_place(char *out, size_t size, const void *where)
{
    for (int i = 0; i < m->blocks; i++)
        if ((const char *)where >= m->block[i].from && (const char *)where < m->block[i].to) {
            snprintf(out, size, "block %d+%td", i, (const char *)where - m->block[i].from);
            return;
        }
    if ((const char *)where >= m->data && (const char *)where < m->data + m->data_size)
        snprintf(out, size, "static+%td", (const char *)where - m->data);
    else
        snprintf(out, size, "%#llx", (unsigned long long)(uintptr_t)where);
}

const char *model_order_name(int order)
{
    static const char *const names[] = {"relaxed", "acquire", "release", "acq_rel", "seq_cst"};
    return names[order];
}

void m_show_step(const char *what, const void *where, uint64_t value, int order, const message *read)
{
    const thread *t = &m->thread[m->running];
    char place[40] = "", shown[40] = "";
    if (where) {
        write_place(place, sizeof place, where);
        write_place(shown, sizeof shown, (const void *)(uintptr_t)value);
    }
    fprintf(stderr, "%5d  thread %u  %s:%d  %s %s%s%s  %s", m->steps, m->running, m_name_of(t->file), t->line, what,
            place, where ? ": " : "", shown, model_order_name(order));
    if (read && read->thread && read->thread != m->running)
        fprintf(stderr, "  from thread %d, %s:%d (step %d)", read->thread, m_name_of(read->file), read->line,
                read->step);
    if (m->passed)
        fprintf(stderr, "  (passes over %u later)", m->passed);
    fputc('\n', stderr);
}
