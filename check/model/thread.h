/* private. The threads of a case. */
#ifndef WEFT_CHECK_MODEL_THREAD_H
#define WEFT_CHECK_MODEL_THREAD_H

#include "check/model/state.h"

/* What follows runs as that thread, with thread-local data of its own. */
void m_be(unsigned who);
/* Body and end of a fiber; ctx: the thread. */
void m_thread_main(void *ctx);

#endif
