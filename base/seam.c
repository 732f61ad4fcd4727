#include <weft/base/seam.h>

#if !defined(WEFT_SEAM) || defined(WEFT_SEAM_ATOMICS_ONLY)

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * Under -std=c11 the system's headers hide what is not ISO C, and in the single header they may have been included long
 * before this file. So this file needs no feature macro: it declares hidden names as Linux has them, or makes a system
 * call by its number.
 */
long syscall(long number, ...);
int posix_memalign(void **out, size_t alignment, size_t size);
#ifndef MAP_ANONYMOUS
#include <linux/mman.h>
#endif
#ifdef SIG_SETMASK
typedef sigset_t signal_set;
enum { SETMASK = SIG_SETMASK };
#elif defined(__mips__) || defined(__sparc__) || defined(__alpha__)
#error "SIG_SETMASK is another number here: compile base/seam.c with -std=gnu11"
#else
typedef weft_i_signals signal_set;
enum { SETMASK = 2 };
int pthread_sigmask(int how, const signal_set *set, signal_set *before);
#endif

/*
 * The kernel's type of seconds and nanoseconds: 64 bits on x32, and where the calls with shorter ones are gone
 * (riscv32).
 */
#if defined(SYS_clock_nanosleep_time64) && (!defined(SYS_clock_nanosleep) || !defined(SYS_clock_gettime))
typedef int64_t kernel_time;
enum { CLOCK_NANOSLEEP = SYS_clock_nanosleep_time64, CLOCK_GETTIME = SYS_clock_gettime64 };
#else
#if defined(__x86_64__)
typedef int64_t kernel_time;
#else
typedef long kernel_time;
#endif
enum { CLOCK_NANOSLEEP = SYS_clock_nanosleep, CLOCK_GETTIME = SYS_clock_gettime };
#endif

/* <linux/membarrier.h> is missing on older build machines; the numbers are the kernel's ABI. */
enum { MEMBARRIER_PRIVATE_EXPEDITED = 1 << 3, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 1 << 4 };

#if WEFT_I_TSAN
WEFT_I_OBJECT weft_i_atomic_int weft_i_tsan_fence_word;
#endif

#ifdef WEFT_DEBUG
enum { RANKS = 8 };
static WEFT_I_THREAD_LOCAL int held[RANKS];

/* This counts a mutex that was only tried, too: the thread may wait for others while it holds that one. */
static void note_locked(const weft_i_mutex *mutex, bool first_of_rank)
{
    for (int rank = mutex->rank + !first_of_rank; rank < RANKS; rank++)
        if (held[rank]) {
            fprintf(stderr, "weft: a mutex of rank %d is taken under one of rank %d\n", mutex->rank, rank);
            abort();
        }
    held[mutex->rank]++;
}

void weft_i_mutex_lock(weft_i_mutex *mutex)
{
    note_locked(mutex, !held[0]);
    (void)pthread_mutex_lock(&mutex->mutex);
}

bool weft_i_mutex_trylock(weft_i_mutex *mutex)
{
    if (pthread_mutex_trylock(&mutex->mutex) != 0)
        return false;
    note_locked(mutex, true);
    return true;
}

void weft_i_mutex_unlock(weft_i_mutex *mutex)
{
    held[mutex->rank]--;
    (void)pthread_mutex_unlock(&mutex->mutex);
}
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
        (void)syscall(SYS_madvise, memory, size, MADV_HUGEPAGE); /* advice only: a refusal costs nothing but speed */
#endif
    errno = saved;
    return memory == MAP_FAILED ? NULL : memory;
}

void weft_i_sys_unmap(void *memory, size_t size)
{
    (void)munmap(memory, size);
}

size_t weft_i_sys_page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

int weft_i_sys_map_twice(void **out, size_t once, size_t twice)
{
#if defined(SYS_memfd_create) && defined(SYS_ftruncate)
    enum { CLOSE_ON_EXEC = 1 };
    int saved = errno, error = 0;
    size_t all = once + 2 * twice;
    long file = syscall(SYS_memfd_create, "weft", CLOSE_ON_EXEC);
    char *memory = MAP_FAILED;
    if (file >= 0 && syscall(SYS_ftruncate, file, once + twice) == 0)
        memory = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); /* the addresses */
    if (memory == MAP_FAILED ||
        mmap(memory, once + twice, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, (int)file, 0) == MAP_FAILED ||
        mmap(memory + once + twice, twice, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, (int)file, (long)once) ==
            MAP_FAILED)
        error = -errno;
    if (error && memory != MAP_FAILED)
        (void)munmap(memory, all);
    if (file >= 0)
        (void)close((int)file);
    errno = saved;
    *out = memory;
    return error;
#else
    (void)out, (void)once, (void)twice;
    return -ENOSYS;
#endif
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

/*
 * If a permission is removed from a page that was written to, the kernel must make every processor that runs a thread
 * of this process forget the old one. On x86 it sends them an interrupt, which is a full fence (folly's
 * AsymmetricThreadFence relies on this, too). It sends none where processors can be told by broadcast: arm64, and AMD's
 * INVLPGB (CPUID 8000_0008, EBX bit 3).
 */
