#define _GNU_SOURCE
#include <weft/base/seam.h>

#if !defined(WEFT_SEAM) || defined(WEFT_SEAM_ATOMICS_ONLY)

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* <linux/membarrier.h> is missing on older build machines; the numbers are the kernel's ABI. */
enum { MEMBARRIER_PRIVATE_EXPEDITED = 1 << 3, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 1 << 4 };

#if WEFT_I_TSAN
weft_i_atomic_int weft_i_tsan_fence_word;
#endif

void *weft_i_sys_alloc(size_t size, size_t alignment)
{
    int saved = errno;
    void *memory = NULL;
    if (alignment <= _Alignof(max_align_t))
        memory = malloc(size);
    else if (posix_memalign(&memory, alignment, size) != 0)
        memory = NULL;
    errno = saved;
    return memory;
}

void weft_i_sys_free(void *memory)
{
    free(memory);
}

void *weft_i_sys_map(size_t size)
{
    int saved = errno;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#ifdef MADV_HUGEPAGE
    if (memory != MAP_FAILED)
        (void)madvise(memory, size, MADV_HUGEPAGE); /* advice only: refused, it costs speed and nothing else */
#endif
    errno = saved;
    return memory == MAP_FAILED ? NULL : memory;
}

void weft_i_sys_unmap(void *memory, size_t size)
{
    (void)munmap(memory, size);
}

/* errno is the caller's: no Weft call may change it. */
static bool membarrier_call(int command)
{
#ifdef SYS_membarrier
    int saved = errno;
    bool done = syscall(SYS_membarrier, command, 0, 0) == 0;
    errno = saved;
    return done;
#else
    (void)command;
    return false;
#endif
}

bool weft_i_sys_membarrier_probe(void)
{
#if WEFT_I_TSAN
    return false; /* a barrier in the kernel is invisible to the thread sanitizer: use the fences it sees */
#else
    return membarrier_call(MEMBARRIER_REGISTER_PRIVATE_EXPEDITED) && membarrier_call(MEMBARRIER_PRIVATE_EXPEDITED);
#endif
}

bool weft_i_sys_membarrier(void)
{
    return membarrier_call(MEMBARRIER_PRIVATE_EXPEDITED);
}

uint64_t weft_i_sys_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool weft_i_sys_random(void *out, size_t n)
{
    int saved = errno;
    bool done = getrandom(out, n, GRND_NONBLOCK) == (ssize_t)n;
    errno = saved;
    return done;
}

int weft_i_sys_thread_id(void)
{
    return (int)syscall(SYS_gettid);
}

void weft_i_sys_sleep_ns(uint64_t ns)
{
    int saved = errno;
    struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    (void)nanosleep(&t, NULL);
    errno = saved;
}

void weft_i_sys_yield(void)
{
    (void)sched_yield();
}

weft_i_signals weft_i_sys_block_signals(void)
{
    weft_i_signals mask = {{0}};
    sigset_t all, before;
    _Static_assert(sizeof mask >= sizeof before, "a signal set fits");
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    memcpy(&mask, &before, sizeof before);
    return mask;
}

void weft_i_sys_restore_signals(weft_i_signals signals)
{
    sigset_t before;
    memcpy(&before, &signals, sizeof before);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

#endif
