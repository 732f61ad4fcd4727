#define _GNU_SOURCE
#include "check/model/view.h"

#include <string.h>

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

void m_copy(view *to, const view *from)
{
    memcpy(to->at, from->at, (size_t)m->locations * sizeof to->at[0]);
    memcpy(to->clock, from->clock, sizeof to->clock);
}

uint16_t m_place(const view *v, int index)
{
    return v->known && index >= v->known ? 0 : v->at[index];
}

bool m_knows(const view *v, const view *of)
{
    int known = of->known ? of->known : m->locations, both = v->known && v->known < known ? v->known : known;
    bool more = false;
    for (int i = 0; i < THREADS; i++)
        more |= of->clock[i] > v->clock[i];
    for (int i = 0; i < both && !more; i++)
        more = of->at[i] > v->at[i];
    for (int i = both; i < known && !more; i++)
        more = of->at[i] > 0;
    return !more;
}

view *m_keep(const view *v)
{
    m_room(m->view_count, m->view_room, "stores");
    view *kept = &m->views[m->view_count++];
    m_copy(kept, v);
    kept->known = m->locations;
    return kept;
}
