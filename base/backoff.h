/*
 * private. What a thread does that has lost a compare-and-swap: it waits, so that the winner works on with the line in its
 * cache. How long follows from two times that each thread measures: its pace, the time from one of its operations to the
 * next, and a trip, the time that a try takes when the line must come from another core. A thread that is slower than a
 * trip waits for half of one, since it would be away longer than the winner needs the line. A faster thread waits for
 * eight trips, so that one trip in nine is lost. Each further loss of the operation doubles the wait.
 * docs/design/0004-waiting.md has the measurements. Code without contention only counts its operations.
 *
 * A wait is a time, not a number of turns: a pause takes 4 ns on some processors and 50 on others.
 */
#ifndef WEFT_BASE_BACKOFF_H
#define WEFT_BASE_BACKOFF_H

#include <weft/base/seam.h>

/* What a thread knows of its own pace, from its losses of about the last 100 us. */
typedef struct weft_i_pace {
    size_t operations, operations_then; /* of the thread, about; now, and at its last loss */
    uint64_t then_ns;
    uint64_t took_ns, done; /* sums: the time from loss to loss, and the operations meanwhile */
    unsigned losses, trip_ns;
} weft_i_pace;

typedef struct weft_i_backoff {
    unsigned ns;       /* the last wait of this operation; start with 0 */
    uint64_t until_ns; /* when it ended, if the next try is to be measured */
} weft_i_backoff;

#if !defined(WEFT_SEAM) || defined(WEFT_SEAM_ATOMICS_ONLY)
/* Waits after a loss. `pace` is NULL in a thread without a record. */
WEFT_I_PRIVATE void weft_i_backoff_wait(weft_i_backoff *backoff, weft_i_pace *pace);

/* To be called after the try that followed the wait. */
WEFT_I_PRIVATE void weft_i_backoff_over(weft_i_backoff *backoff, weft_i_pace *pace);
#endif

#endif
