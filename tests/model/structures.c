/* Queues, stacks and maps: each operation noted with its answer, and plain writes that travel by what is put and taken. */
#define _GNU_SOURCE
#include "tests/model/operations.h"

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

/* ---- what threads tell each other through a structure: plain writes before a put, read by whoever takes ---- */

static long told[16 * (KERNEL_THREADS + 1)];

static void tell(int64_t value)
{
    PLAIN(&told[value], true);
}

static void hear(int64_t value)
{
    PLAIN(&told[value], false);
}

/* ---- containers ---- */

/* That the case is about; NULL: a map. */
static const container *subject(void)
{
    for (size_t i = 0; i < CONTAINERS; i++)
        if (strcmp(containers[i].name, kernel_running()->structure) == 0)
            return &containers[i];
    return NULL;
}

const lin_spec *structure_spec(void)
{
    return !subject() ? &lin_map_spec : subject()->lifo ? &lin_stack_spec : &lin_queue_spec;
}

static lin_operation *begin_put(int64_t value)
{
    return kernel_begin(subject()->lifo ? LIN_PUSH : LIN_ENQUEUE, 0, value);
}

static lin_operation *begin_take(void)
{
    return kernel_begin(subject()->lifo ? LIN_POP : LIN_DEQUEUE, 0, 0);
}

static void put(int64_t value)
{
    lin_operation *op = begin_put(value);
    tell(value);
    MODEL_CHECK(subject()->put(structure, as_pointer(value)) == 0);
    kernel_end(op, LIN_NOTHING, 0);
}

/* Two at once, which the history has as two that overlap: that they stay in order and together is another test's. */
static void put_two(int64_t value)
{
    void *values[] = {as_pointer(value), as_pointer(value + 8)};
    lin_operation *first = begin_put(value);
    lin_operation *second = begin_put(value + 8);
    tell(value);
    tell(value + 8);
    MODEL_CHECK(subject()->put_many(structure, values, 2) == 0);
    kernel_end(first, LIN_NOTHING, 0);
    kernel_end(second, LIN_NOTHING, 0);
}

static bool take(void)
{
    void *value = NULL;
    lin_operation *op = begin_take();
    bool got = subject()->take(structure, &value);
    if (got)
        hear(as_value(value));
    kernel_end(op, got ? LIN_VALUE : LIN_NOTHING, as_value(value));
    return got;
}

/* Who is told that something is there has what thread 1 said before its first put. */
static void look_for_something(void)
{
    lin_operation *op;
    if (!subject()->is_empty(structure)) {
        hear(17);
        return;
    }
    op = begin_take();
    kernel_end(op, LIN_NOTHING, 0);
}

static void take_one_of_all(void *value, void *ctx)
{
    (void)ctx;
    hear(as_value(value));
    kernel_end(kernel_begin(LIN_POP, 0, 0), LIN_VALUE, as_value(value));
}

/* ---- map ---- */

static void on_map(char what, int64_t key, int64_t value)
{
    void *k = as_pointer(key), *v = as_pointer(value), *found = NULL;
    int error;
    lin_operation *op = kernel_begin(what == 'i'   ? LIN_INSERT
                                     : what == 'p' ? LIN_PUT
                                     : what == 'o' ? LIN_GET_OR_INSERT
                                     : what == 'c' ? LIN_REPLACE
                                     : what == 'd' ? LIN_REMOVE_IF
                                     : what == 'r' ? LIN_REMOVE
                                                   : LIN_GET,
                                     key,
                                     what == 'r' || what == 'g' ? 0
                                     : what == 'd'              ? key
                                                                : value);
    if (what == 'i') {
        tell(value);
        kernel_end(op, weft_map_insert(structure, k, v) == 0 ? LIN_TRUE : LIN_FALSE, 0);
    } else if (what == 'p') {
        tell(value);
        MODEL_CHECK(weft_map_put(structure, k, v, &found) >= 0);
        kernel_end(op, found ? LIN_VALUE : LIN_NOTHING, as_value(found));
    } else if (what == 'o') {
        tell(value);
        error = weft_map_get_or_insert(structure, NULL, k, v, &found);
        MODEL_CHECK(error >= 0);
        kernel_end(op, found != v ? LIN_VALUE : LIN_NOTHING, found != v ? as_value(found) : 0);
    } else if (what == 'c') {
        tell(value);
        error = weft_map_compare_and_replace(structure, k, as_pointer(key), v);
        kernel_end(op, error == 0 ? LIN_TRUE : error == -ENOENT ? LIN_NOTHING : LIN_FALSE, key);
    } else if (what == 'd') {
        error = weft_map_compare_and_remove(structure, k, as_pointer(key));
        if (error == 0)
            hear(key);
        kernel_end(op, error == 0 ? LIN_TRUE : error == -ENOENT ? LIN_NOTHING : LIN_FALSE, 0);
    } else if (what == 'r') {
        bool removed = weft_map_remove(structure, k, &found);
        if (removed)
            hear(as_value(found));
        kernel_end(op, removed ? LIN_TRUE : LIN_FALSE, 0);
    } else {
        found = weft_map_get(structure, NULL, k);
        if (found)
            hear(as_value(found));
        kernel_end(op, found ? LIN_VALUE : LIN_NOTHING, as_value(found));
    }
}

