/*
 * The atomics seam. Weft touches all shared memory through the macros below, and nothing else in the library includes
 * <stdatomic.h>. In a normal build they are the C11 `_explicit` operations (C++: std::atomic's members). A build with
 * -DWEFT_SEAM='"header.h"' takes this part and that of base/seam.h from that header instead.
 *
 * Public here: weft_atomic_ptr, the type of every pointer field that a guard may protect, and four helpers that
 * read the same in C and C++. Size and alignment are those of a plain pointer.
 */
#ifndef WEFT_BASE_ATOMIC_H
#define WEFT_BASE_ATOMIC_H

#include <weft/base/defs.h>

#ifdef WEFT_SEAM

#include WEFT_SEAM

#elif defined(__cplusplus)

#include <atomic>

typedef std::atomic<void *> weft_atomic_ptr;
typedef std::atomic<size_t> weft_i_atomic_size;
typedef std::atomic<int> weft_i_atomic_int;
typedef std::atomic<uint64_t> weft_i_atomic_wide;

/* Brings the C names of the orders into a function's scope. */
#define WEFT_I_ORDERS                                                                                                  \
    using std::memory_order_relaxed;                                                                                   \
    using std::memory_order_acquire;                                                                                   \
    using std::memory_order_release;                                                                                   \
    using std::memory_order_acq_rel;                                                                                   \
    using std::memory_order_seq_cst;                                                                                   \
    (void)memory_order_relaxed;                                                                                        \
    (void)memory_order_acquire;                                                                                        \
    (void)memory_order_release;                                                                                        \
    (void)memory_order_acq_rel;                                                                                        \
    (void)memory_order_seq_cst;

#define weft_i_load(p, order) ((p)->load(order))
#define weft_i_store(p, v, order) ((p)->store((v), (order)))
#define weft_i_exchange(p, v, order) ((p)->exchange((v), (order)))
#define weft_i_cas(p, expected, desired, success, failure)                                                             \
    ((p)->compare_exchange_strong(*(expected), (desired), (success), (failure)))
#define weft_i_compiler_fence() std::atomic_signal_fence(std::memory_order_seq_cst)

#else

#include <stdatomic.h>

/* A pointer whose target guards may protect. */
typedef void *_Atomic weft_atomic_ptr;
typedef _Atomic(size_t) weft_i_atomic_size;
typedef atomic_int weft_i_atomic_int;
typedef _Atomic(uint64_t) weft_i_atomic_wide; /* on 32-bit machines by their instructions for two words */

#define WEFT_I_ORDERS

#define weft_i_load(p, order) atomic_load_explicit((p), (order))
#define weft_i_store(p, v, order) atomic_store_explicit((p), (v), (order))
#define weft_i_exchange(p, v, order) atomic_exchange_explicit((p), (v), (order))
#define weft_i_cas(p, expected, desired, success, failure)                                                             \
    atomic_compare_exchange_strong_explicit((p), (expected), (desired), (success), (failure))
#define weft_i_fetch_add(p, v, order) atomic_fetch_add_explicit((p), (v), (order))
#define weft_i_fetch_sub(p, v, order) atomic_fetch_sub_explicit((p), (v), (order))
#define weft_i_fetch_or(p, v, order) atomic_fetch_or_explicit((p), (v), (order))

/*
 * For shared fields that are not atomic: a pair of orders elsewhere makes each access exclusive, or the field constant.
 */
#define weft_i_read(p) (*(p))
#define weft_i_write(p, v) ((void)(*(p) = (v)))

#define weft_i_compiler_fence() atomic_signal_fence(memory_order_seq_cst)

#if WEFT_I_TSAN
/* The thread sanitizer does not model fences: a read-modify-write of one word that all fences share orders more. */
WEFT_API_OBJECT weft_i_atomic_int weft_i_tsan_fence_word;
#define weft_i_full_fence() ((void)atomic_fetch_add_explicit(&weft_i_tsan_fence_word, 0, memory_order_seq_cst))
#else
#define weft_i_full_fence() atomic_thread_fence(memory_order_seq_cst)
#endif

#endif

#ifdef __cplusplus
static_assert(sizeof(weft_atomic_ptr) == sizeof(void *) && alignof(weft_atomic_ptr) == alignof(void *),
              "weft_atomic_ptr must be laid out as a plain pointer in C and C++ alike");
#else
_Static_assert(sizeof(weft_atomic_ptr) == sizeof(void *) && _Alignof(weft_atomic_ptr) == _Alignof(void *),
               "weft_atomic_ptr must be laid out as a plain pointer in C and C++ alike");
#endif

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_PTR_A1 memory_order_acquire /* weft_ptr_load -> WEFT_PTR_R1, WEFT_PTR_X1, WEFT_PTR_X2: sees what was written before the pointer was published */
#define WEFT_PTR_R1 memory_order_release /* weft_ptr_store -> WEFT_PTR_A1: publishes what the pointer leads to */
#define WEFT_PTR_X1 memory_order_acq_rel /* weft_ptr_cas -> WEFT_PTR_A1, WEFT_PTR_X1: publishes the new target, sees the old one */
#define WEFT_PTR_X2 memory_order_acq_rel /* weft_ptr_exchange -> WEFT_PTR_A1, WEFT_PTR_X2: publishes the new target, sees the old one */
#endif
/* clang-format on */

WEFT_BEGIN_DECLS

/* Reads a guarded field without protecting its target: for comparison, and for pointers that no thread frees. */
static inline void *weft_ptr_load(weft_atomic_ptr *source)
{
    WEFT_I_ORDERS
    return weft_i_load(source, WEFT_PTR_A1);
}

/* Publishes `value`, with all that this thread wrote before. */
static inline void weft_ptr_store(weft_atomic_ptr *target, void *value)
{
    WEFT_I_ORDERS
    weft_i_store(target, value, WEFT_PTR_R1);
}

/* Replaces *expected by desired; on failure writes what was found into *expected and returns false. */
static inline bool weft_ptr_cas(weft_atomic_ptr *target, void **expected, void *desired)
{
    WEFT_I_ORDERS
    return weft_i_cas(target, expected, desired, WEFT_PTR_X1, WEFT_PTR_A1);
}

/* Stores `value` and returns the old one, which is the caller's alone if all changes of the field are exchanges. */
static inline void *weft_ptr_exchange(weft_atomic_ptr *target, void *value)
{
    WEFT_I_ORDERS
    return weft_i_exchange(target, value, WEFT_PTR_X2);
}

WEFT_END_DECLS

#endif
