#include <weft/reclaim/cache.h>
#include <weft/reclaim/right.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define DEPOT_R1 memory_order_release /* deposit a list -> DEPOT_A1: publishes its chain */
#define DEPOT_A1 memory_order_acquire /* withdraw a list -> DEPOT_R1: sees its chain */
#endif
/* clang-format on */

static const size_t class_size[WEFT_I_CLASSES] = {WEFT_I_SMALL_SIZE, WEFT_I_LARGE_SIZE, WEFT_I_LARGE_SIZE,
                                                  WEFT_I_SEGMENT_SIZE};

static size_t class_alignment(int node_class)
{
    return node_class == WEFT_I_SEGMENT ? WEFT_I_LINE : _Alignof(max_align_t);
}

/* How many nodes a cache has at most, and a list in the depot. */
static size_t class_limit(int node_class)
{
    return node_class == WEFT_I_SEGMENT ? 2 * WEFT_SEGMENTS : WEFT_CACHE;
}

/* The first node of a list in the depot holds the tail and the count, so that taking a list touches no other node. */
typedef struct magazine {
    weft_i_hook first;
    weft_i_hook *tail;
    size_t count;
} magazine;

_Static_assert(sizeof(magazine) <= WEFT_I_SMALL_SIZE, "a node of any class can be the first");

/* False: the depot is full. */
static bool deposit(weft_domain *domain, int node_class, const weft_i_list *list)
{
    magazine *full = (magazine *)(void *)list->head;
    full->tail = list->tail;
    full->count = list->count;
    for (int i = 0; i < WEFT_DEPOT; i++) {
        weft_i_hook *empty = NULL;
        /* relaxed: only a hint, and a failure reads nothing */
        if (!weft_i_load(&domain->depot[node_class][i], memory_order_relaxed) &&
            weft_i_cas(&domain->depot[node_class][i], &empty, list->head, DEPOT_R1, memory_order_relaxed))
            return true;
    }
    return false;
}

/* Returns an empty list if the depot has none. */
static weft_i_list withdraw(weft_domain *domain, int node_class)
{
    for (int i = 0; i < WEFT_DEPOT; i++) {
        /* relaxed: only a hint */
        if (!weft_i_load(&domain->depot[node_class][i], memory_order_relaxed))
            continue;
        weft_i_hook *head = weft_i_exchange(&domain->depot[node_class][i], NULL, DEPOT_A1);
        const magazine *full = (magazine *)(void *)head;
        if (head)
            return (weft_i_list){head, full->tail, full->count};
    }
    return (weft_i_list){0};
}

/* Under the address sanitizer nodes are freed at once, so that it sees a use after free. */
static bool cache_has_room(const weft_i_local *local, int node_class, size_t count)
{
    return local && !WEFT_I_ASAN && local->cache[node_class].count + count <= class_limit(node_class);
}

void weft_i_node_free(weft_domain *domain, weft_i_local *local, int node_class, void *node)
{
    if (cache_has_room(local, node_class, 1))
        weft_i_list_push(&local->cache[node_class], node);
    else
        weft_i_free_in(domain, local, node, class_size[node_class]);
}

void weft_i_cache_accept(weft_i_local *local, int node_class, weft_i_list *freed)
{
    size_t count = freed->count;
    if (!freed->head)
        return;
    if (cache_has_room(local, node_class, count)) {
        weft_i_list_splice(&local->cache[node_class], freed);
    } else {
        weft_i_list whole = *freed;
        *freed = (weft_i_list){0};
        weft_i_compiler_fence(); /* as in weft_i_list_splice */
        if (WEFT_I_ASAN || count > class_limit(node_class) || !deposit(local->domain, node_class, &whole)) {
            weft_i_list_splice(freed, &whole);
            local->surplus |= 1u << node_class;
            return;
        }
    }
    weft_i_count_reclaimed(local, count, count * class_size[node_class]);
}

/* Takes one of the nodes that are ready to go back to the allocator. NULL: there is none, or a taker has the lists. */
static weft_i_hook *reuse(weft_i_local *local, int node_class)
{
    if (WEFT_I_ASAN || !(local->surplus >> node_class & 1) || !weft_i_busy_begin(local->domain))
        return NULL;
    weft_i_hook *hook = weft_i_list_pop(&local->ready.of[node_class]);
    if (hook) {
        weft_i_count_reclaimed(local, 1, class_size[node_class]);
        local->kept = SIZE_MAX;
    } else {
        local->surplus &= ~(1u << node_class);
    }
    weft_i_busy_end();
    return hook;
}

void *weft_i_node_alloc_slow(weft_i_local *local, weft_domain *domain, int node_class)
{
    weft_i_hook *ready = local ? reuse(local, node_class) : NULL;
    if (ready)
        return ready;
    if (local)
        local->cache[node_class] = withdraw(domain, node_class); /* it was empty */
    void *node = local ? weft_i_cache_pop(local, node_class) : NULL;
    return node ? node : weft_i_alloc_in(domain, local, class_size[node_class], class_alignment(node_class));
}

bool weft_i_cache_supply(weft_i_local *local, int node_class)
{
    weft_i_hook *node = weft_i_node_alloc_slow(local, local->domain, node_class);
    if (node)
        weft_i_list_push(&local->cache[node_class], node);
    return node != NULL;
}

void weft_i_trim(weft_i_local *local)
{
    for (int c = 0; c < WEFT_I_CLASSES; c++)
        for (weft_i_hook *node; (node = weft_i_list_pop(&local->cache[c])) != NULL;)
            weft_i_free_in(local->domain, local, node, class_size[c]);
}

void weft_i_trim_depot(weft_domain *domain)
{
    for (int c = 0; c < WEFT_I_CLASSES; c++)
        for (weft_i_list list; (list = withdraw(domain, c)).head != NULL;)
            for (weft_i_hook *node; (node = weft_i_list_pop(&list)) != NULL;)
                weft_i_free_in(domain, NULL, node, class_size[c]);
}
