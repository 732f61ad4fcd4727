#include <weft/queues/spsc_kernel.h>

#include <errno.h>

/* ---- creation ---- */

enum { STAMP = sizeof(weft_i_atomic_int), ANY_FLAGS = WEFT_SPSC_CONTIGUOUS | WEFT_SPSC_STAMPED };

/* The largest power of two, up to a cache line, that divides the size: no type of this size has a higher alignment. */
static size_t alignment_of(size_t size)
{
    size_t alignment = size & (~size + 1);
    return alignment < WEFT_I_LINE ? alignment : WEFT_I_LINE;
}

/* Fills all but the mark and the indices. False: weft_spsc_create says -EINVAL. */
static bool plan(weft_spsc *ring, size_t capacity, size_t element_size, unsigned flags)
{
    const size_t most = SIZE_MAX / 4; /* so that no sum of two overflows, and no index */
    if (capacity == 0 || element_size == 0 || element_size > most || flags & ~(unsigned)ANY_FLAGS || flags == ANY_FLAGS)
        return false;
    *ring = (weft_spsc){.capacity = capacity, .element_size = element_size, .stride = element_size};
    if (flags & WEFT_SPSC_STAMPED) {
        size_t alignment = alignment_of(element_size);
        ring->stamp = weft_i_round_up(element_size, STAMP);
        ring->stride = weft_i_round_up(ring->stamp + STAMP, alignment > STAMP ? alignment : STAMP);
    }
    if (capacity > most / ring->stride)
        return false;
    ring->limit = ring->bytes = capacity * ring->stride;
    ring->first = sizeof *ring;
    return true;
}

/* Makes the ring of the plan in this memory. */
static weft_spsc *lay_out(void *memory, const weft_spsc *planned)
{
    weft_spsc *ring = memory;
    memcpy(&ring->capacity, &planned->capacity, sizeof *ring - offsetof(weft_spsc, capacity)); /* all but the mark */
    ring->full = weft_i_spsc_after(ring, 0, ring->limit);
    ring->seen_tail = 0;
    /* relaxed: published by SPSC_R4, or by whatever the user does */
    weft_i_store(&ring->tail, 0, memory_order_relaxed);
    weft_i_store(&ring->head, 0, memory_order_relaxed); /* relaxed: as above */
    for (size_t done = 0; ring->stamp && done < ring->bytes; done += ring->stride)
        weft_i_store(weft_i_spsc_stamp(ring, done << 1), weft_i_spsc_as(0, WEFT_I_SPSC_FREE),
                     memory_order_relaxed); /* relaxed: as above */
    weft_i_born(ring);
    weft_i_store(&ring->mark, WEFT_I_SPSC_MARK, SPSC_R4);
    return ring;
}

static size_t common_divisor(size_t a, size_t b)
{
    return b ? common_divisor(b, a % b) : a;
}

/* A page for the ring, then the slots twice. */
static int create_contiguous(weft_spsc **out, weft_spsc *ring)
{
    size_t page = weft_i_sys_page(), most = SIZE_MAX / 4;
    size_t pages = ring->stride / common_divisor(ring->stride, page); /* a multiple of them is one of a slot */
    if (pages > most / page || ring->bytes > most - pages * page)
        return -EINVAL;
    ring->bytes = weft_i_round_up(ring->bytes, pages * page);
    ring->first = page;
    ring->owned = page + 2 * ring->bytes;
    void *memory;
    int error = weft_i_sys_map_twice(&memory, page, ring->bytes);
    if (error == 0)
        *out = lay_out(memory, ring);
    return error;
}

int weft_spsc_create(weft_spsc **out, size_t capacity, size_t element_size, unsigned flags)
{
    weft_spsc ring;
    if (!out)
        return -EINVAL;
    *out = NULL;
    if (!plan(&ring, capacity, element_size, flags))
        return -EINVAL;
    if (flags & WEFT_SPSC_CONTIGUOUS)
        return create_contiguous(out, &ring);
    ring.owned = SIZE_MAX;
    void *memory = weft_i_sys_alloc(weft_i_round_up(ring.first + ring.bytes, WEFT_I_LINE), WEFT_I_LINE);
    if (!memory)
        return -ENOMEM;
    *out = lay_out(memory, &ring);
    return 0;
}

void weft_spsc_destroy(weft_spsc *ring)
{
    if (!ring || !ring->owned)
        return;
    size_t owned = ring->owned;
    weft_i_dies(ring);
    if (owned == SIZE_MAX)
        weft_i_sys_free(ring);
    else
        weft_i_sys_unmap(ring, owned);
}

