/* private. Fibers: a hand-written switch on x86-64, ucontext elsewhere. */
#ifndef WEFT_CHECK_MODEL_FIBER_H
#define WEFT_CHECK_MODEL_FIBER_H

#include <stddef.h>

typedef struct model_fiber model_fiber;

/* NULL: out of memory. */
model_fiber *model_fiber_new(void);
/* The next switch to the fiber calls body(ctx), which must never return. */
void model_fiber_start(model_fiber *fiber, void (*body)(void *ctx), void *ctx);
/* `from` is the running fiber. */
void model_fiber_switch(model_fiber *from, model_fiber *to);

#endif
