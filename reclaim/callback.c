#include <weft/reclaim/callback.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define CALLBACK_R1 memory_order_release /* callback of a domain's place over -> CALLBACK_A1: what it did comes before */
#define CALLBACK_R2 memory_order_release /* callback of a thread's own place over -> CALLBACK_A1: what it did comes before */
#define CALLBACK_A1 memory_order_acquire /* is a callback running -> CALLBACK_R1, CALLBACK_R2: a barrier returns after what the callback did */
#endif
/* clang-format on */

static WEFT_I_THREAD_LOCAL struct {
    const weft_domain *domain[WEFT_I_CALLBACKS];
    uint64_t id[WEFT_I_CALLBACKS]; /* of that domain, which may be gone when the exit hook runs */
    weft_i_atomic_size *running[WEFT_I_CALLBACKS];
    bool own[WEFT_I_CALLBACKS]; /* it counts callbacks of this thread's place, and no other thread writes it */
    int depth;
} nested;

static void count_over(int i)
{
    weft_i_atomic_size *running = nested.running[i];
    if (nested.own[i])
        /* relaxed: only this thread writes it */
        weft_i_store(running, weft_i_load(running, memory_order_relaxed) + 1, CALLBACK_R2);
    else
        (void)weft_i_fetch_sub(running, 1, CALLBACK_R1);
}

void weft_i_call_back(weft_i_hook *hook, weft_domain *domain, weft_i_atomic_size *running, bool own)
{
    nested.domain[nested.depth] = domain;
    nested.id[nested.depth] = domain->id;
    nested.own[nested.depth] = own;
    nested.running[nested.depth++] = running;
    hook->kind->reclaim(hook, domain);
    count_over(--nested.depth);
}

bool weft_i_in_callback(void)
{
    return nested.depth > 0;
}

bool weft_i_in_callback_of(const weft_domain *domain)
{
    for (int i = 0; i < nested.depth; i++)
        if (nested.domain[i] == domain)
            return true;
    return nested.depth == WEFT_I_CALLBACKS;
}

size_t weft_i_callbacks_counted_by(const weft_i_atomic_size *running)
{
    size_t count = 0;
    for (int i = 0; i < nested.depth; i++)
        count += nested.running[i] == running;
    return count;
}

void weft_i_callbacks_over(const weft_domain *domain)
{
    for (int i = 0; i < nested.depth; i++)
        if (nested.domain[i] == domain && nested.id[i] == domain->id)
            count_over(i);
}

void weft_i_callbacks_forget(void)
{
    nested.depth = 0;
}

size_t weft_i_running(weft_i_atomic_size *count)
{
    return weft_i_load(count, CALLBACK_A1);
}
