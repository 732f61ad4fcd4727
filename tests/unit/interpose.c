#define _GNU_SOURCE
#include "tests/unit/interpose.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/types.h>

t_interposed t_malloc, t_posix_memalign, t_mmap, t_setspecific, t_getrandom;
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

/* Names that the linker prescribes. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
void *__real_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);
int __real_pthread_key_create(pthread_key_t *key, void (*destructor)(void *value));
int __wrap_pthread_key_create(pthread_key_t *key, void (*destructor)(void *value));
int __real_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
ssize_t __real_getrandom(void *out, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *out, size_t size, unsigned flags);

void *__wrap_malloc(size_t size)
{
    if (!refused(&t_malloc))
        return __real_malloc(size);
    errno = ENOMEM;
    return NULL;
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
    if (!refused(&t_posix_memalign))
        return __real_posix_memalign(out, alignment, size);
    errno = ENOMEM; /* need not, but some do */
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
    return refused(&t_setspecific) ? ENOMEM : __real_pthread_setspecific(key, value);
}

ssize_t __wrap_getrandom(void *out, size_t size, unsigned flags)
{
    if (!refused(&t_getrandom))
        return __real_getrandom(out, size, flags);
    errno = ENOSYS;
    return -1;
}
