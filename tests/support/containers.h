/*
 * The containers of structures.def behind one table, for tests that hold for all of them: what goes in comes out once,
 * in a known order. It uses only the public headers, so the program that links it chooses the library's build. A test
 * that needs any container uses the first, `containers`.
 */
#ifndef WEFT_TESTS_SUPPORT_CONTAINERS_H
#define WEFT_TESTS_SUPPORT_CONTAINERS_H

#include "structures.def"

typedef struct container {
    const char *name;
    bool lifo; /* a stack; else a queue */
    int (*create)(void **out, weft_domain *domain);
    int (*put)(void *object, void *value);
    int (*put_many)(void *object, void *const *values, size_t count);
    bool (*take)(void *object, void **value);
    bool (*is_empty)(void *object);
    void (*destroy)(void *object, void (*drain)(void *value, void *ctx), void *ctx);
} container;

/* CONTAINER_x is the index of weft_x in the table. */
#define CONTAINER_PLACE(KIND, name, put, take, unused) CONTAINER_##name,
enum { WEFT_CONTAINERS(CONTAINER_PLACE, 0) CONTAINERS };

extern const container containers[CONTAINERS];

#endif
