/*
 * private. A ring of entries, each of which says whether it is full, in which lap, and which slot of the ring's memory it
 * has. An element is written into a slot that nobody else knows; one compare-and-swap puts this slot into an entry and
 * takes the entry's free slot out. So a thread that stops anywhere keeps a slot, but no entry.
 *
 * Sources: entries with laps, which any thread reads to find its place, as in NCQ (R. Nikolaev, "A scalable, portable,
 * and memory-efficient lock-free FIFO queue", DISC 2019, section 4); indices that lag behind, as in P. Tsigas, Y. Zhang, "A
 * simple, fast and scalable non-blocking concurrent FIFO queue for shared memory multiprocessor systems", SPAA 2001. The
 * exchange of slots is ours.
 *
 * Words. An entry is its slot, or `none`, in the low bits, and its turn above them: 2 * lap while it is free, 2 * lap + 1
 * while it is full. A position is its place in the low bits, and 2 * lap above them. `unit` is one turn.
 *
 * Invariants:
 *  (1) Positions are filled in their order, and emptied in their order: only who has seen all earlier ones filled, or
 *      emptied, changes an entry's turn.
 *  (2) All positions before `tail` are filled, all before `head` emptied. The true tail and head may lie further, and are
 *      found by stepping: mostly no step or one, at most a lap.
 *  (3) At the true tail the entry is free, or full in the lap before: then there are `capacity` elements. At the true
 *      head it is full, or free: then there is none.
 *  (4) There are capacity + WEFT_RING_SPARES slots. Each is in one entry, or in one `spare`, or in the hands of one thread, which
 *      alone touches its memory.
 *  (5) Free entries with `none` are as many as slots that are reserved, taken, or on their way back. So a slot that is
 *      given back finds such an entry, and one that is reserved finds a free entry at the tail.
 */
#ifndef WEFT_QUEUES_RING_KERNEL_H
#define WEFT_QUEUES_RING_KERNEL_H

#include <weft/base/seam.h>
#include <weft/queues/ring.h>
#include <weft/reclaim/misuse.h>

#include <string.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define RING_S1 memory_order_seq_cst /* change an entry -> RING_S2: publishes the slot's memory, full or free; linearization point of push and pop */
#define RING_S2 memory_order_seq_cst /* read an entry -> RING_S1, RING_R1: sees the slot's memory; linearization point of "full" and "empty", which have one order with RING_S1 */
#define RING_R1 memory_order_release /* the only producer, or consumer, changes an entry -> RING_S2: as RING_S1 */
#define RING_R2 memory_order_release /* move tail or head -> RING_A1: all positions before are filled, or emptied */
#define RING_A1 memory_order_acquire /* read tail or head -> RING_R2: reads entries that are not older */
#define RING_R3 memory_order_release /* return a spare slot -> RING_A2: its element has been read */
#define RING_A2 memory_order_acquire /* claim a spare slot -> RING_R3: writes it after that */
#endif
/* clang-format on */

enum { WEFT_I_RING_SPARES = 16 };
#ifndef WEFT_RING_SPARES
#define WEFT_RING_SPARES WEFT_I_RING_SPARES /* in use: so many pushes and pops at once keep no entry; a power of two */
#endif
#ifndef WEFT_RING_FIRST
#define WEFT_RING_FIRST 1 /* the first lap */
#endif

struct weft_ring {
    size_t capacity;
    size_t element_size;
    size_t unit; /* above all slots' numbers; a power of two */
    size_t none; /* no slot; and how many slots there are */
    unsigned flags;
    weft_i_atomic_size *entry;
    char *slots;
    WEFT_I_LIFE
    weft_i_aligned weft_i_atomic_size tail;
    weft_i_aligned weft_i_atomic_size head;
    struct {
        weft_i_aligned weft_i_atomic_size word; /* as an entry; `none`: claimed */
    } spare[WEFT_I_RING_SPARES];
};

/* ---- words ---- */

weft_i_inline size_t weft_i_ring_low(const weft_ring *ring, size_t word)
{
    return word & (ring->unit - 1);
}

