/*
 * private. The rest of the seam: everything in kernels and reclamation that is neither an atomic nor plain C on private
 * memory. A build with WEFT_SEAM takes all of it from that header (see base/atomic.h), unless the header defines
 * WEFT_SEAM_ATOMICS_ONLY.
 */
#ifndef WEFT_BASE_SEAM_H
#define WEFT_BASE_SEAM_H

#include <weft/base/atomic.h>

#if !defined(WEFT_SEAM) || defined(WEFT_SEAM_ATOMICS_ONLY)

#include <pthread.h>

/* A thread takes mutexes in ascending rank. While it holds the one of rank 0, it may take several of the same rank. */
typedef struct weft_i_mutex {
    pthread_mutex_t mutex;
#ifdef WEFT_DEBUG
    int rank;
#endif
} weft_i_mutex;
#ifdef WEFT_DEBUG
#define WEFT_I_MUTEX_INIT(rank)                                                                                        \
    {                                                                                                                  \
        PTHREAD_MUTEX_INITIALIZER, (rank)                                                                              \
    }
#define weft_i_mutex_init(m, its) (*(m) = (weft_i_mutex)WEFT_I_MUTEX_INIT(its))
/* They print why and abort if the order of ranks is violated. */
WEFT_I_PRIVATE void weft_i_mutex_lock(weft_i_mutex *mutex);
WEFT_I_PRIVATE bool weft_i_mutex_trylock(weft_i_mutex *mutex);
WEFT_I_PRIVATE void weft_i_mutex_unlock(weft_i_mutex *mutex);
#else
#define WEFT_I_MUTEX_INIT(rank)                                                                                        \
    {                                                                                                                  \
        PTHREAD_MUTEX_INITIALIZER                                                                                      \
    }
#define weft_i_mutex_init(m, rank) ((void)pthread_mutex_init(&(m)->mutex, NULL))
#define weft_i_mutex_lock(m) ((void)pthread_mutex_lock(&(m)->mutex))
#define weft_i_mutex_trylock(m) (pthread_mutex_trylock(&(m)->mutex) == 0)
#define weft_i_mutex_unlock(m) ((void)pthread_mutex_unlock(&(m)->mutex))
#endif
#define weft_i_mutex_destroy(m) ((void)pthread_mutex_destroy(&(m)->mutex))

/* A function that runs when the library is loaded. */
#define WEFT_I_AT_LOAD __attribute__((constructor))

/* A key's value makes `hook` run at the thread's end. Both return false if the process has no key or no memory left. */
typedef pthread_key_t weft_i_key;
#define weft_i_key_create(key, hook) (pthread_key_create((key), (hook)) == 0)
WEFT_I_PRIVATE bool weft_i_key_set(weft_i_key key, void *value);
#define weft_i_at_fork(prepare, parent, child) (pthread_atfork((prepare), (parent), (child)) == 0)

/* Memory of the given size and alignment, or NULL. weft_i_sys_map is for zeroed memory of 2 MiB or more. */
WEFT_I_PRIVATE void *weft_i_sys_alloc(size_t size, size_t alignment);
WEFT_I_PRIVATE void weft_i_sys_free(void *memory);
WEFT_I_PRIVATE void *weft_i_sys_map(size_t size);
WEFT_I_PRIVATE void weft_i_sys_unmap(void *memory, size_t size);
/*
 * Zeroed memory of `once` and then `twice` bytes, multiples of a page; behind them the last `twice` bytes are mapped once
 * more. 0 or -errno. A forked child shares it. weft_i_sys_unmap takes once + 2 * twice.
 */
WEFT_I_PRIVATE size_t weft_i_sys_page(void);
WEFT_I_PRIVATE int weft_i_sys_map_twice(void **out, size_t once, size_t twice);

/* membarrier(2) PRIVATE_EXPEDITED: probe registers the process; both return false where the kernel refuses. */
WEFT_I_PRIVATE bool weft_i_sys_membarrier_probe(void);
WEFT_I_PRIVATE bool weft_i_sys_membarrier(void);
/*
 * A slower substitute, by a change of the page tables. False where that interrupts no processor. One caller at a time.
 */
WEFT_I_PRIVATE bool weft_i_sys_interrupt_all(void);

WEFT_I_PRIVATE uint64_t weft_i_sys_clock_ns(void);          /* monotonic */
WEFT_I_PRIVATE uint64_t weft_i_sys_wall_ns(void);           /* may be set meanwhile, but never costs a system call */
WEFT_I_PRIVATE bool weft_i_sys_random(void *out, size_t n); /* getrandom; false where it is refused */
WEFT_I_PRIVATE int weft_i_sys_thread_id(void);
/* Below 64; most threads have different ones, so that they choose different cache lines. A build may choose them itself. */
WEFT_I_PRIVATE_OBJECT WEFT_I_THREAD_LOCAL char weft_i_here;
#ifndef weft_i_sys_spread
#define weft_i_sys_spread() ((size_t)(uintptr_t)&weft_i_here * (size_t)0x9E3779B97F4A7C15 >> (sizeof(size_t) * 8 - 6))
#endif
WEFT_I_PRIVATE void weft_i_sys_sleep_ns(uint64_t ns);
WEFT_I_PRIVATE void weft_i_sys_yield(void);

/* For locks that signal handlers may need, too. */
typedef struct weft_i_signals {
    unsigned long mask[1024 / (8 * sizeof(unsigned long))]; /* a sigset_t, which strict C11 hides */
} weft_i_signals;
WEFT_I_PRIVATE weft_i_signals weft_i_sys_block_signals(void);
WEFT_I_PRIVATE void weft_i_sys_restore_signals(weft_i_signals signals);

#if defined(__x86_64__) || defined(__i386__)
#define weft_i_pause() __builtin_ia32_pause()
#elif defined(__aarch64__) || defined(__ARM_ARCH_7A__)
#define weft_i_pause() __asm__ __volatile__("yield" ::: "memory")
#else
#define weft_i_pause() weft_i_compiler_fence()
#endif

#endif

#endif
