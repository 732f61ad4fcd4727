/*
 * Concurrency Kit's ck_hp_fifo and ck_hp_stack: Michael and Scott's queue and Treiber's stack under its hazard
 * pointers, like Weft's. Nodes are allocated, and freed when no hazard pointer holds them.
 */
#include "bench/measure/loops_container.h"
#include "bench/adapters/peers/ck_pointers.h"

#include <ck_hp_fifo.h>
#include <ck_hp_stack.h>
#include <errno.h>

typedef struct entry {
    ck_stack_entry_t entry; /* first: pop returns its address */
    ck_hp_hazard_t hazard;
    void *value;
} entry;

typedef struct structure {
    BENCH_ALIGNED(BENCH_LINE) union {
        ck_hp_fifo_t fifo;
        ck_stack_t stack;
    };
    BENCH_ALIGNED(BENCH_LINE) ck_hp_t *pointers;
} structure;

static structure *create(void)
{
    structure *s = aligned_alloc(BENCH_LINE, sizeof *s);
    if (s && !(s->pointers = ck_pointers_new(CK_DEGREE, free))) {
        free(s);
        return NULL;
    }
    return s;
}

static void *thread_begin(void *object)
{
    return ck_pointers_begin(((structure *)object)->pointers);
}

/* ---- queue ---- */

static int fifo_create(void **out, const bench_setup *setup)
{
    structure *s = create();
    ck_hp_fifo_entry_t *stub = s ? malloc(sizeof *stub) : NULL;
    (void)setup;
    if (!(*out = s))
        return -ENOMEM;
    if (!stub) {
        ck_pointers_delete(s->pointers);
        free(s);
        *out = NULL;
        return -ENOMEM;
    }
    ck_hp_fifo_init(&s->fifo, stub);
    return 0;
}

static void fifo_destroy(void *object)
{
    structure *s = object;
    for (ck_hp_fifo_entry_t *e = s->fifo.head, *next; e; e = next) {
        next = e->next;
        free(e);
    }
    ck_pointers_delete(s->pointers);
    free(s);
}

BENCH_OP bool fifo_put(void *object, void *thread, void *value)
{
    ck_hp_fifo_entry_t *e = malloc(sizeof *e);
    if (e)
        ck_hp_fifo_enqueue_mpmc(&((ck_pointers *)thread)->record, &((structure *)object)->fifo, e, value);
    return e != NULL;
}

BENCH_OP bool fifo_take(void *object, void *thread, void **value)
{
    ck_hp_record_t *record = &((ck_pointers *)thread)->record;
    ck_hp_fifo_entry_t *e = ck_hp_fifo_dequeue_mpmc(record, &((structure *)object)->fifo, value);
    if (e)
        ck_hp_free(record, &e->hazard, e, e);
    return e != NULL;
}

BENCH_CONTAINER(fifo, fifo_put, fifo_take);

const bench_impl bench_ck_hp_fifo = {
    .name = "ck-hp-fifo",
    .family = BENCH_QUEUE,
    .role = BENCH_PEER,
    .note = "Concurrency Kit's ck_hp_fifo: Michael and Scott's queue, hazard pointers; the nearest to Weft's",
    .create = fifo_create,
    .destroy = fifo_destroy,
    .thread_begin = thread_begin,
    .thread_end = ck_pointers_end,
    .container = &fifo_ops,
    .drive = fifo_drive,
};

/* ---- stack ---- */

static int stack_create(void **out, const bench_setup *setup)
{
    structure *s = create();
    (void)setup;
    if (!(*out = s))
        return -ENOMEM;
    ck_stack_init(&s->stack);
    return 0;
}

static void stack_destroy(void *object)
{
    structure *s = object;
    for (ck_stack_entry_t *e = CK_STACK_FIRST(&s->stack), *next; e; e = next) {
        next = CK_STACK_NEXT(e);
        free(e);
    }
    ck_pointers_delete(s->pointers);
    free(s);
}

BENCH_OP bool stack_put(void *object, void *thread, void *value)
{
    entry *e = malloc(sizeof *e);
    (void)thread;
    if (!e)
        return false;
    e->value = value;
    ck_hp_stack_push_mpmc(&((structure *)object)->stack, &e->entry);
    return true;
}

BENCH_OP bool stack_take(void *object, void *thread, void **value)
{
    ck_hp_record_t *record = &((ck_pointers *)thread)->record;
    entry *e = (entry *)(void *)ck_hp_stack_pop_mpmc(record, &((structure *)object)->stack);
    if (!e)
        return false;
    *value = e->value;
    ck_hp_free(record, &e->hazard, e, e);
    return true;
}

BENCH_CONTAINER(stack, stack_put, stack_take);

const bench_impl bench_ck_hp_stack = {
    .name = "ck-hp-stack",
    .family = BENCH_STACK,
    .role = BENCH_PEER,
    .note = "Concurrency Kit's ck_hp_stack: Treiber's stack, hazard pointers",
    .create = stack_create,
    .destroy = stack_destroy,
    .thread_begin = thread_begin,
    .thread_end = ck_pointers_end,
    .container = &stack_ops,
    .drive = stack_drive,
};
