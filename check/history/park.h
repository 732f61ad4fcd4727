/* Holds threads up at atomic operations of a library built with park_seam.h. */
#ifndef WEFT_CHECK_HISTORY_PARK_H
#define WEFT_CHECK_HISTORY_PARK_H

#include <stdbool.h>
#include <stddef.h>

/* A thread yields at one in `yields` operations, and sleeps `ns` at one in `sleeps`. 0: never. */
void lin_park_set(unsigned yields, unsigned sleeps, unsigned ns);

/* The number of yields and sleeps so far. */
size_t lin_parked(void);

/* The calling thread's `n`-th atomic operation from now on (0: the next) calls `here` before it is done. */
void lin_park_at(size_t n, void (*here)(void *ctx), void *ctx);
/* Cancels lin_park_at. False: the call has been made. */
bool lin_park_cancel(void);

void lin_park(void);

#endif