/* ---- in the caller's memory ---- */

static bool is_aligned(const void *memory)
{
    return memory && (uintptr_t)memory % WEFT_I_LINE == 0;
}

size_t weft_spsc_bytes(size_t capacity, size_t element_size, unsigned flags)
{
    weft_spsc ring;
    return !(flags & WEFT_SPSC_CONTIGUOUS) && plan(&ring, capacity, element_size, flags) ? ring.first + ring.bytes : 0;
}

int weft_spsc_init(weft_spsc **out, void *memory, size_t bytes, size_t capacity, size_t element_size, unsigned flags)
{
    weft_spsc ring;
    if (!out)
        return -EINVAL;
    *out = NULL;
    if (!is_aligned(memory) || flags & WEFT_SPSC_CONTIGUOUS || !plan(&ring, capacity, element_size, flags) ||
        bytes < ring.first + ring.bytes)
        return -EINVAL;
    /* relaxed: nobody uses what was there */
    weft_i_store(&((weft_spsc *)memory)->mark, 0, memory_order_relaxed);
    *out = lay_out(memory, &ring);
    return 0;
}

int weft_spsc_attach(weft_spsc **out, void *memory, size_t bytes)
{
    weft_spsc *ring = memory;
    if (!out)
        return -EINVAL;
    *out = NULL;
    if (!is_aligned(memory) || bytes < sizeof *ring)
        return -EINVAL;
    size_t mark = weft_i_load(&ring->mark, SPSC_A4);
    if (mark == 0)
        return -EAGAIN;
    if (mark != WEFT_I_SPSC_MARK || ring->first > bytes || ring->bytes > bytes - ring->first)
        return -EINVAL;
    *out = ring;
    return 0;
}

/* ---- one element ---- */

/* Elements of 8 bytes are copied without a call, so that the usual push and pop save no registers. */

static weft_i_noinline bool push_any(weft_spsc *ring, const void *element)
{
    return weft_i_spsc_push(ring, element, ring->element_size);
}

static weft_i_noinline bool pop_any(weft_spsc *ring, void *element)
{
    return weft_i_spsc_pop(ring, element, ring->element_size);
}

bool weft_spsc_try_push(weft_spsc *ring, const void *element)
{
    if (weft_i_unlikely(!ring || !element))
        return false;
    weft_i_check_alive(ring);
    return weft_i_likely(ring->element_size == 8) ? weft_i_spsc_push(ring, element, 8) : push_any(ring, element);
}

bool weft_spsc_try_pop(weft_spsc *ring, void *element)
{
    if (weft_i_unlikely(!ring || !element))
        return false;
    weft_i_check_alive(ring);
    return weft_i_likely(ring->element_size == 8) ? weft_i_spsc_pop(ring, element, 8) : pop_any(ring, element);
}

/* ---- in place ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Bytes of so many slots, but at most of all. */
static size_t bytes_of(const weft_spsc *ring, size_t count)
{
    return least(count, ring->capacity) * ring->stride;
}

/* How many bytes of `wanted` the producer may fill at *tail, in one piece or around the end. */
static size_t room_for(weft_spsc *ring, size_t *tail, size_t wanted)
{
    *tail = weft_i_load(&ring->tail, memory_order_relaxed); /* relaxed: the producer's own */
    if (wanted == 0)
        return 0;
    if (ring->stamp)
        return weft_i_spsc_find(ring, &ring->tail, tail, WEFT_I_SPSC_FREE) ? ring->stride : 0;
    return least(wanted, weft_i_spsc_room(ring, *tail, wanted));
}

/* How many bytes of `wanted` the consumer may read at *head. */
static size_t there_are(weft_spsc *ring, size_t *head, size_t wanted)
{
    *head = weft_i_load(&ring->head, memory_order_relaxed); /* relaxed: the consumer's own */
    if (wanted == 0)
        return 0;
    if (ring->stamp)
        return weft_i_spsc_find(ring, &ring->head, head, WEFT_I_SPSC_FULL) ? ring->stride : 0;
    return least(wanted, weft_i_spsc_filled(ring, *head, wanted));
}

static size_t to_end(const weft_spsc *ring, size_t index)
{
    return ring->bytes - weft_i_spsc_offset(index);
}