weft_i_inline size_t weft_i_ring_turn(const weft_ring *ring, size_t word)
{
    return word & ~(ring->unit - 1);
}

weft_i_inline size_t weft_i_ring_after(const weft_ring *ring, size_t position)
{
    if (weft_i_unlikely(weft_i_ring_low(ring, position) == ring->capacity - 1))
        return weft_i_ring_turn(ring, position) + 2 * ring->unit;
    return position + 1;
}

weft_i_inline size_t weft_i_ring_before(const weft_ring *ring, size_t position)
{
    if (weft_i_unlikely(weft_i_ring_low(ring, position) == 0))
        return position - 2 * ring->unit + ring->capacity - 1;
    return position - 1;
}

/* `size` is the element's, a constant where it may be. */
weft_i_inline void *weft_i_ring_memory(const weft_ring *ring, size_t slot, size_t size)
{
    return ring->slots + slot * size;
}

/* ---- looking for the true tail, or head ---- */

typedef struct weft_i_ring_view {
    size_t began; /* tail, or head, as it was */
    size_t at;    /* the position */
    size_t word;  /* the entry there */
} weft_i_ring_view;

weft_i_inline void weft_i_ring_look(weft_ring *ring, weft_i_ring_view *view, size_t position)
{
    view->at = position;
    view->word = weft_i_load(&ring->entry[weft_i_ring_low(ring, position)], RING_S2);
}

weft_i_inline weft_i_ring_view weft_i_ring_look_from(weft_ring *ring, weft_i_atomic_size *index)
{
    weft_i_ring_view view = {.began = weft_i_load(index, RING_A1)};
    weft_i_ring_look(ring, &view, view.began);
    return view;
}

/* To the next position; from one that lies more than a lap behind what its entry tells, to the one behind that. */
weft_i_inline void weft_i_ring_step(weft_ring *ring, weft_i_ring_view *view)
{
    size_t lap = weft_i_ring_turn(ring, view->word) & ~ring->unit;
    size_t emptied = lap - 2 * ring->unit + weft_i_ring_low(ring, view->at);
    if (weft_i_unlikely((ptrdiff_t)(emptied - view->at) > 0))
        view->at = emptied;
    weft_i_ring_look(ring, view, weft_i_ring_after(ring, view->at));
}

/*
 * How many turns the entry is ahead of the position, in units: [0, 1) free, [1, 2) full, [2, 3) emptied and free in the
 * next lap, and so on; below 0: of the lap before.
 */
weft_i_inline ptrdiff_t weft_i_ring_ahead(const weft_ring *ring, const weft_i_ring_view *view)
{
    return (ptrdiff_t)(view->word - weft_i_ring_turn(ring, view->at));
}

/* To the first position that is not `turns` ahead: filled is one turn, emptied two. Returns how far it is ahead. */
weft_i_inline ptrdiff_t weft_i_ring_pass(weft_ring *ring, weft_i_ring_view *view, size_t turns)
{
    ptrdiff_t ahead;
    while ((ahead = weft_i_ring_ahead(ring, view)) >= (ptrdiff_t)(turns * ring->unit))
        weft_i_ring_step(ring, view);
    return ahead;
}

/* The true tail. Below 0: full. */
weft_i_inline ptrdiff_t weft_i_ring_to_tail(weft_ring *ring, weft_i_ring_view *view)
{
    return weft_i_ring_pass(ring, view, 1);
}

/* The true head. False: empty. */
weft_i_inline bool weft_i_ring_to_head(weft_ring *ring, weft_i_ring_view *view)
{
    return weft_i_ring_pass(ring, view, 2) >= (ptrdiff_t)ring->unit;
}

/*
 * Gives the entry this slot, and moves its turn on. Returns true and the slot that was there, or false if the entry had
 * changed; it has been looked at again.
 */
weft_i_inline bool weft_i_ring_swap(weft_ring *ring, weft_i_ring_view *view, size_t turns, size_t *slot)
{
    size_t word = view->word, now = weft_i_ring_turn(ring, word) + turns * ring->unit + *slot;
    if (weft_i_likely(weft_i_cas(&ring->entry[weft_i_ring_low(ring, view->at)], &word, now, RING_S1, RING_S2))) {
        *slot = weft_i_ring_low(ring, word);
        return true;
    }
    view->word = word;
    return false;
}

