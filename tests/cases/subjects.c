/* Weft's structures as the laboratory drives them. Each object has a domain of its own. */
#define _GNU_SOURCE
#include "tests/cases/subjects.h"

#include <errno.h>
#include <stdlib.h>

#include "structures.def"

/* What a subject's ctx is. */
typedef struct structure {
    int (*create)(void **out, weft_domain *domain);
    void (*destroy)(void *structure);
} structure;

typedef struct object {
    const structure *is;
    weft_domain *domain;
    void *structure;
} object;

static int create(const lin_subject *self, void **out, unsigned threads)
{
    const weft_domain_config config = {.scheme = self->scheme[0] == 'h' ? WEFT_HAZARD : WEFT_EPOCH};
    object *o = calloc(1, sizeof *o);
    (void)threads;
    *out = o;
    if (!o)
        return -ENOMEM;
    o->is = self->ctx;
    int error = weft_domain_create(&o->domain, &config);
    return error ? error : o->is->create(&o->structure, o->domain);
}

/* A domain that nobody uses any more reclaims all it has. */
static void destroy(void *thing)
{
    object *o = thing;
    o->is->destroy(o->structure);
    if (weft_domain_destroy(o->domain) != 0)
        abort();
    free(o);
}

static void *thread_begin(void *thing)
{
    return thing;
}

static void thread_end(void *thing, void *thread)
{
    (void)thing;
    (void)thread;
}

static void *as_pointer(int64_t number)
{
    return (void *)(uintptr_t)number;
}

/* NULL: nothing was there. */
static void give(lin_operation *op, void *value)
{
    op->got = value ? LIN_VALUE : LIN_NOTHING;
    op->result = (int64_t)(uintptr_t)value;
}

/* No memory: the test cannot go on. */
static void need(bool done)
{
    if (!done)
        abort();
}

#define PUT_QUEUE LIN_ENQUEUE
#define PUT_STACK LIN_PUSH

