/* private. Choices that a schedule gives, or that are made at random or by priorities (PCT). */
#ifndef WEFT_CHECK_MODEL_SCHEDULE_H
#define WEFT_CHECK_MODEL_SCHEDULE_H

#include "check/model/state.h"

/* Before an execution: seeds the random choices, and draws the priorities. */
void m_begin_schedule(void);
/* Before an execution: reads the given schedule. False: it is none; the result says at which entry. */
bool m_read_schedule(void);
/* After an execution: a schedule that was not used up is not one of this case. */
void m_end_schedule(void);
/* The next of these threads, at random, by priority or as the schedule says. */
unsigned m_scheduled_thread(unsigned enabled);
/* Likewise one of `count` stores. The schedule tells them apart by the number of later stores passed over. */
int m_scheduled_value(const int *option, int count, int last);
/* The last execution as text. Empty: it does not fit into `size` bytes. */
void m_write_schedule(char *out, size_t size);

#endif
