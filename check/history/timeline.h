/* A window of a history as a picture: clients as lanes, operations as bars from call to return. */
#ifndef WEFT_CHECK_HISTORY_TIMELINE_H
#define WEFT_CHECK_HISTORY_TIMELINE_H

#include "check/history/history.h"

/* "enqueue 5", "dequeue: 5", "insert 3 = 5: true"; "..." if the operation never returned. */
void lin_label(const lin_operation *op, char *out, size_t room);

/* False: out of memory. */
bool lin_draw_text(FILE *out, const lin_history *window);
bool lin_draw_html(FILE *out, const lin_history *window, const char *title, const char *why);

#endif
