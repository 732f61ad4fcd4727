/*
 * The common part of Weft's adapters: every object has its own domain, with the scheme that its row names. Each adapter
 * passes the functions that create and destroy its structure.
 */
#ifndef BENCH_WEFT_DOMAIN_H
#define BENCH_WEFT_DOMAIN_H

#include "bench/measure/worker.h"

#include <weft/reclaim/domain.h>

#include <errno.h>
#include <stdlib.h>

typedef struct weft_object {
    weft_domain *domain;
    void *structure;
} weft_object;

static inline int weft_object_create(void **out, weft_scheme scheme,
                                     int (*create)(void **structure, weft_domain *domain))
{
    weft_object *object = calloc(1, sizeof *object);
    if (!(*out = object))
        return -ENOMEM;
    int error = weft_domain_create(&object->domain, &(weft_domain_config){.scheme = scheme});
    if (error == 0 && (error = create(&object->structure, object->domain)) != 0)
        (void)!weft_domain_destroy(object->domain);
    if (error != 0) {
        free(object);
        *out = NULL;
    }
    return error;
}

/* Destroying the domain cannot fail: all threads have ended, and the structure is gone. */
static inline void weft_object_destroy(void *object)
{
    if (weft_domain_destroy(((weft_object *)object)->domain) != 0)
        abort();
    free(object);
}

/* Threads need no registration, but attaching in advance keeps it out of the measurement. */
static inline void *weft_object_thread_begin(void *object)
{
    return weft_domain_attach(((weft_object *)object)->domain) == 0 ? object : NULL;
}

static inline void weft_object_thread_end(void *object, void *thread)
{
    (void)object;
    (void)thread;
}

/* Defines `prefix`_hazard_create and `prefix`_epoch_create. */
#define WEFT_CREATE(prefix, create)                                                                                    \
    static int prefix##_hazard_create(void **out, const bench_setup *setup)                                            \
    {                                                                                                                  \
        (void)setup;                                                                                                   \
        return weft_object_create(out, WEFT_HAZARD, create);                                                           \
    }                                                                                                                  \
    static int prefix##_epoch_create(void **out, const bench_setup *setup)                                             \
    {                                                                                                                  \
        (void)setup;                                                                                                   \
        return weft_object_create(out, WEFT_EPOCH, create);                                                            \
    }

#endif
