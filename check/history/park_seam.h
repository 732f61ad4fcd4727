/*
 * A seam (base/atomic.h) that may hold a thread up at each atomic operation. The thread yields or sleeps, so that
 * others run in the middle of its operation. Otherwise these are C11's operations, as in a normal build.
 */
#ifndef WEFT_CHECK_HISTORY_PARK_SEAM_H
#define WEFT_CHECK_HISTORY_PARK_SEAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef void *_Atomic weft_atomic_ptr;
typedef _Atomic(size_t) weft_i_atomic_size;
typedef atomic_int weft_i_atomic_int;
typedef _Atomic(uint64_t) weft_i_atomic_wide;

#define WEFT_I_ORDERS

/* Sometimes yields or sleeps. */
void lin_park(void);

#define weft_i_load(p, order) (lin_park(), atomic_load_explicit((p), (order)))
#define weft_i_store(p, v, order) (lin_park(), atomic_store_explicit((p), (v), (order)))
#define weft_i_exchange(p, v, order) (lin_park(), atomic_exchange_explicit((p), (v), (order)))
#define weft_i_cas(p, expected, desired, success, failure)                                                             \
    (lin_park(), atomic_compare_exchange_strong_explicit((p), (expected), (desired), (success), (failure)))
#define weft_i_fetch_add(p, v, order) (lin_park(), atomic_fetch_add_explicit((p), (v), (order)))
#define weft_i_fetch_sub(p, v, order) (lin_park(), atomic_fetch_sub_explicit((p), (v), (order)))
#define weft_i_fetch_or(p, v, order) (lin_park(), atomic_fetch_or_explicit((p), (v), (order)))
#define weft_i_read(p) (*(p))
#define weft_i_write(p, v) ((void)(*(p) = (v)))
#define weft_i_compiler_fence() atomic_signal_fence(memory_order_seq_cst)
#define weft_i_full_fence() atomic_thread_fence(memory_order_seq_cst)

#define WEFT_SEAM_ATOMICS_ONLY

#endif
