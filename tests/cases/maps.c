/* Maps: as structures.c has queues and stacks. */
#define _GNU_SOURCE
#include "check/model/explain.h"
#include "tests/cases/operations.h"

#include <errno.h>
#include <string.h>

#include <weft/hashmap/split_map_table.h>
#include <weft/hashmap/table_resize.h>

#include "tests/support/maps.h"

static const map_subject *subject; /* the running case's */
static void *structure;

static void *as_pointer(int64_t value)
{
    return (void *)(uintptr_t)value;
}

static int64_t as_value(const void *pointer)
{
    return (int64_t)(uintptr_t)pointer;
}

/* ---- operations of all ---- */

static void insert(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_INSERT, key, value);
    tell(value);
    int error = subject->insert(structure, (uintptr_t)key, as_pointer(value));
    MODEL_CHECK(error == 0 || error == -EEXIST);
    model_end(op, error == 0 ? LIN_TRUE : LIN_FALSE, 0);
}

static void put(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_PUT, key, value);
    void *old = NULL;
    tell(value);
    MODEL_CHECK(subject->put(structure, (uintptr_t)key, as_pointer(value), &old) >= 0);
    model_end(op, old ? LIN_VALUE : LIN_NOTHING, as_value(old));
}

static void get_or_insert(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_GET_OR_INSERT, key, value);
    void *found = NULL;
    tell(value);
    MODEL_CHECK(subject->get_or_insert(structure, NULL, (uintptr_t)key, as_pointer(value), &found) >= 0);
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
    int error = subject->compare_and_replace(structure, (uintptr_t)key, as_pointer(key), as_pointer(value));
    model_end(op, answer_of(error), key);
}

static void remove_if(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_REMOVE_IF, key, key);
    (void)value;
    int error = subject->compare_and_remove(structure, (uintptr_t)key, as_pointer(key));
    if (error == 0)
        hear(key);
    model_end(op, answer_of(error), 0);
}

static void remove_key(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_REMOVE, key, 0);
    void *found = NULL;
    (void)value;
    bool removed = subject->remove(structure, (uintptr_t)key, &found);
    if (removed)
        hear(as_value(found));
    model_end(op, removed ? LIN_TRUE : LIN_FALSE, 0);
}

static void get(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_GET, key, 0);
    (void)value;
    void *found = subject->get(structure, NULL, (uintptr_t)key);
    if (found)
        hear(as_value(found));
    model_end(op, found ? LIN_VALUE : LIN_NOTHING, as_value(found));
}

/* The same, as one of many keys. */
static void get_many(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_GET, key, 0);
    const uintptr_t keys[] = {(uintptr_t)key};
    void *found = NULL;
    (void)value;
    bool present = subject->get_many(structure, NULL, keys, &found, 1) == 1;
    MODEL_CHECK(present == (found != NULL));
    if (found)
        hear(as_value(found));
    model_end(op, found ? LIN_VALUE : LIN_NOTHING, as_value(found));
}

static void reserve(int64_t key, int64_t value)
{
    (void)value;
    MODEL_CHECK(subject->reserve(structure, (size_t)key) == 0);
}

static bool see(uintptr_t key, void *value, void *ctx)
{
    MODEL_CHECK(key > 0 && key < 10 && value != NULL);
    hear(as_value(value));
    ((int *)ctx)[key]++;
    return true;
}

/* Sees keys that are present throughout once, keys that come or go at most once, and no others. */
static void iterate(int64_t unused, int64_t neither)
{
    int seen[10] = {0};
    (void)unused, (void)neither;
    subject->walk(structure, see, seen);
    for (int64_t k = 1; k < 10; k++) {
        bool before = (uint64_t)k <= kernel_running()->before;
        MODEL_CHECK(seen[k] <= 1);
        MODEL_CHECK(seen[k] == 1 || !before || somebody_does("remove", k));
        MODEL_CHECK(seen[k] == 0 || before || somebody_does("insert", k) || somebody_does("put", k) ||
                    somebody_does("get-or-insert", k));
    }
}

/* ---- the size of weft_map ---- */

OPERATION(shrink_map, (void)weft_i_map_shrink(structure))

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
static void check_small_map(int64_t key, int64_t value)
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

/* ---- the size of weft_table ---- */

OPERATION(unreserve, MODEL_CHECK(weft_table_reserve(structure, 0) == 0))
OPERATION(adjust_table, (void)weft_i_table_adjust(structure))

static size_t table_bits(bool *moves)
{
    weft_i_table_array *array = weft_i_load(&((weft_table *)structure)->array, TABLE_A3);
    *moves = weft_i_load(&array->next, TABLE_A3) != NULL;
    return weft_i_table_bits(array);
}

static void check_small_table(int64_t key, int64_t value)
{
    bool moves;
    size_t bits = table_bits(&moves);
    (void)key, (void)value;
    MODEL_CHECK(bits == WEFT_TABLE_FIRST_BITS && !moves);
}

static void check_large_table(int64_t key, int64_t value)
{
    bool moves;
    size_t bits = table_bits(&moves);
    (void)key, (void)value;
    MODEL_CHECK(bits == WEFT_TABLE_FIRST_BITS + 1 && !moves);
}

/* ---- kinds ---- */

/* clang-format off */
#define OF_ALL                                                                                                         \
    {"insert", "insert the key", insert, true},                                                                        \
    {"put", "put a value for the key", put, true},                                                                     \
    {"get-or-insert", "get the key's value, or insert it", get_or_insert, true},                                       \
    {"replace", "replace the key's value if it is the one that setup has put", replace, true},                         \
    {"remove-if", "remove the key if its value is the one that setup has put", remove_if, true},                       \
    {"remove", "remove the key", remove_key, true},                                                                    \
    {"get", "get the key's value", get, true},                                                                         \
    {"get-many", "get the key's value, by the function for many keys", get_many, true},                                \
    {"reserve", "reserve room for so many entries", reserve, true},                                                    \
    {"iterate", "iterate over all", iterate, false},
/* clang-format on */

static const operation map_operations[] = {
    OF_ALL{"check-open", "check that the key's bucket is open", check_open, true},
    {"shrink", "shrink the table by a step", shrink_map, false},
    {"shrink-in-callback", "the same in a callback", shrink_in_a_callback, false},
    {"check-small", "check that the table has shrunk", check_small_map, false},
    {0},
};

static const operation table_operations[] = {
    OF_ALL{"unreserve", "give reserved room back", unreserve, false},
    {"adjust", "grow or shrink the table by a step", adjust_table, false},
    {"check-small", "check that the table has shrunk", check_small_table, false},
    {"check-large", "check that the table has grown once", check_large_table, false},
    {0},
};

static int create(unsigned before)
{
    for (size_t i = 0; i < MAPS; i++)
        if (strcmp(maps[i].name, kernel_running()->structure) == 0)
            subject = &maps[i];
    int error = subject->create(&structure, the_domain, NULL, NULL);
    for (unsigned i = 1; i <= before && !error; i++)
        insert(i, i);
    return error;
}

static void destroy(void)
{
    for (int key = 1; structure && key <= 9; key++)
        get(key, 0);
    subject->destroy(structure);
    structure = NULL;
}

static void explain(void)
{
    model_explain(&lin_map_spec);
}

static const structure_kind map_kind = {map_operations, create, destroy, explain};
static const structure_kind table_kind = {table_operations, create, destroy, explain};

const structure_kind *map_kind_of(const char *structure_name)
{
    return strcmp(structure_name, "table") == 0 ? &table_kind : &map_kind;
}
