/*
 * Functions of libc that the library calls, and that fail when a test says so. They are linked with -Wl,--wrap, so that
 * sanitizers' own versions stay underneath.
 */
#ifndef WEFT_TESTS_UNIT_INTERPOSE_H
#define WEFT_TESTS_UNIT_INTERPOSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct t_interposed {
    atomic_bool refuse;  /* the function fails */
    atomic_size_t calls; /* the number of calls that were let through */
    atomic_size_t refused;
} t_interposed;

/* t_key_create begins refused, so that the library gets no key when it is loaded; main allows it. */
extern t_interposed t_malloc, t_posix_memalign, t_mmap, t_key_create, t_setspecific, t_getrandom;
extern t_interposed t_mutex_lock,
    t_membarrier;                     /* counted, never refused; of membarrier, only what interrupts threads */
extern t_interposed t_calloc, t_free; /* likewise */

/* Refuses all functions that give memory, or none. */
void t_refuse_memory(bool refuse);

/* Blocks from malloc, calloc and posix_memalign that are not freed. Those of shared libraries do not count. */
size_t t_blocks(void);

#endif
