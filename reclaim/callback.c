#include <weft/reclaim/callback.h>

/* clang-format off */
#ifndef CALLBACK_R1
#define CALLBACK_R1 memory_order_release /* callback over -> CALLBACK_A1: what it did comes before */
#endif
#ifndef CALLBACK_A1
#define CALLBACK_A1 memory_order_acquire /* is a callback running -> CALLBACK_R1, CALLBACK_R2: a barrier returns after what it did */
#endif
/* clang-format on */

/* One that runs, on its caller's stack; more than one where a callback destroys another domain, or waits in a barrier of one. */
typedef struct callback {
    const weft_domain *domain;
    weft_i_atomic_size *running;
    struct callback *outer;
} callback;

static WEFT_I_THREAD_LOCAL callback *innermost;

static void end_callback(void *argument)
{
    callback *frame = argument;
    innermost = frame->outer;
    if (frame->running)
        (void)weft_i_fetch_sub(frame->running, 1, CALLBACK_R1);
}

void weft_i_call_back(weft_i_hook *hook, weft_domain *domain, weft_i_atomic_size *running)
{
    callback frame = {domain, running, innermost};
    innermost = &frame;
    if (!running) { /* then the thread has a record, whose exit hook knows what to do */
        hook->kind->reclaim(hook, domain);
        innermost = frame.outer;
        return;
    }
    weft_i_cleanup_begin(end_callback, &frame);
    hook->kind->reclaim(hook, domain);
    weft_i_cleanup_end();
}

bool weft_i_in_callback(void)
{
    return innermost != NULL;
}

bool weft_i_in_callback_of(const weft_domain *domain)
{
    const callback *frame = innermost;
    while (frame && frame->domain != domain)
        frame = frame->outer;
    return frame != NULL;
}

size_t weft_i_callbacks_counted_by(const weft_i_atomic_size *running)
{
    size_t count = 0;
    for (const callback *frame = innermost; frame; frame = frame->outer)
        count += frame->running == running;
    return count;
}

void weft_i_callbacks_over(void)
{
    innermost = NULL;
}

size_t weft_i_running(weft_i_atomic_size *count)
{
    return weft_i_load(count, CALLBACK_A1);
}
