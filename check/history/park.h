/* How often a thread is held up at an atomic operation of a library built with park_seam.h. */
#ifndef WEFT_CHECK_HISTORY_PARK_H
#define WEFT_CHECK_HISTORY_PARK_H

#include <stdbool.h>
#include <stddef.h>

/* It yields one time in so many, and sleeps `ns` one time in so many; 0: never. */
void lin_park_set(unsigned yields, unsigned sleeps, unsigned ns);

/* How often that has happened. */
size_t lin_parked(void);

/* The calling thread's `n`-th atomic operation from now on (0: the next) calls `here` before it is done. */
void lin_park_at(size_t n, void (*here)(void *ctx), void *ctx);
/* Takes that back; false: it has come to it. */
bool lin_park_cancel(void);

void lin_park(void);

#endif
