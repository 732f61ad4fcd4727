/* What the letters of a case do. */
#define _GNU_SOURCE
#include "tests/model/kernels.h"

#include <errno.h>
#include <string.h>

#include <weft/hashmap/split_map_table.h>
#include <weft/queues/msq.h>
#include <weft/reclaim/local.h>
#include <weft/stacks/treiber.h>

static weft_domain *domain, *other_domain;
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

#define PLAIN(address, write) model_plain(address, sizeof *(address), write, __FILE__, __LINE__)

static void tell(int64_t value)
{
    PLAIN(&told[value], true);
}

static void hear(int64_t value)
{
    PLAIN(&told[value], false);
}

/* ---- queue and stack ---- */

static void put(int64_t value)
{
    bool queue = kernel_running()->kind == QUEUE;
    lin_operation *op = kernel_begin(queue ? LIN_ENQUEUE : LIN_PUSH, 0, value);
    tell(value);
    int error = queue ? weft_msq_enqueue(structure, as_pointer(value)) : weft_treiber_push(structure, as_pointer(value));
    MODEL_CHECK(error == 0);
    kernel_end(op, LIN_NOTHING, 0);
}

static bool take(void)
{
    bool queue = kernel_running()->kind == QUEUE;
    void *value = NULL;
    lin_operation *op = kernel_begin(queue ? LIN_DEQUEUE : LIN_POP, 0, 0);
    bool got = queue ? weft_msq_try_dequeue(structure, &value) : weft_treiber_try_pop(structure, &value);
    if (got)
        hear(as_value(value));
    kernel_end(op, got ? LIN_VALUE : LIN_NOTHING, as_value(value));
    return got;
}

/* Who is told that something is there has what thread 1 said before its first put. */
static void look_for_something(void)
{
    bool queue = kernel_running()->kind == QUEUE;
    lin_operation *op;
    bool empty = queue ? weft_msq_is_empty(structure) : weft_treiber_is_empty(structure);
    if (!empty) {
        hear(17);
        return;
    }
    op = kernel_begin(queue ? LIN_DEQUEUE : LIN_POP, 0, 0);
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
                                     : what == 'r' ? LIN_REMOVE
                                                   : LIN_GET,
                                     key, what == 'r' || what == 'g' ? 0 : value);
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
    MODEL_CHECK(weft_retire(domain, model_alloc(16, 16), shrink, NULL) == 0);
}