#if (defined(__x86_64__) || defined(__i386__)) && !WEFT_I_TSAN && defined(SYS_mlock)
#include <cpuid.h>

static bool told_by_broadcast(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0x80000008, &a, &b, &c, &d) && (b >> 3 & 1);
}

bool weft_i_sys_interrupt_all(void)
{
    enum { PAGE = 4096 };
    static char *page;
    int saved = errno;
    if (!page && !told_by_broadcast()) {
        void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory != MAP_FAILED && syscall(SYS_mlock, memory, (long)PAGE) == 0)
            page = memory; /* locked, so that it is present when the permission is removed */
        else if (memory != MAP_FAILED)
            (void)munmap(memory, PAGE);
    }
    bool done = page && mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0;
    if (done) {
        *(volatile char *)page = 1;
        done = mprotect(page, PAGE, PROT_READ) == 0;
    }
    errno = saved;
    return done;
}
#else
bool weft_i_sys_interrupt_all(void)
{
    return false;
}
#endif

/*
 * A plugin that has the library inside must not be unloaded: exit hooks of threads, fork handlers and pending callbacks
 * would run code that is gone. The linker's -z nodelete prevents this, but others link the plugin. So the object with
 * this code asks for it itself, while it is being loaded: later, a thread that waits for this one might hold the
 * loader's lock. The weak references need no -ldl. They are NULL in a static program, or where objects are never
 * unloaded (musl). dlopen is looked up at run time, since linkers warn about that name in static programs.
 */
#ifdef RTLD_NODELETE
struct loaded { /* how the loader's struct link_map begins */
    uintptr_t moved_by;
    const char *path; /* empty: the program itself */
};
static int find_loaded(const void *address, void *info[4], void **loaded, int what) __attribute__((weakref("dladdr1")));
static void *find_function(void *anywhere, const char *name) __attribute__((weakref("dlsym")));

WEFT_I_AT_LOAD static void stay_loaded(void)
{
    enum { LINK_MAP = 2 }; /* RTLD_DL_LINKMAP, which strict C11 hides */
    static const char inside;
    int saved = errno;
    void *info[4], *found = NULL, *function = NULL;
    if (find_loaded && find_function && find_loaded(&inside, info, &found, LINK_MAP) != 0 && found)
        function = find_function(NULL, "dlopen");
    if (function) {
        const struct loaded *object = found;
        void *(*load)(const char *path, int flags);
        memcpy(&load, &function, sizeof load); /* ISO C has no cast for it */
        if (object->path[0])
            (void)load(object->path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    }
    errno = saved;
}
#endif

/* A thread's keys beyond the first 32 take memory; if there is none, errno is set. */
bool weft_i_key_set(weft_i_key key, void *value)
{
    int saved = errno;
    bool done = pthread_setspecific(key, value) == 0;
    errno = saved;
    return done;
}

static uint64_t in_ns(uint64_t seconds, uint64_t ns)
{
    return seconds * 1000000000u + ns;
}

/* ISO C has it, so the headers never hide it. */
uint64_t weft_i_sys_wall_ns(void)
{
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return in_ns((uint64_t)now.tv_sec, (uint64_t)now.tv_nsec);
}

uint64_t weft_i_sys_clock_ns(void)
{
#ifdef CLOCK_MONOTONIC
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return in_ns((uint64_t)now.tv_sec, (uint64_t)now.tv_nsec);
#else
    kernel_time now[2] = {0, 0}; /* slower by a system call; nothing that is fast reads this clock */
    (void)syscall(CLOCK_GETTIME, 1, now);
    return in_ns((uint64_t)now[0], (uint64_t)now[1]);
#endif
}

bool weft_i_sys_random(void *out, size_t n)
{
    int saved = errno;
    const unsigned nonblock = 1;
    /* by its number: the function is a cancellation point, and missing in older C libraries */
    bool done = syscall(SYS_getrandom, out, n, nonblock) == (long)n;
    errno = saved;
    return done;
}

WEFT_I_OBJECT WEFT_I_THREAD_LOCAL char weft_i_here;

int weft_i_sys_thread_id(void)
{
    return (int)syscall(SYS_gettid);
}

void weft_i_sys_sleep_ns(uint64_t ns)
{
    int saved = errno;
    kernel_time time[2] = {(kernel_time)(ns / 1000000000u), (kernel_time)(ns % 1000000000u)};
    (void)syscall(CLOCK_NANOSLEEP, 1, 0, time, NULL); /* no cancellation point */
    errno = saved;
}

void weft_i_sys_yield(void)
{
    (void)sched_yield();
}

weft_i_signals weft_i_sys_block_signals(void)
{
    weft_i_signals all, before;
    _Static_assert(sizeof before >= sizeof(signal_set), "a signal set fits");
    memset(&all, 0xff, sizeof all);
    memset(&before, 0, sizeof before);
    /* not by its number: the thread sanitizer must see it, or it may run a pending handler in what follows */
    (void)pthread_sigmask(SETMASK, (const signal_set *)(const void *)&all, (signal_set *)(void *)&before);
    return before;
}

void weft_i_sys_restore_signals(weft_i_signals signals)
{
    (void)pthread_sigmask(SETMASK, (const signal_set *)(const void *)&signals, NULL);
}

#endif
