/* How often a thread is held up at an atomic operation of a library built with park_seam.h. */
#ifndef WEFT_TESTS_LINEAR_PARK_H
#define WEFT_TESTS_LINEAR_PARK_H

#include <stddef.h>

/* It yields one time in so many, and sleeps for microseconds; 0 yields: never either. */
void lin_park_set(unsigned yields, unsigned sleeps);

/* How often that has happened. */
size_t lin_parked(void);

void lin_park(void);

#endif
