/*
 * What the library asks of libc, refused when a test says so: linked with -Wl,--wrap, so that sanitizers' own
 * versions stay underneath.
 */
#ifndef WEFT_TESTS_UNIT_INTERPOSE_H
#define WEFT_TESTS_UNIT_INTERPOSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct t_interposed {
    atomic_bool refuse;  /* answer as if there were none left */
    atomic_size_t calls; /* while counting: how many were let through */
    atomic_size_t refused;
} t_interposed;

/* That of t_key_create begins refused, so that the library finds none when it is loaded; main allows it. */
extern t_interposed t_malloc, t_posix_memalign, t_mmap, t_key_create, t_setspecific, t_getrandom;
extern t_interposed t_mutex_lock,
    t_membarrier;                     /* which are counted, and never refused; of the second, what interrupts */
extern t_interposed t_calloc, t_free; /* likewise */

/* All that gives memory, at once. */
void t_refuse_memory(bool refuse);

/* Blocks that malloc, calloc and posix_memalign have given to the program, libraries that it shares apart, and that it has not freed. */
size_t t_blocks(void);

#endif
