/*
 * private. A ring of slots between one producer and one consumer, in two forms.
 *
 * With indices (L. Lamport, TOPLAS 5(2), 1983): `tail` counts what was pushed, `head` what was popped. Each side writes
 * its own index, and keeps a copy of the other's, which it reads again only when the ring seems full, or empty.
 *
 * With stamps (in the manner of FastForward, PPoPP 2008): the slot says whether it is full, and in which of two laps, so
 * that any value is an element. Only the slot's line goes from one thread to the other. The indices are each side's own,
 * and size reads them.
 *
 * An index is a slot's offset in bytes, times two, plus a lap, 0 or 1, which changes at the ring's end. So a slot is found
 * without a multiplication, a full ring and an empty one differ, whatever the capacity is, and no index overflows.
 *
 * Invariants:
 *  (1) Only the producer writes tail, only the consumer head. From head to tail there are 0 to `limit` bytes.
 *  (2) Slots from head to tail are the consumer's, all others the producer's.
 *  (3) seen_tail is tail as it once was, and `full` is where the ring is full by head as it once was: there are at least
 *      as many elements, or as much room, as they tell.
 *  (4) With stamps: a slot is FREE in lap 0, FULL in lap 0, FREE in lap 1, FULL in lap 1, and so on. The producer takes
 *      it from FREE to FULL, the consumer from FULL to FREE of the other lap.
 *  (5) A process killed between its stamp and its index leaves the index one behind. The stamp then is neither what the
 *      index waits for, nor what the partner has left: whoever comes next moves the index on (weft_i_spsc_find).
 */
#ifndef WEFT_QUEUES_SPSC_KERNEL_H
#define WEFT_QUEUES_SPSC_KERNEL_H

#include <weft/base/seam.h>
#include <weft/queues/spsc.h>
#include <weft/reclaim/misuse.h>

#include <string.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define SPSC_R1 memory_order_release /* push moves tail -> SPSC_A1: publishes the elements; linearization point */
#define SPSC_A1 memory_order_acquire /* pop reads tail -> SPSC_R1: sees the elements */
#define SPSC_R2 memory_order_release /* pop moves head -> SPSC_A2: elements have been read before their slots are the producer's; linearization point */
#define SPSC_A2 memory_order_acquire /* push reads head -> SPSC_R2: writes the slots only after that */
#define SPSC_R3 memory_order_release /* stamp a slot FULL, or FREE -> SPSC_A3: as SPSC_R1, or SPSC_R2; linearization point */
#define SPSC_A3 memory_order_acquire /* read a stamp -> SPSC_R3: as SPSC_A1, or SPSC_A2 */
#define SPSC_R4 memory_order_release /* weft_spsc_init, the mark -> SPSC_A4: publishes the ring */
#define SPSC_A4 memory_order_acquire /* weft_spsc_attach -> SPSC_R4: sees the whole ring */
#endif
/* clang-format on */

struct weft_spsc {
    weft_i_atomic_size mark; /* first: WEFT_I_SPSC_MARK once the ring is complete */
    size_t capacity;
    size_t element_size;
    size_t stride; /* bytes of a slot */
    size_t stamp;  /* where the stamp is in a slot; 0: there are none */
    size_t limit;  /* bytes of `capacity` slots */
    size_t bytes;  /* of all slots: `limit`, or more to fill pages */
    size_t first;  /* where they begin, from here */
    size_t owned;  /* what weft_spsc_destroy unmaps; 0: nothing; SIZE_MAX: it frees */
    WEFT_I_LIFE
    /* the producer's */
    weft_i_aligned weft_i_atomic_size tail;
    size_t full;
    /* the consumer's */
    weft_i_aligned weft_i_atomic_size head;
    size_t seen_tail;
};

/* It names the layout: two processes must agree on it. */
#define WEFT_I_SPSC_MARK ((size_t)0x57455001 + (sizeof(size_t) << 16) + sizeof(weft_spsc))

