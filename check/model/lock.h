/* private. Locks. */
#ifndef WEFT_CHECK_MODEL_LOCK_H
#define WEFT_CHECK_MODEL_LOCK_H

#include "check/model/state.h"

mutex *m_mutex_at(const void *address);

#endif