static void shrink(void *object, void *ctx)
{
    (void)ctx;
    if (structure)
        (void)weft_i_map_shrink(structure);
    model_free(object);
}

/* Callbacks never scan: what is retired here is, for once, not followed by a fence. */
static void shrink_in_a_callback(void)
{
    MODEL_CHECK(weft_retire(the_domain, model_alloc(16, 16), shrink, NULL) == 0);
}

/* Whoever else has stopped in the middle of it: what this thread has just done has seen to the rest. */
static void check_small(void)
{
    size_t table = weft_i_map_table(structure);
    MODEL_CHECK(weft_i_map_level_of(table) == WEFT_MAP_FIRST_BITS && !weft_i_map_is_closing(table));
}

static void check_open(int64_t key)
{
    weft_map *map = structure;
    weft_i_map_place place = weft_i_map_place_of(weft_i_map_hash(map, as_pointer(key)), weft_i_map_level(map));
    MODEL_CHECK(place.level > WEFT_MAP_FIRST_BITS);
    weft_i_map_segment *segment = weft_i_load(&map->segment[place.level], MAP_A2);
    void *link = weft_i_load(&segment->bucket[place.offset].link, MAP_S1);
    MODEL_CHECK(link && !(weft_i_map_bits(link) & (WEFT_I_MAP_FROZEN | WEFT_I_MAP_PENDING)));
}

static bool somebody(char does, int64_t key)
{
    return somebody_does((const char[]){does, (char)('0' + key), 0});
}

/* Sees what is there throughout once, what comes or goes at most once, and nothing else. */
static void walk(void)
{
    int seen[10] = {0};
    void *key, *value;
    weft_map_iterator it;
    weft_map_iterate(&it, structure);
    while (weft_map_next(&it, &key, &value)) {
        MODEL_CHECK(as_value(key) < 10 && value != NULL);
        hear(as_value(value));
        seen[as_value(key)]++;
    }
    weft_map_iterate_end(&it);
    for (int64_t k = 0; k < 10; k++) {
        bool before = k >= 1 && (uint64_t)k <= kernel_running()->before;
        MODEL_CHECK(seen[k] <= 1);
        MODEL_CHECK(seen[k] == 1 || !before || somebody('r', k));
        MODEL_CHECK(seen[k] == 0 || before || somebody('i', k) || somebody('p', k) || somebody('o', k));
    }
}

/* ---- all ---- */

bool structure_does(char what, int64_t key, int64_t value)
{
    switch (what) {
    case '+':
        put(value);
        return true;
    case 'M':
        put_two(value);
        return true;
    case '-':
        (void)take();
        return true;
    case '0':
        look_for_something();
        return true;
    case 'a':
        (void)weft_treiber_pop_all(structure, take_one_of_all, NULL);
        return true;
    case 'w':
        walk();
        return true;
    case 'z':
        (void)weft_i_map_shrink(structure);
        return true;
    case 'Z':
        shrink_in_a_callback();
        return true;
    case 's':
        check_small();
        return true;
    case 'u':
        check_open(key);
        return true;
    case 'D':
        subject()->destroy(structure, NULL, NULL);
        structure = NULL;
        return true;
    default:
        if (key)
            on_map(what, key, value);
        return key != 0;
    }
}

int structure_create(unsigned before)
{
    int error = subject() ? subject()->create(&structure, the_domain)
                          : weft_map_create((weft_map **)&structure, the_domain, NULL);
    for (unsigned i = 1; i <= before && !error; i++)
        if (subject())
            put(i);
        else
            on_map('i', i, i);
    return error;
}

/* Takes out what is left: it must be explained, too. */
void structure_destroy(void)
{
    if (!structure)
        return;
    if (subject()) {
        while (take())
            ;
        subject()->destroy(structure, NULL, NULL);
    } else {
        for (int key = 1; key <= 9; key++)
            on_map('g', key, 0);
        weft_map_destroy(structure, NULL, NULL);
    }
    structure = NULL;
}
