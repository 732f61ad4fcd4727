/* private. Views: the lowest position that a thread may still read at each location, and its vector clock. */
#ifndef WEFT_CHECK_MODEL_VIEW_H
#define WEFT_CHECK_MODEL_VIEW_H

#include "check/model/state.h"

void m_join_places(view *to, const view *from);
/* Places and clocks. */
void m_join(view *to, const view *from);
void m_copy(view *to, const view *from);
uint16_t m_place(const view *v, int index);
/* Whether v knows all that `of` knows. */
bool m_knows(const view *v, const view *of);
view *m_keep(const view *v);

#endif
