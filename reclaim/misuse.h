/*
 * private. Misuse that no result can report. If the library is compiled with -DWEFT_DEBUG, misuse aborts the program
 * with a line that says what was done; otherwise the macros below do nothing. Guards and domains are checked if the
 * program is compiled so (guard.h).
 */
#ifndef WEFT_RECLAIM_MISUSE_H
#define WEFT_RECLAIM_MISUSE_H

#include <weft/base/defs.h>

/* Prints `what` and aborts. */
_Noreturn WEFT_I_PRIVATE void weft_i_misused(const char *what);

/* The value of a structure's or domain's `alive` from its creation to its destruction. */
#define WEFT_I_ALIVE ((uintptr_t)0x57656674)

#ifdef WEFT_DEBUG
/*
 * A structure's last member, so that an allocator does not overwrite it with data of its own once the memory is freed.
 */
#define WEFT_I_LIFE uintptr_t alive;
#define weft_i_born(structure) ((void)((structure)->alive = WEFT_I_ALIVE))
#define weft_i_check_alive(structure)                                                                                  \
    ((structure)->alive == WEFT_I_ALIVE                                                                                \
         ? (void)0                                                                                                     \
         : weft_i_misused("a structure is used that has been destroyed, or never was created"))
#define weft_i_dies(structure) (weft_i_check_alive(structure), (void)((structure)->alive = 0))
/* For structures of a domain. */
#define weft_i_check(structure) (weft_i_check_forks(weft_i_self()), weft_i_check_alive(structure))
/* An object may be retired only once until it is reclaimed. As many objects are remembered as fit. */
WEFT_I_PRIVATE void weft_i_note_retired(const void *object);
WEFT_I_PRIVATE void weft_i_note_reclaimed(const void *object);
/* While the library's fork handlers have its locks: the thread that forks, or NULL if it has no record. Else NULL. */
WEFT_I_PRIVATE void weft_i_note_forking(const void *thread);
/* Aborts if that is the caller: it runs a fork handler of the user's. */
WEFT_I_PRIVATE void weft_i_check_forks(const void *thread);
#else
#define WEFT_I_LIFE
#define weft_i_born(structure) ((void)0)
#define weft_i_check_alive(structure) ((void)0)
#define weft_i_check(structure) ((void)0)
#define weft_i_dies(structure) ((void)0)
#define weft_i_note_retired(object) ((void)0)
#define weft_i_note_reclaimed(object) ((void)0)
#define weft_i_note_forking(thread) ((void)0)
#define weft_i_check_forks(thread) ((void)0)
#endif

#endif
