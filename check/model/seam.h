/*
 * The seam of base/atomic.h and base/seam.h for the controlled machine. Each atomic operation, fence and lock is a
 * choice point; memory is the machine's; a waiting thread lets others run. A program's own seam includes this file and
 * the orders.h that orders.py makes. There the named orders are entries of a table, so one order can be weakened
 * without compiling again.
 */
#ifndef WEFT_CHECK_MODEL_SEAM_H
#define WEFT_CHECK_MODEL_SEAM_H

#include <pthread.h>
#include <string.h>

#include "check/model/machine.h"

#define _Atomic /* the library's lists of records and locals are plain here, and used only through the macros below */

typedef void *weft_atomic_ptr;
typedef size_t weft_i_atomic_size;
typedef int weft_i_atomic_int;
typedef uint64_t weft_i_atomic_wide;

enum {
    memory_order_relaxed = MODEL_RELAXED,
    memory_order_acquire = MODEL_ACQUIRE,
    memory_order_release = MODEL_RELEASE,
    memory_order_acq_rel = MODEL_ACQ_REL,
    memory_order_seq_cst = MODEL_SEQ_CST
};

#define WEFT_I_ORDERS

#define MODEL_VALUE(v) ((uint64_t)(uintptr_t)(v))
#define MODEL_PLACE(p) (void *)(uintptr_t)(p)

#define weft_i_load(p, order) ((__typeof__(*(p)))model_load(MODEL_PLACE(p), sizeof *(p), (order), __FILE__, __LINE__))
#define weft_i_store(p, v, order) model_store(MODEL_PLACE(p), sizeof *(p), MODEL_VALUE(v), (order), __FILE__, __LINE__)
#define MODEL_RMW(p, kind, v, order)                                                                                   \
    ((__typeof__(*(p)))model_rmw(MODEL_PLACE(p), sizeof *(p), kind, MODEL_VALUE(v), (order), __FILE__, __LINE__))
#define weft_i_exchange(p, v, order) MODEL_RMW(p, MODEL_EXCHANGE, v, order)
#define weft_i_fetch_add(p, v, order) MODEL_RMW(p, MODEL_ADD, v, order)
#define weft_i_fetch_sub(p, v, order) MODEL_RMW(p, MODEL_ADD, (uintptr_t)0 - (uintptr_t)(v), order)
#define weft_i_fetch_or(p, v, order) MODEL_RMW(p, MODEL_OR, v, order)
#define weft_i_cas(p, expected, desired, success, failure)                                                             \
    __extension__({                                                                                                    \
        uint64_t model_seen = MODEL_VALUE(*(expected));                                                                \
        bool model_done = model_cas(MODEL_PLACE(p), sizeof *(p), &model_seen, MODEL_VALUE(desired), (success),         \
                                    (failure), __FILE__, __LINE__);                                                    \
        if (!model_done)                                                                                               \
            *(expected) = (__typeof__(*(expected)))model_seen;                                                         \
        model_done;                                                                                                    \
    })
#define weft_i_read(p) (model_plain((p), sizeof *(p), false, __FILE__, __LINE__), *(p))
#define weft_i_write(p, v) (model_plain((p), sizeof *(p), true, __FILE__, __LINE__), (void)(*(p) = (v)))
#define weft_i_compiler_fence() ((void)0)
#define weft_i_full_fence() model_fence(FULL_FENCE, __FILE__, __LINE__)

typedef struct weft_i_mutex {
    long unused;
} weft_i_mutex;
#define WEFT_I_MUTEX_INIT(rank)                                                                                        \
    {                                                                                                                  \
        0                                                                                                              \
    }
#define weft_i_mutex_init(mutex, rank) ((void)(mutex))
#define weft_i_mutex_lock(mutex) model_lock(mutex)
#define weft_i_mutex_trylock(mutex) model_trylock(mutex)
#define weft_i_mutex_unlock(mutex) model_unlock(mutex)
#define weft_i_mutex_destroy(mutex) ((void)(mutex))

#define weft_i_sys_alloc(size, alignment) model_alloc((size), (alignment))
#define weft_i_sys_free(memory) model_free(memory)
#define weft_i_sys_map(size) memset(model_alloc((size), 4096), 0, (size))
#define weft_i_sys_unmap(memory, size) ((void)(size), model_free(memory))
#define weft_i_sys_page() ((size_t)4096)
#define weft_i_sys_map_twice(out, once, twice) ((void)(out), (void)(once), (void)(twice), -38) /* there is none */

/* The case says whether there is membarrier(2). */
#define weft_i_sys_membarrier_probe() model_has_membarrier()
#define weft_i_sys_membarrier() model_membarrier()
#define weft_i_sys_interrupt_all() model_interrupt_all()

#define weft_i_sys_clock_ns() ((uint64_t)0)
#define weft_i_sys_random(out, n) (memset((out), 0x5b, (n)), true)
#define weft_i_sys_thread_id() ((int)model_thread() + 1)
#define weft_i_sys_spread() ((size_t)model_thread() / 2) /* some threads begin at one place */
#define weft_i_sys_sleep_ns(ns) ((void)(ns), model_yield())
#define weft_i_sys_yield() model_yield()
#define weft_i_pause() model_yield()

typedef struct weft_i_signals {
    int unused;
} weft_i_signals;
#define weft_i_sys_block_signals() ((weft_i_signals){0})
#define weft_i_sys_restore_signals(signals) ((void)(signals))

/* The machine ends threads, and calls the hook then. */
#define WEFT_I_AT_LOAD __attribute__((unused))
typedef int weft_i_key;
#define weft_i_key_create(key, hook) ((void)(key), model_key(hook) == 0)
#define weft_i_key_set(key, value) ((void)(key), model_set_key(value) == 0)
#define weft_i_at_fork(prepare, parent, child) ((void)(prepare), (void)(parent), (void)(child), true)

#endif
