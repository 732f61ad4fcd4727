/* private. Blocks of memory, memory that holds statistics (model_figures), and plain accesses. */
#ifndef WEFT_CHECK_MODEL_MEMORY_H
#define WEFT_CHECK_MODEL_MEMORY_H

#include "check/model/state.h"

bool m_is_figure(const void *where);
/* Notes an access. Fails on a wild pointer, on freed memory and on a race. file may be NULL. */
void m_touch(const void *address, size_t size, m_access kind, const char *file, int line);

#endif
