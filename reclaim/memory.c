#include <weft/reclaim/memory.h>

static void count_allocated(weft_domain *domain, weft_i_local *local, size_t change)
{
    if (local)
        weft_i_count(&local->counters.allocated, change);
    else
        /* relaxed: a figure */
        (void)weft_i_fetch_add(&domain->shared.counters.allocated, change, memory_order_relaxed);
}

void *weft_i_alloc_in(weft_domain *domain, weft_i_local *local, size_t size, size_t alignment)
{
    void *memory = domain->allocator.alloc ? domain->allocator.alloc(size, alignment, domain->allocator.ctx)
                                           : weft_i_sys_alloc(size, alignment);
    if (memory)
        count_allocated(domain, local, size);
    return memory;
}

void weft_i_free_in(weft_domain *domain, weft_i_local *local, void *memory, size_t size)
{
    if (!memory)
        return;
    count_allocated(domain, local, (size_t)0 - size);
    if (domain->allocator.free)
        domain->allocator.free(memory, size, domain->allocator.ctx);
    else
        weft_i_sys_free(memory);
}

void *weft_i_alloc(weft_domain *domain, size_t size, size_t alignment)
{
    return weft_i_alloc_in(domain, NULL, size, alignment);
}

void weft_i_free(weft_domain *domain, void *memory, size_t size)
{
    weft_i_free_in(domain, NULL, memory, size);
}

static bool mapped(const weft_domain *domain, size_t size)
{
    return !domain->allocator.alloc && size >= WEFT_MAP_FROM;
}

void *weft_i_alloc_zeroed(weft_domain *domain, size_t size)
{
    void *memory = mapped(domain, size) ? weft_i_sys_map(size) : weft_i_alloc(domain, size, WEFT_I_LINE);
    if (!memory)
        return NULL;
    if (mapped(domain, size))
        count_allocated(domain, NULL, size);
    else
        for (size_t i = 0; i < size / sizeof(void *); i++)
            ((void **)memory)[i] = NULL;
    return memory;
}

void weft_i_free_zeroed(weft_domain *domain, void *memory, size_t size)
{
    if (!memory)
        return;
    if (!mapped(domain, size)) {
        weft_i_free(domain, memory, size);
        return;
    }
    count_allocated(domain, NULL, (size_t)0 - size);
    weft_i_sys_unmap(memory, size);
}