#define CONTAINER(KIND, container, put, take, unused)                                                                  \
    static int container##_create(void **out, weft_domain *domain)                                                     \
    {                                                                                                                  \
        return weft_##container##_create((weft_##container **)out, domain);                                            \
    }                                                                                                                  \
    static void container##_destroy(void *container)                                                                   \
    {                                                                                                                  \
        weft_##container##_destroy(container, NULL, NULL);                                                             \
    }                                                                                                                  \
    static const structure container##_structure = {container##_create, container##_destroy};                          \
    static void on_##container(void *thing, void *thread, lin_operation *op)                                           \
    {                                                                                                                  \
        void *value = NULL;                                                                                            \
        (void)thread;                                                                                                  \
        if (op->kind == PUT_##KIND)                                                                                    \
            need(weft_##container##_##put(((object *)thing)->structure, as_pointer(op->value)) == 0);                  \
        else                                                                                                           \
            give(op, weft_##container##_##take(((object *)thing)->structure, &value) ? value : NULL);                  \
    }

WEFT_CONTAINERS(CONTAINER, 0)

/* A stack that is sold as a queue. */
static void on_broken(void *thing, void *thread, lin_operation *op)
{
    lin_operation as = *op;
    as.kind = op->kind == LIN_ENQUEUE ? LIN_PUSH : LIN_POP;
    on_treiber(thing, thread, &as);
    op->got = as.got;
    op->result = as.result;
}

static int create_broken(const lin_subject *self, void **out, unsigned threads)
{
    return create(self->ctx, out, threads);
}

static int map_create(void **out, weft_domain *domain)
{
    return weft_map_create((weft_map **)out, domain, NULL);
}

static void map_destroy(void *map)
{
    weft_map_destroy(map, NULL, NULL);
}

static const structure map_structure = {map_create, map_destroy};

static void on_map(void *thing, void *thread, lin_operation *op)
{
    weft_map *map = ((object *)thing)->structure;
    void *key = as_pointer(op->key), *value = as_pointer(op->value), *found = NULL;
    int error;
    (void)thread;
    switch (op->kind) {
    case LIN_GET:
        give(op, weft_map_get(map, NULL, key));
        return;
    case LIN_PUT:
        need(weft_map_put(map, key, value, &found) >= 0);
        give(op, found);
        return;
    case LIN_GET_OR_INSERT:
        need((error = weft_map_get_or_insert(map, NULL, key, value, &found)) >= 0);
        give(op, error == 1 ? found : NULL);
        return;
    case LIN_INSERT:
        need((error = weft_map_insert(map, key, value)) == 0 || error == -EEXIST);
        op->got = error == 0 ? LIN_TRUE : LIN_FALSE;
        return;
    case LIN_REPLACE: /* `result` stays the expected value */
        error = weft_map_compare_and_replace(map, key, as_pointer(op->result), value);
        op->got = error == 0 ? LIN_TRUE : error == -EAGAIN ? LIN_FALSE : LIN_NOTHING;
        return;
    case LIN_REMOVE_IF:
        error = weft_map_compare_and_remove(map, key, value);
        op->got = error == 0 ? LIN_TRUE : error == -EAGAIN ? LIN_FALSE : LIN_NOTHING;
        return;
    default:
        op->got = weft_map_remove(map, key, &found) ? LIN_TRUE : LIN_FALSE;
    }
}

static bool iterate(void *thing, lin_iteration *out)
{
    weft_map_iterator it;
    void *key, *value;
    weft_map_iterate(&it, ((object *)thing)->structure);
    while (out->count < out->room && weft_map_next(&it, &key, &value))
        out->entry[out->count++] = (lin_entry){(int64_t)(uintptr_t)key, (int64_t)(uintptr_t)value};
    weft_map_iterate_end(&it);
    return true;
}

static size_t size(void *thing)
{
    return weft_map_size(((object *)thing)->structure);
}

static size_t pending(void *thing)
{
    weft_domain_statistics figures;
    weft_domain_stats(((object *)thing)->domain, &figures);
    return figures.pending_peak;
}

static const unsigned char map_kinds[] = {LIN_GET,           LIN_INSERT,  LIN_PUT,      LIN_REMOVE,
                                          LIN_GET_OR_INSERT, LIN_REPLACE, LIN_REMOVE_IF};

#define COMMON(of, in_scheme)                                                                                          \
    .name = "weft-" #of, .scheme = #in_scheme, .create = create, .destroy = destroy, .thread_begin = thread_begin,     \
    .thread_end = thread_end, .pending = pending, .perform = on_##of, .ctx = &of##_structure
#define CONTAINER_SUBJECT(KIND, container, put, take, unused)                                                          \
    static const lin_subject container##_hazard = {COMMON(container, hazard), .type = LIN_##KIND},                     \
                             container##_epoch = {COMMON(container, epoch), .type = LIN_##KIND};
#define MAP .type = LIN_MAP, .map_kind = map_kinds, .map_kinds = sizeof map_kinds, .iterate = iterate, .size = size

WEFT_CONTAINERS(CONTAINER_SUBJECT, 0)
static const lin_subject map_hazard = {COMMON(map, hazard), MAP}, map_epoch = {COMMON(map, epoch), MAP};

const lin_subject lin_broken_queue = {.name = "broken-queue",
                                      .scheme = "",
                                      .type = LIN_QUEUE,
                                      .create = create_broken,
                                      .destroy = destroy,
                                      .thread_begin = thread_begin,
                                      .thread_end = thread_end,
                                      .perform = on_broken,
                                      .ctx = &treiber_hazard};

#define LISTED(KIND, container, put, take, unused) &container##_hazard, &container##_epoch
const lin_subject *const lin_weft_subjects[] = {WEFT_CONTAINERS_BETWEEN(WEFT_COMMA, LISTED, 0), &map_hazard, &map_epoch,
                                                NULL};
