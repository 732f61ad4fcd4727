/* private. Fibers: a hand-written switch on x86-64, ucontext elsewhere. */
#ifndef WEFT_CHECK_MODEL_FIBER_H
#define WEFT_CHECK_MODEL_FIBER_H

#include <stddef.h>

typedef struct model_fiber model_fiber;

/* A fiber that will call body(ctx), which never returns, when it is first switched to. NULL: out of memory. */
model_fiber *model_fiber_new(void);
void model_fiber_start(model_fiber *fiber, void (*body)(void *ctx), void *ctx);
/* From the running one, which is `from`. */
void model_fiber_switch(model_fiber *from, model_fiber *to);

#endif
