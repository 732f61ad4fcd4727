/* private. Choices that are not searched for but given, or drawn by chance or by priorities. */
#ifndef WEFT_CHECK_MODEL_SCHEDULE_H
#define WEFT_CHECK_MODEL_SCHEDULE_H

#include "check/model/state.h"

/* Before an execution: what random choices and priorities follow from. */
void m_begin_schedule(void);
/* Before an execution and after it. False: what was given is no schedule, or not one of this case; the result says at which entry. */
bool m_read_schedule(void);
void m_end_schedule(void);
/* The next of these threads, by chance, priority or the schedule that is given. */
unsigned m_scheduled_thread(unsigned enabled);
/* Likewise of `count` values, by how many stores each passes over. */
int m_scheduled_value(const int *option, int count, int last);
/* The execution that has just been, as text; an empty one does not fit. */
void m_write_schedule(char *out, size_t size);

#endif