enum { WEFT_I_SPSC_FREE = 0, WEFT_I_SPSC_FULL = 1 };

/* ---- indices and slots ---- */

weft_i_inline size_t weft_i_spsc_offset(size_t index)
{
    return index >> 1;
}

weft_i_inline size_t weft_i_spsc_lap(size_t index)
{
    return index & 1;
}

/* So many bytes further, at most those of all slots. */
weft_i_inline size_t weft_i_spsc_after(const weft_spsc *ring, size_t index, size_t bytes)
{
    size_t offset = weft_i_spsc_offset(index) + bytes;
    if (weft_i_unlikely(offset >= ring->bytes))
        return (offset - ring->bytes) << 1 | !weft_i_spsc_lap(index);
    return index + (bytes << 1);
}

/* How many bytes there are from one index to another. */
weft_i_inline size_t weft_i_spsc_between(const weft_spsc *ring, size_t from, size_t to)
{
    size_t bytes = weft_i_spsc_offset(to) - weft_i_spsc_offset(from);
    return weft_i_spsc_lap(from) == weft_i_spsc_lap(to) ? bytes : bytes + ring->bytes;
}

weft_i_inline char *weft_i_spsc_slot(weft_spsc *ring, size_t index)
{
    return (char *)ring + ring->first + weft_i_spsc_offset(index);
}

/* ---- with indices ---- */

/* How many bytes the producer may fill. It looks at head only if it knows of fewer than it wants. */
weft_i_inline size_t weft_i_spsc_room(weft_spsc *ring, size_t tail, size_t wanted)
{
    size_t room = weft_i_spsc_between(ring, tail, ring->full);
    if (weft_i_unlikely(room < wanted)) {
        ring->full = weft_i_spsc_after(ring, weft_i_load(&ring->head, SPSC_A2), ring->limit);
        room = weft_i_spsc_between(ring, tail, ring->full);
    }
    return room;
}

/* How many bytes the consumer may read. */
weft_i_inline size_t weft_i_spsc_filled(weft_spsc *ring, size_t head, size_t wanted)
{
    size_t filled = weft_i_spsc_between(ring, head, ring->seen_tail);
    if (weft_i_unlikely(filled < wanted)) {
        ring->seen_tail = weft_i_load(&ring->tail, SPSC_A1);
        filled = weft_i_spsc_between(ring, head, ring->seen_tail);
    }
    return filled;
}

/* ---- with stamps ---- */

weft_i_inline weft_i_atomic_int *weft_i_spsc_stamp(weft_spsc *ring, size_t index)
{
    return (weft_i_atomic_int *)(void *)(weft_i_spsc_slot(ring, index) + ring->stamp);
}

weft_i_inline int weft_i_spsc_as(size_t lap, int what)
{
    return (int)(2 * lap) + what;
}

/* The index was left behind, and the partner has not been there either: then its turn would be next. Invariant (5) */
weft_i_inline bool weft_i_spsc_is_behind(size_t index, int what, int stamp)
{
    size_t lap = weft_i_spsc_lap(index);
    return stamp !=
           (what == WEFT_I_SPSC_FREE ? weft_i_spsc_as(!lap, WEFT_I_SPSC_FULL) : weft_i_spsc_as(lap, WEFT_I_SPSC_FREE));
}

/* Whether the slot at the side's own index, *at, is FREE, or FULL, for it. Moves an index on that was left behind. */
weft_i_inline bool weft_i_spsc_find(weft_spsc *ring, weft_i_atomic_size *own, size_t *at, int what)
{
    for (;;) {
        int stamp = weft_i_load(weft_i_spsc_stamp(ring, *at), SPSC_A3);
        if (weft_i_likely(stamp == weft_i_spsc_as(weft_i_spsc_lap(*at), what)))
            return true;
        if (!weft_i_spsc_is_behind(*at, what, stamp))
            return false;
        *at = weft_i_spsc_after(ring, *at, ring->stride);
        weft_i_store(own, *at, memory_order_relaxed); /* relaxed: as in weft_i_spsc_turn */
    }
}

