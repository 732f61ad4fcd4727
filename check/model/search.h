/* private. Which choices an execution makes, and which are left: dynamic partial-order reduction (machine.h). */
#ifndef WEFT_CHECK_MODEL_SEARCH_H
#define WEFT_CHECK_MODEL_SEARCH_H

#include "check/model/state.h"

/* One of these positions in the modification order, whose last is `last`. The search tries all of them. */
int m_choose(const int *option, int count, int last);
/* The next thread to run. 0: none is enabled, or all enabled ones are in the sleep set. */
unsigned m_choose_thread(unsigned previous);
/* Notes the step that a thread has taken, and finds the earlier ones that it races with. */
void m_note_step(unsigned who, const op *o, int in_entry);
/* Whether this execution must show the running thread read store `at`, or write behind it, despite later stores. */
bool m_is_due(const location *l, int at, bool writes);
/* Goes on to the next execution. False: there is none left. */
bool m_advance(void);

#endif
