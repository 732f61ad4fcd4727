/* Bounded rings: thread 1 pushes, thread 2 pops. Elements are values as those of queues, and "full" is an answer, too. */
#define _GNU_SOURCE
#include "check/model/explain.h"
#include "tests/cases/operations.h"
#include "tests/support/rings.h"

#include <errno.h>

enum { TWO = 2 };

static void *object;
static size_t capacity;

static const ring *named(const char *structure)
{
    for (size_t i = 0; i < RINGS; i++)
        if (strcmp(rings[i].name, structure) == 0)
            return &rings[i];
    return NULL;
}

static const ring *subject(void)
{
    return named(kernel_running()->structure);
}

/* ---- pushing ---- */

static lin_operation *begin_push(int64_t value)
{
    tell(value);
    return model_begin(LIN_TRY_ENQUEUE, 0, value);
}

static void end_push(lin_operation *op, bool done)
{
    model_end(op, done ? LIN_TRUE : LIN_FALSE, 0);
}

static void push(int64_t key, int64_t value)
{
    lin_operation *op = begin_push(value);
    (void)key;
    end_push(op, subject()->try_push(object, &value));
}

static void push_two(int64_t key, int64_t value)
{
    int64_t values[TWO] = {value, value + 8};
    lin_operation *op[TWO] = {begin_push(value), begin_push(value + 8)};
    (void)key;
    size_t done = subject()->push_many(object, values, TWO);
    for (size_t i = 0; i < TWO; i++)
        end_push(op[i], i < done);
}

/* Room that ends at the ring's end is no answer "full" to a second push. */
static void push_in_place(int64_t key, int64_t value)
{
    void *span;
    lin_operation *op[TWO] = {begin_push(value)};
    (void)key;
    size_t room = weft_spsc_reserve(object, TWO, &span);
    MODEL_CHECK(room <= TWO);
    for (size_t i = 0; i < room; i++) {
        op[i] = i ? begin_push(value + 8) : op[i];
        PLAIN((int64_t *)span + i, true);
        ((int64_t *)span)[i] = value + 8 * (int64_t)i;
    }
    weft_spsc_commit(object, room);
    for (size_t i = 0; i < room || i < 1; i++)
        end_push(op[i], room > 0);
}

/* ---- popping ---- */

static lin_operation *begin_pop(void)
{
    return model_begin(LIN_TRY_DEQUEUE, 0, 0);
}

static void end_pop(lin_operation *op, bool got, int64_t value)
{
    if (got)
        hear(value);
    model_end(op, got ? LIN_VALUE : LIN_NOTHING, value);
}

static bool pop_one(void)
{
    int64_t value = 0;
    lin_operation *op = begin_pop();
    bool got = subject()->try_pop(object, &value);
    end_pop(op, got, value);
    return got;
}

OPERATION(pop, (void)pop_one())

static void pop_two(int64_t key, int64_t value)
{
    int64_t values[TWO] = {0};
    lin_operation *op[TWO] = {begin_pop(), begin_pop()};
    (void)key, (void)value;
    size_t got = subject()->pop_many(object, values, TWO);
    for (size_t i = 0; i < TWO; i++)
        end_pop(op[i], i < got, values[i]);
}

static void pop_in_place(int64_t key, int64_t value)
{
    const void *span;
    lin_operation *op[TWO] = {begin_pop()};
    (void)key, (void)value;
    size_t filled = weft_spsc_peek(object, TWO, &span);
    int64_t values[TWO] = {0};
    MODEL_CHECK(filled <= TWO);
    for (size_t i = 0; i < filled; i++) {
        op[i] = i ? begin_pop() : op[i];
        PLAIN((const int64_t *)span + i, false);
        values[i] = ((const int64_t *)span)[i];
    }
    weft_spsc_release(object, filled);
    for (size_t i = 0; i < filled || i < 1; i++)
        end_pop(op[i], filled > 0, values[i]);
}

/* ---- others ---- */

OPERATION(size, MODEL_CHECK(subject()->size(object) <= capacity))

/* The memory that `init` and `attach` share, which holds no ring at first. */
static void *memory;
static size_t bytes;

static unsigned form(void)
{
    return kernel_running()->flags & STAMPED ? WEFT_SPSC_STAMPED : 0;
}

static void init(int64_t key, int64_t value)
{
    weft_spsc *ring;
    (void)key;
    MODEL_CHECK(weft_spsc_init(&ring, memory, bytes, capacity, sizeof(int64_t), form()) == 0);
    object = ring;
    push(0, value);
}

static void attach(int64_t key, int64_t value)
{
    weft_spsc *ring;
    int error = weft_spsc_attach(&ring, memory, bytes);
    int64_t got;
    (void)key, (void)value;
    MODEL_CHECK(error == 0 || error == -EAGAIN);
    if (error == 0)
        MODEL_CHECK(weft_spsc_capacity(ring) == capacity && (weft_spsc_size(ring) <= capacity));
    if (error == 0 && subject()->try_pop(ring, &got))
        end_pop(begin_pop(), true, got);
}

static const operation operations[] = {
    {"push", "push an element", push, false},
    {"push-two", "push two at once", push_two, false},
    {"push-in-place", "reserve room for two, write, commit", push_in_place, false},
    {"pop", "pop an element", pop, false},
    {"pop-two", "pop two at once", pop_two, false},
    {"pop-in-place", "peek at two, read, release", pop_in_place, false},
    {"size", "ask for the size", size, false},
    {"init", "make the ring in given memory, and push an element", init, false},
    {"attach", "find the ring in that memory, if it is there, and pop an element", attach, false},
    {0},
};

static void explain(void)
{
    lin_spec full = lin_lax_ring_spec(capacity, LIN_TRY_DEQUEUE), empty = lin_lax_ring_spec(capacity, LIN_TRY_ENQUEUE);
    model_explain(&full);
    model_explain(&empty);
}

static int create(unsigned before)
{
    capacity = kernel_running()->flags & ONE ? 1 : 2;
    if (somebody_does("init", 0)) {
        bytes = weft_spsc_bytes(capacity, sizeof(int64_t), form());
        memory = memset(model_alloc(bytes, 128), 0, bytes);
        return 0;
    }
    int error = subject()->create(&object, capacity, sizeof(int64_t), form());
    for (unsigned i = 1; i <= before && !error; i++)
        push(0, i);
    return error;
}

/* Pops what is left, so that the history explains it, too. */
static void destroy(void)
{
    while (pop_one())
        ;
    subject()->destroy(object);
    if (memory)
        model_free(memory);
}

static const structure_kind kind = {operations, create, destroy, explain};

const structure_kind *ring_kind(const char *structure)
{
    return named(structure) ? &kind : NULL;
}