/*
 * The position has been filled, or emptied. A store, which costs less than a compare-and-swap, may move the index back if
 * others have moved it since: then the next one steps further.
 */
weft_i_inline void weft_i_ring_move(weft_ring *ring, weft_i_atomic_size *index, const weft_i_ring_view *view)
{
    if (weft_i_likely(weft_i_load(index, memory_order_relaxed) == view->began)) /* relaxed: an old value does no harm */
        weft_i_store(index, weft_i_ring_after(ring, view->at), RING_R2);
}

/* ---- slots in hand ---- */

/*
 * Takes the slot of the first free entry that has one. `none`: all were taken; so there are `capacity` elements and
 * holders. If a slot is given back to an entry behind us meanwhile, whoever takes one before us has passed that entry
 * before, too, as all look in this order: so it, and our answer, take effect before the slot is given back.
 */
weft_i_inline size_t weft_i_ring_reserve(weft_ring *ring)
{
    size_t slot = ring->none;
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->tail);
    while (weft_i_ring_to_tail(ring, &view) >= 0)
        if (weft_i_ring_low(ring, view.word) == ring->none)
            weft_i_ring_step(ring, &view);
        else if (weft_i_ring_swap(ring, &view, 0, &slot))
            return slot;
    return ring->none;
}

/* Gives a slot to the first free entry without one, from the tail on: where reserve has left it. */
weft_i_inline void weft_i_ring_unreserve(weft_ring *ring, size_t slot)
{
    for (;;) {
        weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->tail);
        while (weft_i_ring_to_tail(ring, &view) >= 0)
            if (weft_i_ring_low(ring, view.word) != ring->none) {
                weft_i_ring_step(ring, &view);
            } else if (weft_i_ring_swap(ring, &view, 0, &slot)) {
                return;
            }
    }
}

/* Fills the entry at the tail with a slot in hand; a slot that was there goes to an entry that has none. */
weft_i_inline void weft_i_ring_commit(weft_ring *ring, size_t slot)
{
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->tail);
    do
        (void)weft_i_ring_to_tail(ring, &view); /* it is free: invariant (5) */
    while (!weft_i_ring_swap(ring, &view, 1, &slot));
    weft_i_ring_move(ring, &ring->tail, &view);
    if (slot != ring->none)
        weft_i_ring_unreserve(ring, slot);
}

/* Takes the oldest element's slot; `none`: empty. */
weft_i_inline size_t weft_i_ring_take(weft_ring *ring)
{
    size_t slot = ring->none;
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->head);
    while (weft_i_ring_to_head(ring, &view))
        if (weft_i_ring_swap(ring, &view, 1, &slot)) {
            weft_i_ring_move(ring, &ring->head, &view);
            return slot;
        }
    return ring->none;
}

/* Gives a slot to the last free entry without one, from the head back: where take has left it. */
weft_i_inline void weft_i_ring_give_back(weft_ring *ring, size_t slot)
{
    for (;;) {
        weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->head);
        (void)weft_i_ring_to_head(ring, &view);
        for (;;) {
            weft_i_ring_look(ring, &view, weft_i_ring_before(ring, view.at));
            while (weft_i_ring_ahead(ring, &view) == (ptrdiff_t)(2 * ring->unit + ring->none))
                if (weft_i_ring_swap(ring, &view, 0, &slot))
                    return;
            if (weft_i_ring_ahead(ring, &view) >= (ptrdiff_t)(3 * ring->unit))
                break; /* filled again: here the free entries begin */
        }
    }
}

/* ---- spare slots ---- */

typedef struct weft_i_ring_claim {
    weft_i_atomic_size *at; /* NULL: all are claimed */
    size_t word;            /* before */
} weft_i_ring_claim;

