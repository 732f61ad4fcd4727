#include <weft/queues/deque_kernel.h>
#include <weft/reclaim/memory.h>
#include <weft/reclaim/registry.h>

/* ---- arrays ---- */

static size_t array_bytes(size_t size)
{
    return sizeof(weft_i_deque_array) + size * sizeof(weft_atomic_ptr);
}

/* NULL: out of memory, or more than memory can have. */
static weft_i_deque_array *new_array(weft_domain *domain, size_t size)
{
    if (size > (SIZE_MAX / 4) / sizeof(weft_atomic_ptr))
        return NULL;
    weft_i_deque_array *array = weft_i_alloc(domain, array_bytes(size), WEFT_I_LINE);
    if (array) {
        array->domain = domain;
        array->size = size;
    }
    return array;
}

static void reclaim_array(void *object, void *ctx)
{
    weft_i_deque_array *array = object;
    (void)ctx;
    weft_i_free(array->domain, array, array_bytes(array->size));
}

bool weft_i_deque_resize(weft_deque *deque, size_t size)
{
    weft_i_deque_array *made = new_array(deque->domain, size);
    if (!made)
        return false;
    weft_i_deque_array *old = weft_i_load(&deque->array, memory_order_relaxed); /* relaxed: the owner's */
    size_t bottom = weft_i_load(&deque->bottom, memory_order_relaxed);          /* relaxed: the owner's */
    if (weft_i_unlikely((size_t)weft_i_deque_between(deque->seen_top, bottom) > size)) {
        reclaim_array(made, NULL); /* what the allocator called has pushed */
        return true;
    }
    for (size_t i = deque->seen_top; i != bottom; i++) {
        /* relaxed: the owner wrote it */
        void *value = weft_i_load(weft_i_deque_cell(old, i), memory_order_relaxed);
        weft_i_store(weft_i_deque_cell(made, i), value, memory_order_relaxed); /* relaxed: published by DEQUE_R2 */
    }
    weft_i_store(&deque->array, (void *)made, DEQUE_R2);
    weft_retire_hook(deque->domain, &old->hook, old, array_bytes(old->size), reclaim_array, NULL);
    return true;
}

/* The deque is empty. It gives half of its array back if a quarter was enough for long. */
static weft_i_noinline void shrink(weft_deque *deque)
{
    weft_i_deque_array *array = weft_i_load(&deque->array, memory_order_relaxed); /* relaxed: the owner's */
    size_t bottom = weft_i_load(&deque->bottom, memory_order_relaxed);            /* relaxed: the owner's */
    bool enough = deque->highest - deque->base <= array->size / 4;
    deque->quiet = enough ? deque->quiet + 1 : 0;
    deque->base = deque->highest = bottom;
    if (deque->quiet < WEFT_DEQUE_QUIET)
        return;
    deque->quiet = 0;
    deque->seen_top = bottom;
    (void)weft_i_deque_resize(deque, array->size / 2); /* without memory it stays as it is */
}

/* ---- the deque ---- */

int weft_deque_create(weft_deque **out, weft_domain *domain)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    weft_deque *deque = weft_i_alloc(domain, sizeof *deque, WEFT_I_LINE);
    weft_i_deque_array *array = deque ? new_array(domain, WEFT_DEQUE_CELLS) : NULL;
    if (!array) {
        weft_i_free(domain, deque, sizeof *deque);
        return -ENOMEM;
    }
    weft_i_domain_use(domain);
    const size_t first = WEFT_DEQUE_FIRST;
    *deque = (weft_deque){.domain = domain,
                          .array = array,
                          .top = first,
                          .bottom = first,
                          .seen_top = first,
                          .highest = first,
                          .base = first};
    weft_i_born(deque);
    *out = deque;
    return 0;
}

int weft_deque_push(weft_deque *deque, void *value)
{
    if (weft_i_unlikely(!deque))
        return -EINVAL;
    weft_i_check(deque);
    return weft_i_likely(weft_i_deque_push(deque, value)) ? 0 : -ENOMEM;
}

bool weft_deque_try_pop(weft_deque *deque, void **value)
{
    if (weft_i_unlikely(!deque || !value))
        return false;
    weft_i_check(deque);
    weft_i_deque_answer answer = weft_i_deque_pop(deque, value);
    if (weft_i_likely(answer == WEFT_I_DEQUE_GOT))
        return true;
    weft_i_deque_array *array = weft_i_load(&deque->array, memory_order_relaxed); /* relaxed: the owner's */
    if (array->size > WEFT_DEQUE_CELLS)
        shrink(deque);
    if (weft_i_own_record() == &weft_i_no_record)
        (void)weft_i_local_get(deque->domain); /* an owner without a record passes a full fence in each pop */
    return false;
}

bool weft_deque_try_steal(weft_deque *deque, void **value)
{
    weft_i_deque_answer answer = WEFT_I_DEQUE_LOST;
    if (!deque || !value)
        return false;
    weft_i_check(deque);
    while (answer == WEFT_I_DEQUE_LOST)
        answer = weft_i_deque_seem(deque) <= 0 ? WEFT_I_DEQUE_EMPTY
                                               : WEFT_I_BY_SCHEME(deque->domain, weft_i_deque_steal, deque, value);
    return answer == WEFT_I_DEQUE_GOT;
}

/* Makes room for the half of so many elements, or for as many as memory allows. */
static void make_room(weft_deque *to, size_t count)
{
    weft_i_deque_array *array = weft_i_load(&to->array, memory_order_relaxed); /* relaxed: the owner's */
    size_t bottom = weft_i_load(&to->bottom, memory_order_relaxed);            /* relaxed: the owner's */
    to->seen_top = weft_i_load(&to->top, DEQUE_A2);
    size_t size = array->size, needed = (size_t)weft_i_deque_between(to->seen_top, bottom) + count;
    while (size < needed)
        size *= 2;
    if (size > array->size)
        (void)weft_i_deque_resize(to, size);
}

size_t weft_deque_steal_half(weft_deque *from, weft_deque *to)
{
    if (!from || !to || from == to)
        return 0;
    weft_i_check(from);
    weft_i_check(to);
    ptrdiff_t there = weft_i_deque_seem(from);
    if (there <= 0)
        return 0;
    make_room(to, ((size_t)there + 1) / 2);
    return WEFT_I_BY_SCHEME(from->domain, weft_i_deque_steal_some, from, to);
}

void weft_deque_destroy(weft_deque *deque, void (*drain)(void *value, void *ctx), void *ctx)
{
    if (!deque)
        return;
    weft_i_dies(deque);
    weft_domain *domain = deque->domain;
    /* relaxed: no other thread uses the deque */
    weft_i_deque_array *array = weft_i_load(&deque->array, memory_order_relaxed);
    size_t bottom = weft_i_load(&deque->bottom, memory_order_relaxed);                         /* relaxed: as above */
    for (size_t i = weft_i_load(&deque->top, memory_order_relaxed); drain && i != bottom; i++) /* relaxed: as above */
        drain(weft_i_load(weft_i_deque_cell(array, i), memory_order_relaxed), ctx);            /* relaxed: as above */
    reclaim_array(array, NULL);
    weft_i_free(domain, deque, sizeof *deque);
    weft_i_domain_unuse(domain);
}
