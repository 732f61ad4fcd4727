#define _GNU_SOURCE
#include "tests/unit/interpose.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>

t_interposed t_malloc, t_posix_memalign, t_mmap, t_setspecific, t_getrandom, t_mutex_lock, t_membarrier;
t_interposed t_calloc, t_free;
enum { PRIVATE_EXPEDITED = 1 << 3 }; /* membarrier's command, as in base/seam.c */
t_interposed t_key_create = {.refuse = true};

static bool refused(t_interposed *function)
{
    bool refuse = atomic_load(&function->refuse);
    atomic_fetch_add(refuse ? &function->refused : &function->calls, 1);
    return refuse;
}

void t_refuse_memory(bool refuse)
{
    atomic_store(&t_malloc.refuse, refuse);
    atomic_store(&t_posix_memalign.refuse, refuse);
    atomic_store(&t_mmap.refuse, refuse);
}

size_t t_blocks(void)
{
    return atomic_load(&t_malloc.calls) + atomic_load(&t_calloc.calls) + atomic_load(&t_posix_memalign.calls) -
           atomic_load(&t_free.calls);
}

/* Names that the linker prescribes. */
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
void *__real_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);
int __real_pthread_key_create(pthread_key_t *key, void (*destructor)(void *value));
int __wrap_pthread_key_create(pthread_key_t *key, void (*destructor)(void *value));
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

void *__wrap_malloc(size_t size)
{
    if (!refused(&t_malloc))
        return __real_malloc(size);
    errno = ENOMEM;
    return NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    (void)refused(&t_calloc);
    return __real_calloc(count, size);
}

void __wrap_free(void *memory)
{
    if (memory)
        (void)refused(&t_free);
    __real_free(memory);
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
    if (!refused(&t_posix_memalign))
        return __real_posix_memalign(out, alignment, size);
    errno = ENOMEM; /* posix_memalign need not set errno, but some do */
    return ENOMEM;
}

void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    if (!refused(&t_mmap))
        return __real_mmap(address, size, protection, flags, file, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}

int __wrap_pthread_key_create(pthread_key_t *key, void (*destructor)(void *value))
{
    return refused(&t_key_create) ? EAGAIN : __real_pthread_key_create(key, destructor);
}

int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
    if (!refused(&t_setspecific))
        return __real_pthread_setspecific(key, value);
    errno = ENOMEM; /* as glibc sets it: its keys beyond the first 32 take memory */
    return ENOMEM;
}

/* Only counted. */
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    (void)refused(&t_mutex_lock);
    return __real_pthread_mutex_lock(mutex);
}

/* Reads six arguments, even if the caller passes fewer. */
__attribute__((no_sanitize("address"))) long __wrap_syscall(long number, ...)
{
    long argument[6];
    va_list list;
    if (number == SYS_getrandom && refused(&t_getrandom)) {
        errno = ENOSYS;
        return -1;
    }
    va_start(list, number);
    for (int i = 0; i < 6; i++) /* no call has more; the kernel reads only its own */
        argument[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_membarrier && (int)argument[0] == PRIVATE_EXPEDITED)
        (void)refused(&t_membarrier);
    return __real_syscall(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}
