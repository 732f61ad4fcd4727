/*
 * Queues, stacks and maps: each operation is recorded with its answer, and hands plain writes from putters to takers.
 */
#define _GNU_SOURCE
#include "check/model/explain.h"
#include "tests/cases/operations.h"

#include <errno.h>

#include <weft/hashmap/split_map_table.h>

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
                                               : &map_kind;
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

/* ---- map ---- */

static void insert(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_INSERT, key, value);
    tell(value);
    int error = weft_map_insert(structure, as_pointer(key), as_pointer(value));
    MODEL_CHECK(error == 0 || error == -EEXIST);
    model_end(op, error == 0 ? LIN_TRUE : LIN_FALSE, 0);
}

static void map_put(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_PUT, key, value);
    void *old = NULL;
    tell(value);
    MODEL_CHECK(weft_map_put(structure, as_pointer(key), as_pointer(value), &old) >= 0);
    model_end(op, old ? LIN_VALUE : LIN_NOTHING, as_value(old));
}

static void get_or_insert(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_GET_OR_INSERT, key, value);
    void *found = NULL;
    tell(value);
    MODEL_CHECK(weft_map_get_or_insert(structure, NULL, as_pointer(key), as_pointer(value), &found) >= 0);
    bool was_there = as_value(found) != value;
    model_end(op, was_there ? LIN_VALUE : LIN_NOTHING, was_there ? as_value(found) : 0);
}

static lin_result answer_of(int error)
{
    return error == 0 ? LIN_TRUE : error == -ENOENT ? LIN_NOTHING : LIN_FALSE;
}

/* Expects the value that setup has put there, which equals the key. */
static void replace(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_REPLACE, key, value);
    tell(value);
    int error = weft_map_compare_and_replace(structure, as_pointer(key), as_pointer(key), as_pointer(value));
    model_end(op, answer_of(error), key);
}

static void remove_if(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_REMOVE_IF, key, key);
    (void)value;
    int error = weft_map_compare_and_remove(structure, as_pointer(key), as_pointer(key));
    if (error == 0)
        hear(key);
    model_end(op, answer_of(error), 0);
}

static void remove_key(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_REMOVE, key, 0);
    void *found = NULL;
    (void)value;
    bool removed = weft_map_remove(structure, as_pointer(key), &found);
    if (removed)
        hear(as_value(found));
    model_end(op, removed ? LIN_TRUE : LIN_FALSE, 0);
}

static void get(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_GET, key, 0);
    (void)value;
    void *found = weft_map_get(structure, NULL, as_pointer(key));
    if (found)
        hear(as_value(found));
    model_end(op, found ? LIN_VALUE : LIN_NOTHING, as_value(found));
}

/* The same, as one of many keys. */
static void get_many(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_GET, key, 0);
    const void *keys[] = {as_pointer(key)};
    void *found = NULL;
    (void)value;
    bool present = weft_map_get_many(structure, NULL, keys, &found, 1) == 1;
    MODEL_CHECK(present == (found != NULL));
    if (found)
        hear(as_value(found));
    model_end(op, found ? LIN_VALUE : LIN_NOTHING, as_value(found));
}

static void reserve(int64_t key, int64_t value)
{
    (void)value;
    MODEL_CHECK(weft_map_reserve(structure, (size_t)key) == 0);
}

OPERATION(shrink_once, (void)weft_i_map_shrink(structure))

static void shrink_and_free(void *object, void *ctx)
{
    (void)ctx;
    if (structure)
        (void)weft_i_map_shrink(structure);
    model_free(object);
}

/* Callbacks never scan, so no fence follows what this retires. */
OPERATION(shrink_in_a_callback, MODEL_CHECK(weft_retire(the_domain, model_alloc(16, 16), shrink_and_free, NULL) == 0))

/* The shrinking is complete after this thread's steps, even if another thread has stopped in the middle of it. */
static void check_small(int64_t key, int64_t value)
{
    (void)key, (void)value;
    size_t table = weft_i_map_table(structure);
    MODEL_CHECK(weft_i_map_level_of(table) == WEFT_MAP_FIRST_BITS && !weft_i_map_is_closing(table));
}

static void check_open(int64_t key, int64_t value)
{
    (void)value;
    weft_map *map = structure;
    weft_i_map_place place = weft_i_map_place_of(weft_i_map_hash(map, as_pointer(key)), weft_i_map_level(map));
    MODEL_CHECK(place.level > WEFT_MAP_FIRST_BITS);
    weft_i_map_segment *segment = weft_i_load(&map->segment[place.level], MAP_A2);
    void *link = weft_i_load(&segment->bucket[place.offset].link, MAP_S1);
    MODEL_CHECK(link && !(weft_i_map_bits(link) & (WEFT_I_MAP_FROZEN | WEFT_I_MAP_PENDING)));
}

/* Sees keys that are present throughout once, keys that come or go at most once, and no others. */
static void iterate(int64_t unused, int64_t neither)
{
    int seen[10] = {0};
    void *key, *value;
    weft_map_iterator it;
    (void)unused, (void)neither;
    weft_map_iterate(&it, structure);
    while (weft_map_next(&it, &key, &value)) {
        MODEL_CHECK(as_value(key) > 0 && as_value(key) < 10 && value != NULL);
        hear(as_value(value));
        seen[as_value(key)]++;
    }
    weft_map_iterate_end(&it);
    for (int64_t k = 1; k < 10; k++) {
        bool before = (uint64_t)k <= kernel_running()->before;
        MODEL_CHECK(seen[k] <= 1);
        MODEL_CHECK(seen[k] == 1 || !before || somebody_does("remove", k));
        MODEL_CHECK(seen[k] == 0 || before || somebody_does("insert", k) || somebody_does("put", k) ||
                    somebody_does("get-or-insert", k));
    }
}

static const operation map_operations[] = {
    {"insert", "insert the key", insert, true},
    {"put", "put a value for the key", map_put, true},
    {"get-or-insert", "get the key's value, or insert it", get_or_insert, true},
    {"replace", "replace the key's value if it is the one that setup has put", replace, true},
    {"remove-if", "remove the key if its value is the one that setup has put", remove_if, true},
    {"remove", "remove the key", remove_key, true},
    {"get", "get the key's value", get, true},
    {"get-many", "get the key's value, by the function for many keys", get_many, true},
    {"reserve", "reserve room for so many entries", reserve, true},
    {"check-open", "check that the key's bucket is open", check_open, true},
    {"iterate", "iterate over all", iterate, false},
    {"shrink", "shrink the table by a step", shrink_once, false},
    {"shrink-in-callback", "the same in a callback", shrink_in_a_callback, false},
    {"check-small", "check that the table has shrunk", check_small, false},
    {0},
};

static int map_create(unsigned before)
{
    int error = weft_map_create((weft_map **)&structure, the_domain, NULL);
    for (unsigned i = 1; i <= before && !error; i++)
        insert(i, i);
    return error;
}

static void map_destroy(void)
{
    for (int key = 1; structure && key <= 9; key++)
        get(key, 0);
    weft_map_destroy(structure, NULL, NULL);
    structure = NULL;
}

static void map_explain(void)
{
    model_explain(&lin_map_spec);
}

const structure_kind map_kind = {map_operations, map_create, map_destroy, map_explain};
