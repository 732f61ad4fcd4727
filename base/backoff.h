/*
 * private. After a compare-and-swap has lost a race, a thread waits, so that the winner works alone with the line in
 * its cache. Uncontended code never gets here. The wait is a time, not a number of turns: a pause takes 4 ns on some
 * processors and 50 on others.
 */
#ifndef WEFT_BASE_BACKOFF_H
#define WEFT_BASE_BACKOFF_H

#include <weft/base/seam.h>

/* The first wait, and the longest. */
#ifndef WEFT_BACKOFF_NS
#define WEFT_BACKOFF_NS 2500
#endif
#ifndef WEFT_BACKOFF_MAX_NS
#define WEFT_BACKOFF_MAX_NS 5000
#endif

typedef struct weft_i_backoff {
    unsigned ns; /* the last wait; start with 0 */
} weft_i_backoff;

#if !defined(WEFT_SEAM) || defined(WEFT_SEAM_ATOMICS_ONLY)
WEFT_I_PRIVATE void weft_i_backoff_wait(weft_i_backoff *backoff);
#endif

#endif
