#include <weft/queues/ring_kernel.h>

#include <errno.h>

enum { RING_FLAGS = WEFT_RING_ONE_PRODUCER | WEFT_RING_ONE_CONSUMER };

/* ---- creation ---- */

/* Every position before the first one is filled and emptied. */
static void fill_in(weft_ring *ring)
{
    const size_t first = WEFT_RING_FIRST * 2 * ring->unit;
    /* relaxed: nobody else knows the ring */
    for (size_t i = 0; i < ring->capacity; i++)
        weft_i_store(&ring->entry[i], first + i, memory_order_relaxed);
    for (size_t i = 0; i < WEFT_RING_SPARES; i++)
        weft_i_store(&ring->spare[i].word, ring->capacity + i, memory_order_relaxed); /* relaxed: as above */
    weft_i_store(&ring->tail, first, memory_order_relaxed);                           /* relaxed: as above */
    weft_i_store(&ring->head, first, memory_order_relaxed);                           /* relaxed: as above */
}

int weft_ring_create(weft_ring **out, size_t capacity, size_t element_size, unsigned flags)
{
    const size_t most = SIZE_MAX / 8; /* so that no sum below overflows, and turns fit above a slot's number */
    const size_t slots = capacity + WEFT_RING_SPARES;
    size_t unit = 1;
    if (!out)
        return -EINVAL;
    *out = NULL;
    if (capacity == 0 || element_size == 0 || flags & ~(unsigned)RING_FLAGS || capacity > most / sizeof(size_t) ||
        element_size > most / slots)
        return -EINVAL;
    while (unit <= slots)
        unit *= 2;
    const size_t entries = weft_i_round_up(capacity * sizeof(weft_i_atomic_size), WEFT_I_LINE);
    weft_ring *ring =
        weft_i_sys_alloc(sizeof *ring + entries + weft_i_round_up(slots * element_size, WEFT_I_LINE), WEFT_I_LINE);
    if (!ring)
        return -ENOMEM;
    ring->capacity = capacity;
    ring->element_size = element_size;
    ring->unit = unit;
    ring->none = slots;
    ring->flags = flags;
    ring->entry = (weft_i_atomic_size *)(ring + 1);
    ring->slots = (char *)(ring + 1) + entries;
    fill_in(ring);
    weft_i_born(ring);
    *out = ring;
    return 0;
}

void weft_ring_destroy(weft_ring *ring)
{
    if (!ring)
        return;
    weft_i_dies(ring);
    weft_i_sys_free(ring);
}

/* ---- push and pop ---- */

weft_i_inline bool push_sized(weft_ring *ring, const void *element, size_t size)
{
    return ring->flags & WEFT_RING_ONE_PRODUCER ? weft_i_ring_push_alone(ring, element, size)
                                                : weft_i_ring_push(ring, element, size);
}

weft_i_inline bool pop_sized(weft_ring *ring, void *element, size_t size)
{
    return ring->flags & WEFT_RING_ONE_CONSUMER ? weft_i_ring_pop_alone(ring, element, size)
                                                : weft_i_ring_pop(ring, element, size);
}

/* Elements of 8 bytes are copied without a call, so that the usual push and pop save no registers. */

static weft_i_noinline bool push_other(weft_ring *ring, const void *element)
{
    return push_sized(ring, element, ring->element_size);
}

static weft_i_noinline bool pop_other(weft_ring *ring, void *element)
{
    return pop_sized(ring, element, ring->element_size);
}

bool weft_ring_try_push(weft_ring *ring, const void *element)
{
    if (weft_i_unlikely(!ring || !element))
        return false;
    weft_i_check_alive(ring);
    return weft_i_likely(ring->element_size == 8) ? push_sized(ring, element, 8) : push_other(ring, element);
}

bool weft_ring_try_pop(weft_ring *ring, void *element)
{
    if (weft_i_unlikely(!ring || !element))
        return false;
    weft_i_check_alive(ring);
    return weft_i_likely(ring->element_size == 8) ? pop_sized(ring, element, 8) : pop_other(ring, element);
}