static bool somebody_does(const char *what)
{
    bool found = false;
    for (unsigned t = 0; t < KERNEL_THREADS && kernel_running()->does[t]; t++)
        found = found || strstr(kernel_running()->does[t], what);
    return found;
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

/* ---- a cell: a guarded pointer to an object ---- */

enum { OBJECTS = 16, ALIVE = 0x11fe };

typedef struct object {
    weft_hook hook;
    long state;
    int number;
} object;

static weft_atomic_ptr cell;
static weft_atomic_ptr has_told[KERNEL_THREADS + 1];
static long gone[OBJECTS]; /* written plainly by the reclaim callback */
static int objects, retired[KERNEL_THREADS + 1][OBJECTS], retired_count[KERNEL_THREADS + 1];
static int retired_before[KERNEL_THREADS + 1]; /* by setup */
static weft_guard *left_behind;

static object *make_object(void)
{
    object *o = model_alloc(sizeof *o, 16);
    o->number = objects++;
    PLAIN(&o->state, true);
    o->state = ALIVE;
    return o;
}

static void reclaim(void *what, void *ctx)
{
    object *o = what;
    (void)ctx;
    PLAIN(&o->state, true);
    MODEL_CHECK(o->state == ALIVE && !gone[o->number]);
    o->state = 0;
    PLAIN(&gone[o->number], true);
    gone[o->number] = 1;
    model_free(o);
}

static void retire(object *o, bool hook)
{
    unsigned who = model_thread();
    retired[who][retired_count[who]++] = o->number;
    if (hook)
        weft_retire_hook(domain, &o->hook, o, sizeof *o, reclaim, NULL);
    else
        MODEL_CHECK(weft_retire(domain, o, reclaim, NULL) == 0);
}

static void swap(bool hook, bool by_cas)
{
    object *fresh = make_object();
    void *old = weft_ptr_load(&cell);
    if (by_cas) {
        while (!weft_ptr_cas(&cell, &old, fresh))
            ;
    } else {
        weft_ptr_store(&cell, fresh); /* one writer only */
    }
    retire(old, hook);
}

static void look_through(weft_guard *guard)
{
    const object *o = weft_protect(guard, &cell);
    PLAIN(&o->state, false);
    MODEL_CHECK(o->state == ALIVE);
}

/* Under so many guards at once, left in the order of their coming; they lie where the machine sees them. */
static void look(int guards, bool leaves)
{
    weft_guard *guard = model_alloc((size_t)guards * sizeof *guard, 16);
    for (int i = 0; i < guards; i++)
        weft_enter(&guard[i], domain);
    look_through(&guard[guards - 1]);
    look_through(&guard[0]);
    for (int i = 0; leaves && i < guards; i++)
        weft_leave(&guard[i]);
    if (leaves)
        model_free(guard);
    else
        left_behind = guard; /* stays until the end, as domain.h asks */
}

static weft_guard kept;

static void keep_guard(void)
{
    weft_enter(&kept, domain);
    look_through(&kept);
}

static void visit_other_domain(void)
{
    weft_guard guard;
    weft_enter(&guard, other_domain);
    weft_leave(&guard);
}

/* All that had been retired before the call has been reclaimed when it returns. */
static void barrier(void)
{
    bool asked[KERNEL_THREADS + 1];
    int count[KERNEL_THREADS + 1];
    for (unsigned t = 1; t <= KERNEL_THREADS; t++) {
        bool told_so = kernel_running()->does[t - 1] && strchr(kernel_running()->does[t - 1], 't') && weft_ptr_load(&has_told[t]);
        asked[t] = t == model_thread() || told_so;
        count[t] = asked[t] ? retired_count[t] : retired_before[t];
    }
    MODEL_CHECK(weft_domain_barrier(domain, UINT64_MAX) == 0);
    for (unsigned t = 1; t <= KERNEL_THREADS; t++)
        for (int i = 0; i < count[t]; i++) {
            PLAIN(&gone[retired[t][i]], false);
            MODEL_CHECK(gone[retired[t][i]]);
        }
}

/* Not more than there were. */
static void ask_for_statistics(void)
{
    weft_domain_statistics s;
    size_t most = 0;
    weft_domain_stats(domain, &s);
    for (unsigned t = 1; t <= KERNEL_THREADS; t++)
        most += (size_t)retired_count[t];
    MODEL_CHECK(s.retired <= most && s.reclaimed <= most);
}

/* ---- pointers of the user's own: a message, and a lock that is tried once ---- */

static weft_atomic_ptr message, lock;
static long letter, locked;

static void write_letter(void)
{
    PLAIN(&letter, true);
    weft_ptr_store(&message, &letter);
}

static void read_letter(void)
{
    if (weft_ptr_load(&message))
        PLAIN(&letter, false);
}

static void try_lock(void)
{
    void *free = NULL;
    if (!weft_ptr_cas(&lock, &free, &locked))
        return;
    PLAIN(&locked, true);
    weft_ptr_store(&lock, NULL);
}

/* ---- the end of a domain ---- */

/* As soon as the structure is gone, whoever has destroyed it. */
static void try_to_destroy(void)
{
    int error = weft_domain_destroy(domain);
    MODEL_CHECK(error == 0 || error == -EBUSY);
    if (error == 0)
        domain = NULL;
}

/* ---- a thread ---- */

static void perform(const char *what, int64_t value)
{
    switch (*what) {
    case '+':
        put(value);
        break;
    case '-':
        (void)take();
        break;
    case '0':
        look_for_something();
        break;
    case 'a':
        (void)weft_treiber_pop_all(structure, take_one_of_all, NULL);
        break;
    case 'w':
        walk();
        break;
    case 's':
        swap(false, false);
        break;
    case 'h':
        swap(true, false);
        break;
    case 'm':
        swap(true, true);
        break;
    case 'l':
        look(1, true);
        break;
    case 'n':
        look(2, true);
        break;
    case 'N':
        look(WEFT_SLOTS + 1, true);
        break;
    case 'E':
        look(WEFT_SLOTS + 1, false);
        model_end_thread();
        break;
    case 'K':
        keep_guard();
        break;
    case 'k':
        weft_leave(&kept);
        break;
    case 'z':
        (void)weft_i_map_shrink(structure);
        break;
    case 'Z':
        shrink_in_a_callback();
        break;
    case 'D':
        weft_msq_destroy(structure, NULL, NULL);
        structure = NULL;
        break;
    case 'X':
        try_to_destroy();
        break;
    case 'o':
        visit_other_domain();
        break;
    case 't':
        weft_ptr_store(&has_told[model_thread()], &has_told);
        break;
    case 'W':
        write_letter();
        break;
    case 'R':
        read_letter();
        break;
    case 'T':
        try_lock();
        break;
    case 'q':
        ask_for_statistics();
        break;
    case 'b':
        barrier();
        break;
    case 'f':
        weft_domain_flush(domain);
        break;
    case 'x':
        model_end_thread();
        break;
    default:
        on_map(*what, what[1] - '0', value);
        break;
    }
}

static void perform_all(const char *at, int64_t value)
{
    for (; at && *at; at++) {
        perform(at, ++value);
        at += at[1] >= '1' && at[1] <= '9';
    }
}

void kernel_do_all(void)
{
    unsigned who = model_thread();
    perform_all(kernel_running()->does[who - 1], who * 16);
    if (kernel_running()->flags & ENDS)
        model_end_thread();
}

/* ---- the case ---- */

/* What is only counted, and what only a thief or a barrier would look at where there is none. */
static void attach(void)
{
    const kernel_case *c = kernel_running();
    bool asked = c->epochs || c->flags & ENDS || c->kind == CELL || somebody_does("f") || somebody_does("x");
    MODEL_CHECK(weft_domain_attach(domain) == 0);
    weft_i_local *local = weft_i_local_peek(domain);
    if (c->flags & COUNTED)
        return;
    model_figures(&local->counters, sizeof local->counters);
    model_figures(&local->room, sizeof local->room); /* which others only count, and its owner sees as it is */
    if (!asked)
        model_figures(&weft_i_own_record()->operation.domain, sizeof weft_i_own_record()->operation.domain);
}

static int make_structure(void)
{
    switch (kernel_running()->kind) {
    case QUEUE:
        return weft_msq_create((weft_msq **)&structure, domain);
    case STACK:
        return weft_treiber_create((weft_treiber **)&structure, domain);
    case MAP:
        return weft_map_create((weft_map **)&structure, domain, NULL);
    default:
        weft_ptr_store(&cell, make_object());
        return somebody_does("o") ? weft_domain_create(&other_domain, NULL) : 0;
    }
}

static void do_first(void)
{
    perform_all(kernel_running()->first[model_thread() - 1], model_thread() * 16 + 8);
}

void kernel_set_up(void)
{
    const kernel_case *c = kernel_running();
    const weft_domain_config config = {.scheme = c->epochs ? WEFT_EPOCH : WEFT_HAZARD};
    MODEL_CHECK(weft_domain_create(&domain, &config) == 0);
    if (!(c->flags & COUNTED)) {
        model_figures(&domain->shared.counters, sizeof domain->shared.counters);
        model_figures(&domain->pending_peak, sizeof domain->pending_peak);
    }
    for (unsigned t = 1; t <= KERNEL_THREADS && c->does[t - 1] && !(c->flags & LATE); t++)
        model_as(t, attach);
    MODEL_CHECK(make_structure() == 0);
    for (unsigned i = 1; i <= c->before; i++)
        if (c->kind == MAP)
            on_map('i', i, i);
        else
            put(i);
    for (unsigned t = 1; t <= KERNEL_THREADS && c->does[t - 1]; t++)
        if (c->first[t - 1])
            model_as(t, do_first);
    for (unsigned t = 1; t <= KERNEL_THREADS; t++)
        retired_before[t] = retired_count[t];
}

static void take_all_out(void)
{
    switch (kernel_running()->kind) {
    case QUEUE:
        while (take())
            ;
        weft_msq_destroy(structure, NULL, NULL);
        break;
    case STACK:
        while (take())
            ;
        weft_treiber_destroy(structure, NULL, NULL);
        break;
    case MAP:
        for (int key = 1; key <= 9; key++)
            on_map('g', key, 0);
        weft_map_destroy(structure, NULL, NULL);
        structure = NULL;
        break;
    default:
        retire(weft_ptr_load(&cell), true);
        break;
    }
}

void kernel_take_down(void)
{
    if (structure || kernel_running()->kind == CELL)
        take_all_out();
    MODEL_CHECK(!domain || weft_domain_destroy(domain) == 0);
    MODEL_CHECK(!other_domain || weft_domain_destroy(other_domain) == 0);
    model_free(left_behind);
    for (int i = 0; i < objects; i++)
        MODEL_CHECK(gone[i]);
}
