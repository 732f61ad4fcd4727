/* The bounded rings of structures.def behind one table, as containers.h has the queues and stacks. */
#ifndef WEFT_TESTS_SUPPORT_RINGS_H
#define WEFT_TESTS_SUPPORT_RINGS_H

#include "structures.def"

typedef struct ring {
    const char *name;
    int (*create)(void **out, size_t capacity, size_t element_size, unsigned flags);
    bool (*try_push)(void *object, const void *element);
    bool (*try_pop)(void *object, void *element);
    size_t (*push_many)(void *object, const void *elements, size_t count);
    size_t (*pop_many)(void *object, void *elements, size_t count);
    size_t (*size)(void *object);
    void (*destroy)(void *object);
} ring;

/* RING_x is the index of weft_x in the table. */
#define RING_PLACE(KIND, name, unused) RING_##name,
enum { WEFT_RINGS(RING_PLACE, 0) RINGS };

extern const ring rings[RINGS];

#endif
