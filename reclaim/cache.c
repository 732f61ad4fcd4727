/*
 * Memory of a domain, and the caches of nodes: a list per thread and size class, and a depot of such lists per domain,
 * so that what one thread frees another allocates, a batch at a time (after J. Bonwick, J. Adams, "Magazines and
 * Vmem", USENIX ATC 2001).
 */
#include <weft/reclaim/registry.h>
#include <weft/reclaim/scan.h>

/* clang-format off */
#ifndef DEPOT_R1
#define DEPOT_R1 memory_order_release /* deposit a list -> DEPOT_A1: publishes its chain */
#endif
#ifndef DEPOT_A1
#define DEPOT_A1 memory_order_acquire /* withdraw a list -> DEPOT_R1: sees its chain */
#endif
/* clang-format on */

static const size_t class_size[WEFT_I_CLASSES] = {WEFT_I_SMALL_SIZE, WEFT_I_LARGE_SIZE};

/* `local` may be NULL: then it is counted where several threads count. */
static void count_allocated(weft_domain *domain, weft_i_local *local, size_t change)
{
    if (local)
        weft_i_count(&local->counters.allocated, change);
    else
        /* relaxed: a figure */
        (void)weft_i_fetch_add(&domain->shared.counters.allocated, change, memory_order_relaxed);
}

static void *allocate(weft_domain *domain, weft_i_local *local, size_t size, size_t alignment)
{
    void *memory = domain->allocator.alloc ? domain->allocator.alloc(size, alignment, domain->allocator.ctx)
                                           : weft_i_sys_alloc(size, alignment);
    if (memory)
        count_allocated(domain, local, size);
    return memory;
}

static void release(weft_domain *domain, weft_i_local *local, void *memory, size_t size)
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
    return allocate(domain, NULL, size, alignment);
}

void weft_i_free(weft_domain *domain, void *memory, size_t size)
{
    release(domain, NULL, memory, size);
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

static bool deposit(weft_domain *domain, int node_class, weft_i_hook *chain)
{
    for (int i = 0; i < WEFT_DEPOT; i++) {
        weft_i_hook *empty = NULL;
        /* relaxed: only a hint, and a failure reads nothing */
        if (!weft_i_load(&domain->depot[node_class][i], memory_order_relaxed) &&
            weft_i_cas(&domain->depot[node_class][i], &empty, chain, DEPOT_R1, memory_order_relaxed))
            return true;
    }
    return false;
}

static weft_i_hook *withdraw(weft_domain *domain, int node_class)
{
    for (int i = 0; i < WEFT_DEPOT; i++) {
        /* relaxed: only a hint */
        if (!weft_i_load(&domain->depot[node_class][i], memory_order_relaxed))
            continue;
        weft_i_hook *chain = weft_i_exchange(&domain->depot[node_class][i], NULL, DEPOT_A1);
        if (chain)
            return chain;
    }
    return NULL;
}

static void free_chain(weft_domain *domain, int node_class, weft_i_hook *chain)
{
    for (weft_i_hook *next; chain; chain = next) {
        next = chain->next;
        release(domain, NULL, chain, class_size[node_class]);
    }
}

/* Under the address sanitizer memory goes back at once, so that it can see uses after. */
static bool keeps(const weft_i_local *local, int node_class)
{
    return local && !WEFT_I_ASAN && local->cache[node_class].count < WEFT_BATCH;
}

void weft_i_node_free(weft_domain *domain, weft_i_local *local, int node_class, void *node)
{
    if (keeps(local, node_class))
        weft_i_list_push(&local->cache[node_class], node);
    else
        release(domain, local, node, class_size[node_class]);
}

/*
 * Takes nodes that a scan freed: into the cache, or if that is full to the depot, or else to what is given back to
 * the allocator two at a time.
 */
void weft_i_cache_accept(weft_i_local *local, int node_class, weft_i_list *freed)
{
    if (!freed->head)
        return;
    weft_i_hook *head = freed->head;
    size_t count = freed->count;
    if (keeps(local, node_class)) {
        weft_i_list_splice(&local->cache[node_class], freed);
    } else {
        if (WEFT_I_ASAN || count > 2 * WEFT_BATCH || !deposit(local->domain, node_class, head)) {
            weft_i_list_splice(&local->ready, freed);
            return;
        }
        *freed = (weft_i_list){0};
    }
    weft_i_count(&local->counters.reclaimed, count);
    weft_i_count(&local->counters.reclaimed_bytes, count * class_size[node_class]);
}

void *weft_i_node_alloc_slow(weft_i_local *local, weft_domain *domain, int node_class)
{
    weft_i_hook *chain = local ? withdraw(domain, node_class) : NULL;
    if (!chain)
        return allocate(domain, local, class_size[node_class], _Alignof(max_align_t));
    for (weft_i_hook *next = chain->next; next; next = chain->next) {
        chain->next = next->next;
        weft_i_list_push(&local->cache[node_class], next);
    }
    return chain;
}

void weft_i_trim(weft_i_local *local)
{
    for (int c = 0; c < WEFT_I_CLASSES; c++) {
        weft_i_hook *chain = local->cache[c].head;
        local->cache[c] = (weft_i_list){0};
        weft_i_compiler_fence(); /* a fork finds no freed node in a cache */
        free_chain(local->domain, c, chain);
    }
}

void weft_i_trim_depot(weft_domain *domain)
{
    for (int c = 0; c < WEFT_I_CLASSES; c++)
        for (weft_i_hook *chain; (chain = withdraw(domain, c)) != NULL;)
            free_chain(domain, c, chain);
}
