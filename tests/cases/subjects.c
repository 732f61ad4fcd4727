/* Weft's structures as the laboratory drives them. Each object has a domain of its own. */
#define _GNU_SOURCE
#include "tests/cases/subjects.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/support/containers.h"
#include "tests/support/maps.h"
#include "tests/support/rings.h"

typedef struct object {
    const container *is;    /* the subject's ctx, if it is a container */
    const map_subject *map; /* or a map */
    weft_domain *domain;
    void *structure;
} object;

static int create(const lin_subject *self, void **out, unsigned threads)
{
    const weft_domain_config config = {.scheme = self->scheme[0] == 'e' ? WEFT_EPOCH : WEFT_HAZARD};
    object *o = calloc(1, sizeof *o);
    (void)threads;
    *out = o;
    if (!o)
        return -ENOMEM;
    o->is = self->ctx;
    int error = weft_domain_create(&o->domain, &config);
    return error ? error : o->is->create(&o->structure, o->domain);
}

/* Destroying a domain reclaims everything in it. */
static void destroy(void *thing)
{
    object *o = thing;
    o->is->destroy(o->structure, NULL, NULL);
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

/* Fills the answer. NULL: nothing was there. */
static void give(lin_operation *op, void *value)
{
    op->got = value ? LIN_VALUE : LIN_NOTHING;
    op->result = (int64_t)(uintptr_t)value;
}

/* Aborts if there was no memory. */
static void need(bool done)
{
    if (!done)
        abort();
}

static void on_container(void *thing, void *thread, lin_operation *op)
{
    const object *o = thing;
    void *value = NULL;
    (void)thread;
    if (op->kind == LIN_ENQUEUE || op->kind == LIN_PUSH)
        need(o->is->put(o->structure, as_pointer(op->value)) == 0);
    else
        give(op, o->is->take(o->structure, &value) ? value : NULL);
}

/* ---- maps: the subject's ctx is the map ---- */

static int map_create(const lin_subject *self, void **out, unsigned threads)
{
    const weft_domain_config config = {.scheme = self->scheme[0] == 'e' ? WEFT_EPOCH : WEFT_HAZARD};
    object *o = calloc(1, sizeof *o);
    (void)threads;
    *out = o;
    if (!o)
        return -ENOMEM;
    o->map = self->ctx;
    int error = weft_domain_create(&o->domain, &config);
    return error ? error : o->map->create(&o->structure, o->domain, NULL, NULL);
}

static void map_destroy(void *thing)
{
    object *o = thing;
    o->map->destroy(o->structure);
    if (weft_domain_destroy(o->domain) != 0)
        abort();
    free(o);
}

static void on_map(void *thing, void *thread, lin_operation *op)
{
    const object *o = thing;
    const map_subject *map = o->map;
    uintptr_t key = (uintptr_t)op->key;
    void *it = o->structure, *value = as_pointer(op->value), *found = NULL;
    int error;
    (void)thread;
    switch (op->kind) {
    case LIN_GET:
        give(op, map->get(it, NULL, key));
        return;
    case LIN_PUT:
        need(map->put(it, key, value, &found) >= 0);
        give(op, found);
        return;
    case LIN_GET_OR_INSERT:
        need((error = map->get_or_insert(it, NULL, key, value, &found)) >= 0);
        give(op, error == 1 ? found : NULL);
        return;
    case LIN_INSERT:
        need((error = map->insert(it, key, value)) == 0 || error == -EEXIST);
        op->got = error == 0 ? LIN_TRUE : LIN_FALSE;
        return;
    case LIN_REPLACE: /* `result` stays the expected value */
        error = map->compare_and_replace(it, key, as_pointer(op->result), value);
        op->got = error == 0 ? LIN_TRUE : error == -EAGAIN ? LIN_FALSE : LIN_NOTHING;
        return;
    case LIN_REMOVE_IF:
        error = map->compare_and_remove(it, key, value);
        op->got = error == 0 ? LIN_TRUE : error == -EAGAIN ? LIN_FALSE : LIN_NOTHING;
        return;
    default:
        op->got = map->remove(it, key, &found) ? LIN_TRUE : LIN_FALSE;
    }
}

static bool see(uintptr_t key, void *value, void *ctx)
{
    lin_iteration *out = ctx;
    out->entry[out->count++] = (lin_entry){(int64_t)key, (int64_t)(uintptr_t)value};
    return out->count < out->room;
}

static bool iterate(void *thing, lin_iteration *out)
{
    const object *o = thing;
    if (out->count < out->room)
        o->map->walk(o->structure, see, out);
    return true;
}

static size_t size(void *thing)
{
    const object *o = thing;
    return o->map->size(o->structure);
}

/* ---- deque ---- */

static int deque_create(const lin_subject *self, void **out, unsigned threads)
{
    const weft_domain_config config = {.scheme = self->scheme[0] == 'e' ? WEFT_EPOCH : WEFT_HAZARD};
    object *o = calloc(1, sizeof *o);
    (void)threads;
    *out = o;
    if (!o)
        return -ENOMEM;
    int error = weft_domain_create(&o->domain, &config);
    return error ? error : weft_deque_create((weft_deque **)&o->structure, o->domain);
}

static void deque_destroy(void *thing)
{
    object *o = thing;
    weft_deque_destroy(o->structure, NULL, NULL);
    if (weft_domain_destroy(o->domain) != 0)
        abort();
    free(o);
}

static void on_deque(void *thing, void *thread, lin_operation *op)
{
    weft_deque *deque = ((object *)thing)->structure;
    void *value = NULL;
    (void)thread;
    if (op->kind == LIN_PUSH_BOTTOM)
        need(weft_deque_push(deque, as_pointer(op->value)) == 0);
    else if (op->kind == LIN_POP_BOTTOM)
        give(op, weft_deque_try_pop(deque, &value) ? value : NULL);
    else
        give(op, weft_deque_try_steal(deque, &value) ? value : NULL);
    atomic_thread_fence(memory_order_seq_cst); /* as for a ring */
}

/* ---- rings: the object is the structure ---- */

enum { ROOM = 3 };

typedef struct ring_form {
    const ring *ring;
    unsigned flags;
} ring_form;

static int ring_create(const lin_subject *self, void **out, unsigned threads)
{
    const ring_form *form = self->ctx;
    (void)threads;
    return form->ring->create(out, ROOM, sizeof(int64_t), form->flags);
}

/*
 * A push may return before its store leaves the processor. The clock that the recorder reads then is no memory, and does
 * not wait for the store.
 */
#define ON_RING(name)                                                                                                  \
    static void on_##name(void *thing, void *thread, lin_operation *op)                                                \
    {                                                                                                                  \
        int64_t element = op->value;                                                                                   \
        (void)thread;                                                                                                  \
        if (op->kind == LIN_TRY_ENQUEUE) {                                                                             \
            op->got = weft_##name##_try_push(thing, &element) ? LIN_TRUE : LIN_FALSE;                                  \
        } else {                                                                                                       \
            op->got = weft_##name##_try_pop(thing, &element) ? LIN_VALUE : LIN_NOTHING;                                \
            op->result = element;                                                                                      \
        }                                                                                                              \
        atomic_thread_fence(memory_order_seq_cst);                                                                     \
    }                                                                                                                  \
    static void destroy_##name(void *thing)                                                                            \
    {                                                                                                                  \
        weft_##name##_destroy(thing);                                                                                  \
    }
#define ON_RING_OF(KIND, name, unused) ON_RING(name)
WEFT_RINGS(ON_RING_OF, 0)

/* Each eighth push makes room if the ring is full. */
static void on_ring_by_force(void *thing, void *thread, lin_operation *op)
{
    int64_t element = op->value;
    if (op->kind != LIN_TRY_ENQUEUE || element % 8 != 0) {
        on_ring(thing, thread, op);
        return;
    }
    op->kind = LIN_FORCE_ENQUEUE;
    op->got = weft_ring_force_push(thing, &element, &op->result) ? LIN_VALUE : LIN_NOTHING;
}

/* ---- mailbox ---- */

typedef struct letter {
    weft_mail mail;
    int64_t value;
} letter;

static int mailbox_create(const lin_subject *self, void **out, unsigned threads)
{
    (void)self, (void)threads;
    return weft_mailbox_create((weft_mailbox **)out);
}

static void on_mailbox(void *thing, void *thread, lin_operation *op)
{
    letter *mail = op->kind == LIN_ENQUEUE ? malloc(sizeof *mail) : (letter *)(void *)weft_mailbox_take(thing);
    (void)thread;
    if (op->kind == LIN_ENQUEUE) {
        need(mail != NULL);
        mail->value = op->value;
        (void)weft_mailbox_push(thing, &mail->mail);
        return;
    }
    op->got = mail ? LIN_VALUE : LIN_NOTHING;
    op->result = mail ? mail->value : 0;
    free(mail);
}

static void free_mail(weft_mail *mail, void *ctx)
{
    (void)ctx;
    free(mail);
}

static void mailbox_destroy(void *thing)
{
    weft_mailbox_destroy(thing, free_mail, NULL);
}

/* ---- all ---- */

static size_t pending(void *thing)
{
    weft_domain_statistics figures;
    weft_domain_stats(((object *)thing)->domain, &figures);
    return figures.pending_peak;
}

static const unsigned char map_kinds[] = {LIN_GET,           LIN_INSERT,  LIN_PUT,      LIN_REMOVE,
                                          LIN_GET_OR_INSERT, LIN_REPLACE, LIN_REMOVE_IF};

#define COMMON(in_name, in_scheme)                                                                                     \
    .name = (in_name), .scheme = (in_scheme), .create = create, .destroy = destroy, .thread_begin = thread_begin,      \
    .thread_end = thread_end
#define MAP(in_name, in_scheme)                                                                                        \
    &(const lin_subject)                                                                                               \
    {                                                                                                                  \
        .name = "weft-" #in_name, .scheme = (in_scheme), .create = map_create, .destroy = map_destroy,                 \
        .thread_begin = thread_begin, .thread_end = thread_end, .type = LIN_MAP, .pending = pending,                   \
        .perform = on_map, .map_kind = map_kinds, .map_kinds = sizeof map_kinds, .iterate = iterate, .size = size,     \
        .ctx = &maps[MAP_##in_name]                                                                                    \
    }
#define MAP_UNDER_EACH_SCHEME(KIND, name, unused) MAP(name, "hazard"), MAP(name, "epoch"),
#define CONTAINER(in_name, in_scheme, in_type)                                                                         \
    &(const lin_subject)                                                                                               \
    {                                                                                                                  \
        COMMON("weft-" #in_name, in_scheme), .type = (in_type), .pending = pending, .perform = on_container,           \
                                             .ctx = &containers[CONTAINER_##in_name]                                   \
    }
#define UNDER_EACH_SCHEME(KIND, name, put, take, unused)                                                               \
    CONTAINER(name, "hazard", LIN_##KIND), CONTAINER(name, "epoch", LIN_##KIND)

#define RING_FORM(title, in_name, in_flags, in_roles, on)                                                              \
    &(const lin_subject)                                                                                               \
    {                                                                                                                  \
        .name = (title), .scheme = "", .create = ring_create, .destroy = destroy_##in_name,                            \
        .thread_begin = thread_begin, .thread_end = thread_end, .type = LIN_RING, .capacity = ROOM,                    \
        .roles = (in_roles), .perform = (on), .ctx = &(const ring_form)                                                \
        {                                                                                                              \
            &rings[RING_##in_name], (in_flags)                                                                         \
        }                                                                                                              \
    }
#define FORMS_OF_SPSC(name)                                                                                            \
    RING_FORM("weft-" #name, name, 0, LIN_ONE_EACH, on_##name),                                                        \
        RING_FORM("weft-" #name "-stamped", name, WEFT_SPSC_STAMPED, LIN_ONE_EACH, on_##name),
#define FORMS_OF_RING(name)                                                                                            \
    RING_FORM("weft-" #name, name, 0, LIN_EACH_DOES_BOTH, on_##name##_by_force),                                       \
        RING_FORM("weft-" #name "-one-each", name, WEFT_RING_ONE_PRODUCER | WEFT_RING_ONE_CONSUMER, LIN_ONE_EACH,      \
                  on_##name),
#define IN_EACH_FORM(KIND, name, unused) FORMS_OF_##KIND(name)

#define DEQUE(in_scheme)                                                                                               \
    &(const lin_subject)                                                                                               \
    {                                                                                                                  \
        .name = "weft-deque", .scheme = (in_scheme), .create = deque_create, .destroy = deque_destroy,                 \
        .thread_begin = thread_begin, .thread_end = thread_end, .type = LIN_DEQUE, .roles = LIN_ONE_OWNS,              \
        .pending = pending, .perform = on_deque                                                                        \
    }
#define MAILBOX                                                                                                        \
    &(const lin_subject)                                                                                               \
    {                                                                                                                  \
        .name = "weft-mailbox", .scheme = "", .create = mailbox_create, .destroy = mailbox_destroy,                    \
        .thread_begin = thread_begin, .thread_end = thread_end, .type = LIN_QUEUE, .roles = LIN_ONE_TAKES,             \
        .perform = on_mailbox                                                                                          \
    }

const lin_subject *const lin_weft_subjects[] = {WEFT_CONTAINERS_BETWEEN(WEFT_COMMA, UNDER_EACH_SCHEME, 0),
                                                WEFT_RINGS(IN_EACH_FORM, 0) MAILBOX, DEQUE("hazard"), DEQUE("epoch"),
                                                WEFT_MAPS(MAP_UNDER_EACH_SCHEME, 0) NULL};

/* A stack that claims to be a queue. */
const lin_subject lin_broken_queue = {COMMON("broken-queue", ""), .type = LIN_QUEUE, .perform = on_container,
                                      .ctx = &containers[CONTAINER_treiber]};
