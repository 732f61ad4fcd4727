/* private. Which choices an execution makes, and which are left: dynamic partial-order reduction with source sets and sleep sets. */
#ifndef WEFT_CHECK_MODEL_SEARCH_H
#define WEFT_CHECK_MODEL_SEARCH_H

#include "check/model/state.h"

/* One of these places in the modification order, the last of which is `last`: for the search to try all. */
int m_choose(const int *option, int count, int last);
/* The next thread to go; 0: none can, or all that can sleep. */
unsigned m_choose_thread(unsigned previous);
/* A thread takes a step: finds the earlier ones that it races with. */
void m_note_step(unsigned who, const op *o, int in_entry);
/* Whether the running thread must be shown that it reads store `at`, or writes behind it, though later ones are there. */
bool m_is_due(const location *l, int at, bool writes);
/* Goes on with the next execution; false: all have been. */
bool m_advance(void);

#endif
