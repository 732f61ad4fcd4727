/*
 * A seam (base/atomic.h) that reports the kind and the place of every access to shared memory, so that an operation's
 * cost can be counted. The operations are C11's, as in a normal build.
 */
#ifndef BENCH_COUNT_SEAM_H
#define BENCH_COUNT_SEAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef void *_Atomic weft_atomic_ptr;
typedef _Atomic(size_t) weft_i_atomic_size;
typedef atomic_int weft_i_atomic_int;
typedef _Atomic(uint64_t) weft_i_atomic_wide;

#define WEFT_I_ORDERS

enum { COUNT_LOAD, COUNT_STORE, COUNT_RMW, COUNT_FENCE, COUNT_KINDS };

/* By the thread's address two threads may meet at one place, in some processes and not in others. */
size_t count_thread_now(void);
#define weft_i_sys_spread() count_thread_now()

/* place NULL: a fence, which accesses no memory. A sequentially consistent store counts as a fence, too. */
void count_note(const volatile void *place, int kind);

#define COUNT_STORE_AS(order) ((order) == memory_order_seq_cst ? COUNT_FENCE : COUNT_STORE)
#define COUNT_AT(p, kind) count_note((const volatile void *)(p), (kind))

#define weft_i_load(p, order) (COUNT_AT(p, COUNT_LOAD), atomic_load_explicit((p), (order)))
#define weft_i_store(p, v, order) (COUNT_AT(p, COUNT_STORE_AS(order)), atomic_store_explicit((p), (v), (order)))
#define weft_i_exchange(p, v, order) (COUNT_AT(p, COUNT_RMW), atomic_exchange_explicit((p), (v), (order)))
#define weft_i_cas(p, expected, desired, success, failure)                                                             \
    (COUNT_AT(p, COUNT_RMW), atomic_compare_exchange_strong_explicit((p), (expected), (desired), (success), (failure)))
#define weft_i_fetch_add(p, v, order) (COUNT_AT(p, COUNT_RMW), atomic_fetch_add_explicit((p), (v), (order)))
#define weft_i_fetch_sub(p, v, order) (COUNT_AT(p, COUNT_RMW), atomic_fetch_sub_explicit((p), (v), (order)))
#define weft_i_fetch_or(p, v, order) (COUNT_AT(p, COUNT_RMW), atomic_fetch_or_explicit((p), (v), (order)))
#define weft_i_read(p) (COUNT_AT(p, COUNT_LOAD), *(p))
#define weft_i_write(p, v) (COUNT_AT(p, COUNT_STORE), (void)(*(p) = (v)))
#define weft_i_compiler_fence() atomic_signal_fence(memory_order_seq_cst)
#define weft_i_full_fence() (count_note(NULL, COUNT_FENCE), atomic_thread_fence(memory_order_seq_cst))

#define WEFT_SEAM_ATOMICS_ONLY

#endif
