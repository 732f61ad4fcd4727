#include <weft/base/atomic.h>
#include <weft/reclaim/misuse.h>

#include <stdio.h>
#include <stdlib.h>

void weft_i_misused(const char *what)
{
    fprintf(stderr, "weft: %s\n", what);
    abort();
}

#ifdef WEFT_DEBUG

static weft_atomic_ptr forking;

void weft_i_note_forking(const void *thread)
{
    /* relaxed: only that thread asks for its own address */
    weft_i_store(&forking, (void *)(uintptr_t)thread, memory_order_relaxed);
}

void weft_i_check_forks(const void *thread)
{
    /* relaxed: a thread sees its own store */
    const void *forks = weft_i_load(&forking, memory_order_relaxed);
    if (weft_i_unlikely(thread && forks == thread))
        weft_i_misused("Weft is used in a fork handler that was registered before the library was loaded");
}

/* A hash set with open addressing. An object's address is in one of PROBES entries; if these are all taken, it is not remembered. */
enum { PLACES = 1 << 16, PROBES = 16 };

static weft_atomic_ptr retired[PLACES];

static weft_atomic_ptr *place(const void *object, size_t probe)
{
    return &retired[(((uintptr_t)object >> 4) * 0x9e3779b1u + probe) % PLACES];
}

void weft_i_note_retired(const void *object)
{
    for (size_t probe = 0; probe < PROBES; probe++)
        /* relaxed: an address, not followed */
        if (weft_i_load(place(object, probe), memory_order_relaxed) == object)
            weft_i_misused("an object is retired that has been retired already, and was not reclaimed since");
    for (size_t probe = 0; probe < PROBES; probe++) {
        void *none = NULL;
        /* relaxed: an address, not followed */
        if (weft_i_cas(place(object, probe), &none, (void *)(uintptr_t)object, memory_order_relaxed,
                       memory_order_relaxed))
            return;
    }
}

void weft_i_note_reclaimed(const void *object)
{
    for (size_t probe = 0; probe < PROBES; probe++) {
        void *same = (void *)(uintptr_t)object;
        /* relaxed: an address, not followed */
        if (weft_i_cas(place(object, probe), &same, NULL, memory_order_relaxed, memory_order_relaxed))
            return;
    }
}

#endif
