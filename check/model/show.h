/* private. Prints steps. */
#ifndef WEFT_CHECK_MODEL_SHOW_H
#define WEFT_CHECK_MODEL_SHOW_H

#include "check/model/state.h"

void m_show_step(const char *what, const void *where, uint64_t value, int order, const message *read);

static inline void m_trace(const char *what, const void *where, uint64_t value, int order, const message *read)
{
    if (m->tracing && !m->direct)
        m_show_step(what, where, value, order, read);
}

#endif
