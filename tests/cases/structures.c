/*
 * Queues and stacks: each operation is recorded with its answer, and hands plain writes from putters to takers.
 */
#define _GNU_SOURCE
#include "check/model/explain.h"
#include "tests/cases/operations.h"

#include <errno.h>

#include "tests/support/containers.h"

static void *structure;

static void *as_pointer(int64_t value)
{
    return (void *)(uintptr_t)value;
}

static int64_t as_value(const void *pointer)
{
    return (int64_t)(uintptr_t)pointer;
}

static long told[16 * (KERNEL_THREADS + 1)];

void tell(int64_t value)
{
    PLAIN(&told[value], true);
}

void hear(int64_t value)
{
    PLAIN(&told[value], false);
}

/* ---- containers ---- */

/* NULL: it is something else. */
static const container *container_named(const char *structure)
{
    for (size_t i = 0; i < CONTAINERS; i++)
        if (strcmp(containers[i].name, structure) == 0)
            return &containers[i];
    return NULL;
}

/* The running case's container. */
static const container *subject(void)
{
    return container_named(kernel_running()->structure);
}

const structure_kind *structure_kind_of(const char *structure)
{
    const structure_kind *ring = ring_kind(structure);
    return ring                                ? ring
           : strcmp(structure, "mailbox") == 0 ? &mailbox_kind
           : strcmp(structure, "deque") == 0   ? &deque_kind
           : container_named(structure)        ? &container_kind
                                               : map_kind_of(structure);
}

/* The case's queue is closed in between. */
static bool is_to_close(void)
{
    return somebody_does("close", 0);
}

static void container_explain(void)
{
    model_explain(subject()->lifo ? &lin_stack_spec : is_to_close() ? &lin_channel_spec : &lin_queue_spec);
}

static lin_operation *begin_put(int64_t value)
{
    return model_begin(subject()->lifo ? LIN_PUSH : is_to_close() ? LIN_SEND : LIN_ENQUEUE, 0, value);
}

static void end_put(lin_operation *op, bool done)
{
    MODEL_CHECK(done || is_to_close());
    model_end(op, !is_to_close() ? LIN_NOTHING : done ? LIN_TRUE : LIN_FALSE, 0);
}

static lin_operation *begin_take(void)
{
    return model_begin(subject()->lifo ? LIN_POP : is_to_close() ? LIN_TRY_DEQUEUE : LIN_DEQUEUE, 0, 0);
}

/* What a thread that closes the queue writes before; who learns that it is closed may read it. */
static long reason;

static void know(bool write)
{
    int closers = 0;
    for (unsigned t = 1; t <= KERNEL_THREADS; t++)
        closers += thread_does(t, "close", 0);
    if (closers == 1) /* two would race */
        PLAIN(&reason, write);
}

static void put(int64_t key, int64_t value)
{
    lin_operation *op = begin_put(value);
    (void)key;
    tell(value);
    int error = subject()->put(structure, as_pointer(value));
    MODEL_CHECK(error == 0 || error == -EPIPE);
    if (error)
        know(false);
    end_put(op, error == 0);
}

/* The history has two puts that overlap. Another test checks that the values stay in order and together. */
static void put_two(int64_t key, int64_t value)
{
    void *values[] = {as_pointer(value), as_pointer(value + 8)};
    lin_operation *first = begin_put(value);
    lin_operation *second = begin_put(value + 8);
    (void)key;
    tell(value);
    tell(value + 8);
    int done = subject()->put_many(structure, values, 2); /* 1: closed after the first; memory never ends here */
    MODEL_CHECK(done == 0 || done == 1 || done == -EPIPE);
    end_put(first, done >= 0);
    end_put(second, done == 0);
}

static bool take_for(lin_operation *op)
{
    void *value = NULL;
    bool got = subject()->take(structure, &value);
    if (got)
        hear(as_value(value));
    model_end(op, got ? LIN_VALUE : LIN_NOTHING, as_value(value));
    return got;
}

static bool take_one(void)
{
    return take_for(begin_take());
}

OPERATION(take, (void)take_one())

/* Nothing, after it was closed, is a final answer. */
static void take_last(int64_t key, int64_t value)
{
    bool closed = weft_segq_is_closed(structure);
    if (closed)
        know(false);
    (void)key, (void)value;
    (void)take_for(model_begin(closed ? LIN_RECEIVE : LIN_TRY_DEQUEUE, 0, 0));
}

/* Both belong to one call, so they overlap. */
static void take_two(int64_t key, int64_t value)
{
    void *values[2] = {NULL, NULL};
    lin_operation *op[2] = {begin_take(), begin_take()};
    size_t got = weft_segq_dequeue_many(structure, values, 2);
    (void)key, (void)value;
    for (size_t i = 0; i < 2; i++) {
        if (i < got)
            hear(as_value(values[i]));
        model_end(op[i], i < got ? LIN_VALUE : LIN_NOTHING, as_value(values[i]));
    }
}

static void shut(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_CLOSE, 0, 0);
    (void)key, (void)value;
    know(true);
    weft_segq_close(structure);
    model_end(op, LIN_NOTHING, 0);
}

/* A thread that sees something inside also sees what thread 1 wrote before its first put. */
static void look(int64_t key, int64_t value)
{
    lin_operation *op;
    (void)key, (void)value;
    if (!subject()->is_empty(structure)) {
        hear(17);
        return;
    }
    op = begin_take();
    model_end(op, LIN_NOTHING, 0);
}

static void take_one_of_all(void *value, void *ctx)
{
    (void)ctx;
    hear(as_value(value));
    model_end(model_begin(LIN_POP, 0, 0), LIN_VALUE, as_value(value));
}

OPERATION(take_all, (void)weft_treiber_pop_all(structure, take_one_of_all, NULL))

OPERATION(destroy, subject()->destroy(structure, NULL, NULL); structure = NULL)

static const operation container_operations[] = {
    {"put", "put a value", put, false},
    {"put-two", "put two at once", put_two, false},
    {"take", "take a value", take, false},
    {"take-two", "take two at once, of a segment queue", take_two, false},
    {"close", "close a segment queue: then putting is refused", shut, false},
    {"take-last", "ask whether it is closed, then take a value", take_last, false},
    {"look", "ask whether it is empty", look, false},
    {"take-all", "take all, of a Treiber stack", take_all, false},
    {"destroy", "destroy it", destroy, false},
    {0},
};

static int container_create(unsigned before)
{
    int error = subject()->create(&structure, the_domain);
    for (unsigned i = 1; i <= before && !error; i++)
        put(0, i);
    return error;
}

static void container_destroy(void)
{
    while (structure && take_one())
        ;
    subject()->destroy(structure, NULL, NULL);
    structure = NULL;
}

const structure_kind container_kind = {container_operations, container_create, container_destroy, container_explain};
