/* private. The threads of a case. */
#ifndef WEFT_CHECK_MODEL_THREAD_H
#define WEFT_CHECK_MODEL_THREAD_H

#include "check/model/state.h"

/* Makes the caller run as that thread, with that thread's thread-local data. */
void m_be(unsigned who);
/* A fiber's body; ctx: the thread. */
void m_thread_main(void *ctx);

#endif
