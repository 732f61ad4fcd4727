/*
 * Bounded rings. Elements are values as those of queues, and "full" is an answer, too. With weft_spsc thread 1 pushes and
 * thread 2 pops.
 */
#define _GNU_SOURCE
#include "check/model/explain.h"
#include "tests/cases/operations.h"
#include "tests/support/rings.h"

#include <weft/queues/ring_kernel.h>

#include <errno.h>

enum { TWO = 2 };

static void *object;
static size_t capacity;

static size_t number_of(const char *structure)
{
    size_t i = 0;
    while (i < RINGS && strcmp(rings[i].name, structure) != 0)
        i++;
    return i;
}

static const ring *subject(void)
{
    return &rings[number_of(kernel_running()->structure)];
}

static bool has(unsigned flags)
{
    return kernel_running()->flags & flags;
}

/* ---- pushing ---- */

/*
 * A push or pop of weft_ring without a spare slot, or beside slots that are held, is several operations of the
 * specification, which keep a place until it returns.
 */
static bool keeps_place(void)
{
    return has(CLAIMED) || somebody_does("reserve", 0) || somebody_does("abort", 0) || somebody_does("take", 0);
}

static lin_operation *begin_push(int64_t value)
{
    tell(value);
    return model_begin(LIN_TRY_ENQUEUE, 0, value);
}

static void end_push(lin_operation *op, bool done)
{
    model_end(op, done ? LIN_TRUE : LIN_FALSE, 0);
}

static void end_or_drop(lin_operation *op, bool done)
{
    if (done)
        model_end(op, LIN_NOTHING, 0);
    else
        model_drop(op);
}

static void push(int64_t key, int64_t value)
{
    bool keeps = keeps_place();
    lin_operation *op = keeps ? model_begin(LIN_RESERVE, 0, 0) : begin_push(value);
    lin_operation *commit = keeps ? model_begin(LIN_COMMIT, 0, value) : NULL;
    lin_operation *release = keeps ? model_begin(LIN_RELEASE, 0, 0) : NULL;
    (void)key;
    if (keeps)
        tell(value);
    bool done = subject()->try_push(object, &value);
    end_push(op, done);
    if (!keeps)
        return;
    end_or_drop(commit, done);
    end_or_drop(release, done);
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
    bool keeps = has(CLAIMED);
    lin_operation *op = keeps ? model_begin(LIN_HOLD, 0, 0) : begin_pop();
    lin_operation *release = keeps ? model_begin(LIN_RELEASE, 0, 0) : NULL;
    bool got = subject()->try_pop(object, &value);
    end_pop(op, got, value);
    if (keeps)
        end_or_drop(release, got);
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

/* ---- slots of weft_ring in hand ---- */

static int64_t *slot_of[KERNEL_THREADS + 1];
static size_t held;

static void reserve(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_RESERVE, 0, 0);
    (void)key, (void)value;
    slot_of[model_thread()] = weft_ring_reserve(object);
    held += slot_of[model_thread()] != NULL;
    end_push(op, slot_of[model_thread()]);
}

/* Nothing, if the thread has none. */
static void commit(int64_t key, int64_t value)
{
    int64_t *slot = slot_of[model_thread()];
    (void)key;
    if (!slot)
        return;
    tell(value);
    lin_operation *op = model_begin(LIN_COMMIT, 0, value), *release = model_begin(LIN_RELEASE, 0, 0);
    PLAIN(slot, true);
    *slot = value;
    weft_ring_commit(object, slot);
    held--;
    model_end(op, LIN_NOTHING, 0);
    model_end(release, LIN_NOTHING, 0);
}

static void take(int64_t key, int64_t ignored)
{
    lin_operation *op = model_begin(LIN_HOLD, 0, 0);
    int64_t *slot = slot_of[model_thread()] = weft_ring_take(object);
    (void)key, (void)ignored;
    held += slot != NULL;
    if (slot)
        PLAIN(slot, false);
    end_pop(op, slot, slot ? *slot : 0);
}

