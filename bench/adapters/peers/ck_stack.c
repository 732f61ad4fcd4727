/*
 * Concurrency Kit's ck_stack: Treiber's stack. Pop compares head and generation together (cmpxchg16b), so a popped
 * entry may be pushed again at once. Pop reads entries that others have taken, so they must stay mapped (pool.h).
 */
#include "bench/measure/loops_container.h"
#include "bench/adapters/peers/pool.h"

#include <ck_stack.h>
#include <errno.h>

typedef struct entry {
    ck_stack_entry_t entry; /* first: pop returns its address */
    void *value;
} entry;

_Static_assert(sizeof(entry) <= sizeof(((pool_node *)0)->entry), "room for an entry");

typedef struct stack {
    _Alignas(BENCH_LINE) ck_stack_t stack;
    _Alignas(BENCH_LINE) pool nodes;
} stack;

static int stack_create(void **out, const bench_setup *setup)
{
    stack *s = aligned_alloc(BENCH_LINE, sizeof *s);
    (void)setup;
    if (!(*out = s))
        return -ENOMEM;
    ck_stack_init(&s->stack);
    pool_init(&s->nodes);
    return 0;
}

static void stack_destroy(void *object)
{
    stack *s = object;
    pool_destroy(&s->nodes);
    free(s);
}

static void *stack_thread_begin(void *object)
{
    return pool_thread_begin(&((stack *)object)->nodes);
}

static void stack_thread_end(void *object, void *thread)
{
    (void)object;
    pool_thread_end(thread);
}

BENCH_OP bool stack_put(void *object, void *thread, void *value)
{
    entry *e = pool_get(thread);
    if (!e)
        return false;
    e->value = value;
    ck_stack_push_mpmc(&((stack *)object)->stack, &e->entry);
    return true;
}

BENCH_OP bool stack_take(void *object, void *thread, void **value)
{
    entry *e = (entry *)ck_stack_pop_mpmc(&((stack *)object)->stack);
    if (!e)
        return false;
    *value = e->value;
    pool_put(thread, e);
    return true;
}

BENCH_CONTAINER(stack, stack_put, stack_take);

const bench_impl bench_ck_stack = {
    .name = "ck-stack",
    .family = BENCH_STACK,
    .role = BENCH_PEER,
    .note = "Concurrency Kit's ck_stack (mpmc), nodes recycled per thread and never freed",
    .create = stack_create,
    .destroy = stack_destroy,
    .thread_begin = stack_thread_begin,
    .thread_end = stack_thread_end,
    .container = &stack_ops,
    .drive = stack_drive,
};
