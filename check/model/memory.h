/* private. Memory as it is given out, what is only counted, and plain fields. */
#ifndef WEFT_CHECK_MODEL_MEMORY_H
#define WEFT_CHECK_MODEL_MEMORY_H

#include "check/model/state.h"

bool m_is_figure(const void *where);
/* An access to memory: fails where there is none, or none any more, or beside another that conflicts. file: may be NULL. */
void m_touch(const void *address, size_t size, m_access kind, const char *file, int line);

#endif
