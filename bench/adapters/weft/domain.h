/*
 * What Weft's adapters share: every object has a domain of its own, of the scheme that its row names. A structure is
 * made and ended by its own functions, which are given here, once per scheme.
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

/* A domain that is still in use cannot be: all threads have ended, and the structure is gone. */
static inline void weft_object_destroy(void *object)
{
    if (weft_domain_destroy(((weft_object *)object)->domain) != 0)
        abort();
    free(object);
}

/* Threads need no registration; this one does it ahead, so that no measurement contains it. */
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