size_t weft_ring_push_many(weft_ring *ring, const void *elements, size_t count)
{
    size_t done = 0;
    if (!ring || !elements)
        return 0;
    while (done < count && weft_ring_try_push(ring, (const char *)elements + done * ring->element_size))
        done++;
    return done;
}

size_t weft_ring_pop_many(weft_ring *ring, void *elements, size_t count)
{
    size_t done = 0;
    if (!ring || !elements)
        return 0;
    while (done < count && weft_ring_try_pop(ring, (char *)elements + done * ring->element_size))
        done++;
    return done;
}

bool weft_ring_force_push(weft_ring *ring, const void *element, void *displaced)
{
    bool displaces = false;
    if (!ring || !element)
        return false;
    weft_i_check_alive(ring);
    const size_t size = ring->element_size;
    weft_i_ring_claim claim = weft_i_ring_claim_one(ring);
    size_t slot = weft_i_ring_low(ring, claim.word);
    if (claim.at) {
        memcpy(weft_i_ring_memory(ring, slot, size), element, size);
        bool done = weft_i_ring_displace(ring, &slot, &displaces);
        if (done && displaces && displaced)
            memcpy(displaced, weft_i_ring_memory(ring, slot, size), size);
        weft_i_ring_unclaim(ring, claim, slot);
        if (done)
            return displaces;
    }
    slot = weft_i_ring_make_room(ring, &displaces);
    if (displaces && displaced)
        memcpy(displaced, slot == ring->none ? element : weft_i_ring_memory(ring, slot, size), size);
    if (slot != ring->none) {
        memcpy(weft_i_ring_memory(ring, slot, size), element, size);
        weft_i_ring_commit(ring, slot);
    }
    return displaces;
}

/* ---- in place ---- */

static void *memory_of(const weft_ring *ring, size_t slot)
{
    return slot == ring->none ? NULL : weft_i_ring_memory(ring, slot, ring->element_size);
}

/* Its slot's number; `none`: it is not the begin of a slot of this ring. */
static size_t slot_of(const weft_ring *ring, const void *memory)
{
    size_t offset = (uintptr_t)memory - (uintptr_t)ring->slots, slot = offset / ring->element_size;
    return slot < ring->none && offset % ring->element_size == 0 ? slot : ring->none;
}

/* `slot` is not `none`. */
static bool is_held(const weft_ring *ring, const void *memory, size_t *slot)
{
    if (!ring)
        return false;
    weft_i_check_alive(ring);
    *slot = slot_of(ring, memory);
    return *slot != ring->none;
}

void *weft_ring_reserve(weft_ring *ring)
{
    if (!ring)
        return NULL;
    weft_i_check_alive(ring);
    return memory_of(ring, weft_i_ring_reserve(ring));
}

void weft_ring_commit(weft_ring *ring, void *slot)
{
    size_t held;
    if (is_held(ring, slot, &held))
        weft_i_ring_commit(ring, held);
}

void weft_ring_abort(weft_ring *ring, void *slot)
{
    size_t held;
    if (is_held(ring, slot, &held))
        weft_i_ring_unreserve(ring, held);
}

void *weft_ring_take(weft_ring *ring)
{
    if (!ring)
        return NULL;
    weft_i_check_alive(ring);
    return memory_of(ring, weft_i_ring_take(ring));
}

void weft_ring_give_back(weft_ring *ring, void *slot)
{
    size_t held;
    if (is_held(ring, slot, &held))
        weft_i_ring_give_back(ring, held);
}

/* ---- figures ---- */

size_t weft_ring_size(weft_ring *ring)
{
    if (!ring)
        return 0;
    weft_i_check_alive(ring);
    return weft_i_ring_size(ring);
}

size_t weft_ring_capacity(weft_ring *ring)
{
    return ring ? ring->capacity : 0;
}