static void let_go(void (*how)(weft_ring *ring, void *slot))
{
    lin_operation *op = slot_of[model_thread()] ? model_begin(LIN_RELEASE, 0, 0) : NULL;
    how(object, slot_of[model_thread()]);
    if (!op)
        return;
    held--;
    model_end(op, LIN_NOTHING, 0);
}

OPERATION(abort_reserved, let_go(weft_ring_abort))

OPERATION(give_back, let_go(weft_ring_give_back))

static void force(int64_t key, int64_t value)
{
    int64_t displaced = 0;
    lin_operation *op = model_begin(LIN_FORCE_ENQUEUE, 0, value);
    (void)key;
    tell(value);
    bool got = weft_ring_force_push(object, &value, &displaced);
    end_pop(op, got, displaced);
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

static const operation spsc_operations[] = {
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

static const operation ring_operations[] = {
    {"push", "push an element", push, false},
    {"push-two", "push two, one after the other", push_two, false},
    {"force", "push an element; a full ring's oldest makes room", force, false},
    {"reserve", "reserve a slot", reserve, false},
    {"commit", "write into it, and commit it", commit, false},
    {"abort", "give it back unused", abort_reserved, false},
    {"pop", "pop an element", pop, false},
    {"pop-two", "pop two, one after the other", pop_two, false},
    {"take", "pop an element in place", take, false},
    {"give-back", "give its slot back", give_back, false},
    {"size", "ask for the size", size, false},
    {0},
};

/* Where "full" and "empty" have no common order, each answer is explained without the other. */
static void explain(void)
{
    const bool lax = number_of(kernel_running()->structure) == RING_spsc || has(ONE_PRODUCER | ONE_CONSUMER);
    lin_spec full = lin_lax_ring_spec(capacity, LIN_TRY_DEQUEUE), empty = lin_lax_ring_spec(capacity, LIN_TRY_ENQUEUE);
    lin_spec both = lin_ring_spec(capacity);
    if (!lax) {
        model_explain(&both);
        return;
    }
    model_explain(&full);
    model_explain(&empty);
}

static unsigned flags_of_case(void)
{
    if (number_of(kernel_running()->structure) == RING_spsc)
        return form();
    return (has(ONE_PRODUCER) ? WEFT_RING_ONE_PRODUCER : 0) | (has(ONE_CONSUMER) ? WEFT_RING_ONE_CONSUMER : 0);
}

static int create(unsigned before)
{
    capacity = has(ONE) ? 1 : 2;
    if (somebody_does("init", 0)) {
        bytes = weft_spsc_bytes(capacity, sizeof(int64_t), form());
        memory = memset(model_alloc(bytes, 128), 0, bytes);
        return 0;
    }
    int error = subject()->create(&object, capacity, sizeof(int64_t), flags_of_case());
    while (!error && has(CLAIMED) && weft_i_ring_claim_one(object).at)
        ;
    for (unsigned i = 1; i <= before && !error; i++)
        push(0, i);
    return error;
}

/* Pops what is left, so that the history explains it, too. Then there is room for as much as there was. */
static void destroy(void)
{
    const int64_t any = 0;
    while (pop_one())
        ;
    for (size_t i = 0; i < capacity - held; i++)
        MODEL_CHECK(subject()->try_push(object, &any));
    MODEL_CHECK(!subject()->try_push(object, &any));
    subject()->destroy(object);
    if (memory)
        model_free(memory);
}

#define KIND_OF(KIND, name, unused) {name##_operations, create, destroy, explain},
static const structure_kind kinds[RINGS] = {WEFT_RINGS(KIND_OF, 0)};

const structure_kind *ring_kind(const char *structure)
{
    return number_of(structure) < RINGS ? &kinds[number_of(structure)] : NULL;
}