/* A claim and its end change the word's turn, too: so it tells whether there was one in between. */
weft_i_inline bool weft_i_ring_try_claim(weft_ring *ring, weft_i_ring_claim *claim)
{
    size_t word = claim->word, claimed = weft_i_ring_turn(ring, word) + ring->unit + ring->none;
    /* relaxed: refused, it is claimed */
    if (weft_i_likely(weft_i_ring_low(ring, word) != ring->none) &&
        weft_i_likely(weft_i_cas(claim->at, &word, claimed, RING_A2, memory_order_relaxed)))
        return true;
    claim->word = word;
    return false;
}

/*
 * Once more, until all spares were claimed at one moment: each is looked at twice, after each other one, and has not
 * changed. An addition, and a compare-and-swap, reads the newest word.
 */
static weft_i_noinline weft_i_ring_claim weft_i_ring_claim_again(weft_ring *ring)
{
    size_t sum = 0, before;
    do {
        before = sum;
        sum = 0;
        for (size_t i = 0; i < WEFT_RING_SPARES; i++) {
            weft_i_ring_claim claim = {&ring->spare[i].word, weft_i_fetch_add(&ring->spare[i].word, 0, RING_A2)};
            if (weft_i_ring_try_claim(ring, &claim))
                return claim;
            sum += claim.word;
        }
    } while (sum != before);
    return (weft_i_ring_claim){NULL, 0};
}

weft_i_inline weft_i_ring_claim weft_i_ring_claim_one(weft_ring *ring)
{
    size_t first = weft_i_sys_spread();
    for (size_t i = 0; i < WEFT_RING_SPARES; i++) {
        weft_i_ring_claim claim = {.at = &ring->spare[(first + i) & (WEFT_RING_SPARES - 1)].word};
        claim.word = weft_i_load(claim.at, memory_order_relaxed); /* relaxed: the compare-and-swap reads it again */
        if (weft_i_likely(weft_i_ring_try_claim(ring, &claim)))
            return claim;
    }
    return weft_i_ring_claim_again(ring);
}

weft_i_inline void weft_i_ring_unclaim(weft_ring *ring, weft_i_ring_claim claim, size_t slot)
{
    weft_i_store(claim.at, weft_i_ring_turn(ring, claim.word) + 2 * ring->unit + slot, RING_R3);
}

/* ---- push and pop ---- */

/* With a slot in hand between the two steps: when all spares are claimed, or a free entry has no slot. */
static weft_i_noinline bool weft_i_ring_push_held(weft_ring *ring, const void *element)
{
    size_t slot = weft_i_ring_reserve(ring);
    if (slot == ring->none)
        return false;
    memcpy(weft_i_ring_memory(ring, slot, ring->element_size), element, ring->element_size);
    weft_i_ring_commit(ring, slot);
    return true;
}

static weft_i_noinline bool weft_i_ring_pop_held(weft_ring *ring, void *element)
{
    size_t slot = weft_i_ring_take(ring);
    if (slot == ring->none)
        return false;
    memcpy(element, weft_i_ring_memory(ring, slot, ring->element_size), ring->element_size);
    weft_i_ring_give_back(ring, slot);
    return true;
}

weft_i_inline bool weft_i_ring_push(weft_ring *ring, const void *element, size_t size)
{
    weft_i_ring_claim claim = weft_i_ring_claim_one(ring);
    size_t slot = weft_i_ring_low(ring, claim.word);
    if (weft_i_unlikely(!claim.at))
        return weft_i_ring_push_held(ring, element);
    memcpy(weft_i_ring_memory(ring, slot, size), element, size);
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->tail);
    bool done = false, held = false;
    while (!done && !held && weft_i_likely(weft_i_ring_to_tail(ring, &view) >= 0)) {
        held = weft_i_ring_low(ring, view.word) == ring->none;
        done = !held && weft_i_ring_swap(ring, &view, 1, &slot);
    }
    if (weft_i_likely(done))
        weft_i_ring_move(ring, &ring->tail, &view);
    weft_i_ring_unclaim(ring, claim, slot);
    return weft_i_unlikely(held) ? weft_i_ring_push_held(ring, element) : done;
}