/*
 * The stamp, then the index, whose owner alone needs it (size makes a guess of it). A process may be killed between the
 * two, and only the compiler could turn them round.
 */
weft_i_inline void weft_i_spsc_turn(weft_spsc *ring, size_t index, int stamp, weft_i_atomic_size *own)
{
    weft_i_store(weft_i_spsc_stamp(ring, index), stamp, SPSC_R3);
    weft_i_compiler_fence();
    size_t next = weft_i_spsc_after(ring, index, ring->stride);
    weft_i_store(own, next, memory_order_relaxed); /* relaxed: its owner alone needs it */
}

weft_i_inline void weft_i_spsc_fill(weft_spsc *ring, size_t tail)
{
    weft_i_spsc_turn(ring, tail, weft_i_spsc_as(weft_i_spsc_lap(tail), WEFT_I_SPSC_FULL), &ring->tail);
}

weft_i_inline void weft_i_spsc_empty(weft_spsc *ring, size_t head)
{
    weft_i_spsc_turn(ring, head, weft_i_spsc_as(!weft_i_spsc_lap(head), WEFT_I_SPSC_FREE), &ring->head);
}

/*
 * A small element is copied by words. Its fields have often just been written, one by one; a load wider than these stores
 * would wait until they, and all stores before them, are in the cache, and so for the line that the partner holds. Two
 * cores far apart, elements of 16 bytes: 1.1 to 2.9 times as many, twice as a rule; of 32: 1.1 times; of 256: fewer.
 */
weft_i_inline void weft_i_spsc_write(char *slot, const char *element, size_t size)
{
    enum { WORD = sizeof(uint64_t) };
    if (size <= 4 * WORD)
        for (; size >= WORD; size -= WORD, slot += WORD, element += WORD) {
            memcpy(slot, element, WORD);
            weft_i_compiler_fence(); /* else the compiler makes one wide copy of them */
        }
    memcpy(slot, element, size);
}

/* ---- operations: `size` is the element's, a constant where it may be ---- */

weft_i_inline bool weft_i_spsc_push(weft_spsc *ring, const void *element, size_t size)
{
    size_t tail = weft_i_load(&ring->tail, memory_order_relaxed); /* relaxed: the producer's own */
    if (ring->stamp) {
        if (!weft_i_spsc_find(ring, &ring->tail, &tail, WEFT_I_SPSC_FREE))
            return false;
        weft_i_spsc_write(weft_i_spsc_slot(ring, tail), element, size);
        weft_i_spsc_fill(ring, tail);
        return true;
    }
    if (weft_i_unlikely(tail == ring->full) && weft_i_spsc_room(ring, tail, size) == 0)
        return false;
    weft_i_spsc_write(weft_i_spsc_slot(ring, tail), element, size);
    weft_i_store(&ring->tail, weft_i_spsc_after(ring, tail, size), SPSC_R1);
    return true;
}

weft_i_inline bool weft_i_spsc_pop(weft_spsc *ring, void *element, size_t size)
{
    size_t head = weft_i_load(&ring->head, memory_order_relaxed); /* relaxed: the consumer's own */
    if (ring->stamp) {
        if (!weft_i_spsc_find(ring, &ring->head, &head, WEFT_I_SPSC_FULL))
            return false;
        memcpy(element, weft_i_spsc_slot(ring, head), size);
        weft_i_spsc_empty(ring, head);
        return true;
    }
    if (weft_i_unlikely(head == ring->seen_tail) && weft_i_spsc_filled(ring, head, size) == 0)
        return false;
    memcpy(element, weft_i_spsc_slot(ring, head), size);
    weft_i_store(&ring->head, weft_i_spsc_after(ring, head, size), SPSC_R2);
    return true;
}

#endif
