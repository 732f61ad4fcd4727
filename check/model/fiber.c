#define _GNU_SOURCE
#include "check/model/fiber.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { STACK = 256 << 10 };

#if defined(__x86_64__) && !defined(MODEL_UCONTEXT)

struct model_fiber {
    void *sp;
    char *stack;
};

/* The six registers that a call preserves are on the stack, pushed after the return address. */
__asm__(".text\n"
        "model_fiber_swap:\n"
        "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n    pushq %r13\n    pushq %r14\n    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n    popq %r14\n    popq %r13\n    popq %r12\n    popq %rbx\n    popq %rbp\n"
        "    ret\n"
        "model_fiber_begin:\n"
        "    movq %r12, %rdi\n"
        "    callq *%r13\n"
        "    ud2\n");
void model_fiber_swap(void **save, void *to);
void model_fiber_begin(void);

void model_fiber_start(model_fiber *fiber, void (*body)(void *ctx), void *ctx)
{
    uint64_t *top = (uint64_t *)(void *)(fiber->stack + STACK - 16);
    *--top = (uint64_t)(uintptr_t)model_fiber_begin;
    *--top = 0;                         /* rbp */
    *--top = 0;                         /* rbx */
    *--top = (uint64_t)(uintptr_t)ctx;  /* r12 */
    *--top = (uint64_t)(uintptr_t)body; /* r13 */
    *--top = 0;
    *--top = 0;
    fiber->sp = top;
}

void model_fiber_switch(model_fiber *from, model_fiber *to)
{
    model_fiber_swap(&from->sp, to->sp);
}

#else

#include <ucontext.h>

struct model_fiber {
    ucontext_t context;
    char *stack;
    void (*body)(void *ctx);
    void *ctx;
};

static void begin(unsigned high, unsigned low)
{
    model_fiber *fiber = (model_fiber *)(uintptr_t)((uint64_t)high << 32 | low);
    fiber->body(fiber->ctx);
    abort();
}

void model_fiber_start(model_fiber *fiber, void (*body)(void *ctx), void *ctx)
{
    uint64_t self = (uint64_t)(uintptr_t)fiber;
    fiber->body = body;
    fiber->ctx = ctx;
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = STACK;
    makecontext(&fiber->context, (void (*)(void))begin, 2, (unsigned)(self >> 32), (unsigned)self);
}

void model_fiber_switch(model_fiber *from, model_fiber *to)
{
    swapcontext(&from->context, &to->context);
}

#endif

model_fiber *model_fiber_new(void)
{
    model_fiber *fiber = calloc(1, sizeof *fiber);
    void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!fiber || stack == MAP_FAILED)
        return NULL;
    fiber->stack = stack;
    return fiber;
}