/* How many slots in one piece so many bytes are. */
static size_t piece_of(const weft_spsc *ring, size_t index, size_t bytes)
{
    bool mapped_twice = ring->owned && ring->owned != SIZE_MAX;
    return (mapped_twice ? bytes : least(bytes, to_end(ring, index))) / ring->stride;
}

size_t weft_spsc_reserve(weft_spsc *ring, size_t count, void **span)
{
    size_t tail;
    if (!span)
        return 0;
    *span = NULL;
    if (!ring)
        return 0;
    weft_i_check_alive(ring);
    size_t room = room_for(ring, &tail, bytes_of(ring, count));
    if (room == 0)
        return 0;
    *span = weft_i_spsc_slot(ring, tail);
    return piece_of(ring, tail, room);
}

void weft_spsc_commit(weft_spsc *ring, size_t count)
{
    size_t tail;
    if (!ring)
        return;
    weft_i_check_alive(ring);
    size_t filled = room_for(ring, &tail, bytes_of(ring, count));
    if (filled == 0)
        return;
    if (ring->stamp)
        weft_i_spsc_fill(ring, tail);
    else
        weft_i_store(&ring->tail, weft_i_spsc_after(ring, tail, filled), SPSC_R1);
}

size_t weft_spsc_peek(weft_spsc *ring, size_t count, const void **span)
{
    size_t head;
    if (!span)
        return 0;
    *span = NULL;
    if (!ring)
        return 0;
    weft_i_check_alive(ring);
    size_t filled = there_are(ring, &head, bytes_of(ring, count));
    if (filled == 0)
        return 0;
    *span = weft_i_spsc_slot(ring, head);
    return piece_of(ring, head, filled);
}

void weft_spsc_release(weft_spsc *ring, size_t count)
{
    size_t head;
    if (!ring)
        return;
    weft_i_check_alive(ring);
    size_t read = there_are(ring, &head, bytes_of(ring, count));
    if (read == 0)
        return;
    if (ring->stamp)
        weft_i_spsc_empty(ring, head);
    else
        weft_i_store(&ring->head, weft_i_spsc_after(ring, head, read), SPSC_R2);
}

/* ---- several elements ---- */

size_t weft_spsc_push_many(weft_spsc *ring, const void *elements, size_t count)
{
    const char *from = elements;
    size_t tail, done = 0;
    if (!ring || (!elements && count))
        return 0;
    weft_i_check_alive(ring);
    if (ring->stamp) {
        while (done < count && weft_spsc_try_push(ring, from + done * ring->element_size))
            done++;
        return done;
    }
    size_t room = room_for(ring, &tail, bytes_of(ring, count)), piece = least(room, to_end(ring, tail));
    if (room == 0)
        return 0;
    memcpy(weft_i_spsc_slot(ring, tail), from, piece);
    if (room > piece)
        memcpy((char *)ring + ring->first, from + piece, room - piece);
    weft_i_store(&ring->tail, weft_i_spsc_after(ring, tail, room), SPSC_R1);
    return room / ring->stride;
}

size_t weft_spsc_pop_many(weft_spsc *ring, void *elements, size_t count)
{
    char *to = elements;
    size_t head, done = 0;
    if (!ring || (!elements && count))
        return 0;
    weft_i_check_alive(ring);
    if (ring->stamp) {
        while (done < count && weft_spsc_try_pop(ring, to + done * ring->element_size))
            done++;
        return done;
    }
    size_t filled = there_are(ring, &head, bytes_of(ring, count)), piece = least(filled, to_end(ring, head));
    if (filled == 0)
        return 0;
    memcpy(to, weft_i_spsc_slot(ring, head), piece);
    if (filled > piece)
        memcpy(to + piece, (char *)ring + ring->first, filled - piece);
    weft_i_store(&ring->head, weft_i_spsc_after(ring, head, filled), SPSC_R2);
    return filled / ring->stride;
}

/* ---- figures ---- */

size_t weft_spsc_size(weft_spsc *ring)
{
    if (!ring)
        return 0;
    weft_i_check_alive(ring);
    /* relaxed: a number that may be old when it is read */
    size_t head = weft_i_load(&ring->head, memory_order_relaxed);
    size_t tail = weft_i_load(&ring->tail, memory_order_relaxed); /* relaxed: as above */
    return least(weft_i_spsc_between(ring, head, tail) / ring->stride, ring->capacity);
}

size_t weft_spsc_capacity(weft_spsc *ring)
{
    return ring ? ring->capacity : 0;
}