weft_i_inline bool weft_i_ring_pop(weft_ring *ring, void *element, size_t size)
{
    weft_i_ring_claim claim = weft_i_ring_claim_one(ring);
    size_t slot = weft_i_ring_low(ring, claim.word);
    if (weft_i_unlikely(!claim.at))
        return weft_i_ring_pop_held(ring, element);
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->head);
    bool done = false;
    while (!done && weft_i_likely(weft_i_ring_to_head(ring, &view)))
        done = weft_i_ring_swap(ring, &view, 1, &slot);
    if (weft_i_likely(done)) {
        weft_i_ring_move(ring, &ring->head, &view);
        memcpy(element, weft_i_ring_memory(ring, slot, size), size);
    }
    weft_i_ring_unclaim(ring, claim, slot);
    return done;
}

/*
 * With one producer nobody else changes a free entry that has a slot, and with one consumer nobody else a full one: the
 * element is copied in place, and a store does.
 */
weft_i_inline void weft_i_ring_turn_alone(weft_ring *ring, weft_i_atomic_size *index, const weft_i_ring_view *view)
{
    weft_i_store(&ring->entry[weft_i_ring_low(ring, view->at)], view->word + ring->unit, RING_R1);
    weft_i_store(index, weft_i_ring_after(ring, view->at), RING_R2);
}

weft_i_inline bool weft_i_ring_push_alone(weft_ring *ring, const void *element, size_t size)
{
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->tail);
    if (weft_i_unlikely(weft_i_ring_to_tail(ring, &view) < 0))
        return false;
    size_t slot = weft_i_ring_low(ring, view.word);
    if (weft_i_unlikely(slot == ring->none))
        return weft_i_ring_push_held(ring, element);
    memcpy(weft_i_ring_memory(ring, slot, size), element, size);
    weft_i_ring_turn_alone(ring, &ring->tail, &view);
    return true;
}

weft_i_inline bool weft_i_ring_pop_alone(weft_ring *ring, void *element, size_t size)
{
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->head);
    if (weft_i_unlikely(!weft_i_ring_to_head(ring, &view)))
        return false;
    memcpy(element, weft_i_ring_memory(ring, weft_i_ring_low(ring, view.word), size), size);
    weft_i_ring_turn_alone(ring, &ring->head, &view);
    return true;
}

/* ---- an element makes room ---- */

/* `claimed` has the element. If the ring is full, its oldest entry, which is the tail's, is emptied and filled in one step. */
weft_i_inline bool weft_i_ring_displace(weft_ring *ring, size_t *claimed, bool *displaced)
{
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->tail);
    do {
        *displaced = weft_i_ring_to_tail(ring, &view) < 0;
        if (!*displaced && weft_i_ring_low(ring, view.word) == ring->none)
            return false;
    } while (!weft_i_ring_swap(ring, &view, *displaced ? 2 : 1, claimed));
    weft_i_ring_move(ring, &ring->tail, &view);
    return true;
}

/* In two steps. The slot in hand is a free one, or the oldest element's; `none`: others hold all slots. */
weft_i_inline size_t weft_i_ring_make_room(weft_ring *ring, bool *displaced)
{
    size_t slot = weft_i_ring_reserve(ring);
    *displaced = slot == ring->none;
    return *displaced ? weft_i_ring_take(ring) : slot;
}

/* ---- figures ---- */

/* The head first: so the tail is not behind it. */
weft_i_inline size_t weft_i_ring_size(weft_ring *ring)
{
    weft_i_ring_view head = weft_i_ring_look_from(ring, &ring->head);
    (void)weft_i_ring_to_head(ring, &head);
    weft_i_ring_view tail = weft_i_ring_look_from(ring, &ring->tail);
    (void)weft_i_ring_to_tail(ring, &tail);
    size_t laps = (weft_i_ring_turn(ring, tail.at) - weft_i_ring_turn(ring, head.at)) / (2 * ring->unit);
    size_t size = laps * ring->capacity + weft_i_ring_low(ring, tail.at) - weft_i_ring_low(ring, head.at);
    return size < ring->capacity ? size : ring->capacity;
}

#endif
