/*
 * private. Chase and Lev's deque (deque.h names the papers). Elements have indices; those from top to below bottom are in the
 * deque, the one with index i in cell i modulo the array's size. The owner moves bottom, thieves move top by a
 * compare-and-swap, the owner does so only for the last element.
 *
 * The race. The owner takes element b without a compare-and-swap if it sees top <= b - 1 after it has stored bottom = b. A
 * thief takes element t if it sees bottom > t after it has read top = t. If b = t, one must see what the other has done:
 * the owner stores bottom and then reads top, the thief reads top and then bottom, and each passes a fence in between.
 *
 * The fences. Pops are HASTY, with a light fence (reclaim/thread.h), until a thief comes. It says in `careful` that they
 * are to pass a full fence (TOLD), passes the heavy fence, and says that they do (CAREFUL). From then on full fences on
 * both sides suffice, since a hasty pop from before has its bottom seen by whoever sees CAREFUL: its light fence was before
 * the heavy one, or it would have seen TOLD. When many pops have seen the same top, the owner begins a new round of
 * `careful` with HASTY, and passes a full fence. A thief that looks whether pops are careful after it has read top = b and
 * passed its fence is not deceived: if it sees the old round still, a hasty pop of the new one comes later, and sees top >=
 * b; if the new round is CAREFUL already, the argument is that of the first.
 * Where the thief has moved top itself, its sequentially consistent compare-and-swap and the reads that follow do what a
 * full fence between them would.
 *
 * Invariants:
 *  (1) top never falls, and is at most bottom, or bottom + 1 within a pop.
 *  (2) Only the owner writes bottom, cells and array. It writes a cell again only after it has seen top beyond its element.
 *  (3) An array that is not the owner's any more keeps the elements that it had: whoever reads element t in it has it if
 *      its compare-and-swap of top from t succeeds. A thief reads array after bottom, so that t is in it.
 *  (4) seen_top is top as it once was.
 * Differences of indices are signed, so that they may wrap.
 */
#ifndef WEFT_QUEUES_DEQUE_KERNEL_H
#define WEFT_QUEUES_DEQUE_KERNEL_H

#include <weft/queues/deque.h>
#include <weft/reclaim/fence.h>
#include <weft/reclaim/local.h>

#include <errno.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define DEQUE_R1 memory_order_release /* push, pop store bottom -> DEQUE_A1, DEQUE_S2: publishes the elements below it, and the array they are in; linearization point */
#define DEQUE_A1 memory_order_acquire /* does it seem empty -> DEQUE_R1: what the caller does next comes after the pops and pushes that it has seen */
#define DEQUE_A3 memory_order_acquire /* does it seem empty -> DEQUE_S1: sees a bottom that is not older than the one by which the last thief has stolen (relaxed, "empty" was no answer of any moment) */
#define DEQUE_R2 memory_order_release /* change the array -> WEFT_GUARD_A2: its cells are filled */
#define DEQUE_S1 memory_order_seq_cst /* steal moves top -> DEQUE_A2, DEQUE_A3: the cell has been read; linearization point. With DEQUE_S2 and DEQUE_S3 it is the fence before the next of many steals: a pop's full fence is after it, and the pop sees this top, or before DEQUE_S2, which sees its bottom */
#define DEQUE_S2 memory_order_seq_cst /* steal reads bottom -> DEQUE_R1: sees element top, and an array that has it; with DEQUE_S1 as there */
#define DEQUE_S3 memory_order_seq_cst /* are pops careful -> DEQUE_R4: sees the bottom of each pop that was before the heavy fence; with DEQUE_S1 as there */
#define DEQUE_A2 memory_order_acquire /* push reads top -> DEQUE_S1: cells below it may be written again */
#define DEQUE_R4 memory_order_release /* pops are careful -> DEQUE_S3: the heavy fence comes before */
#endif
/* clang-format on */

/* The least number of cells, a power of two; and how often it must have been too large before it is halved. */
#ifndef WEFT_DEQUE_CELLS
#define WEFT_DEQUE_CELLS 64
#endif
#ifndef WEFT_DEQUE_QUIET
#define WEFT_DEQUE_QUIET 64
#endif

/* How many careful pops see the same top before they are hasty again. */
#ifndef WEFT_DEQUE_CALM
#define WEFT_DEQUE_CALM 256
#endif

/* The first index. Tests begin near the end of the numbers. */
#ifndef WEFT_DEQUE_FIRST
#define WEFT_DEQUE_FIRST 0
#endif

typedef struct weft_i_deque_array {
    weft_hook hook;
    weft_domain *domain;
    size_t size; /* cells */
    weft_atomic_ptr cell[];
} weft_i_deque_array;

struct weft_deque {
    weft_domain *domain;
    weft_atomic_ptr array;
    weft_i_atomic_size careful; /* ROUND times the number of rounds, plus the state */
    weft_i_aligned weft_i_atomic_size top;
    /* the owner's, but for bottom */
    weft_i_aligned weft_i_atomic_size bottom;
    size_t seen_top;
    size_t highest, base; /* bottom since the deque was empty last; and bottom then */
    size_t quiet;         /* how often a quarter of the array was enough since then, successively */
    size_t calm, calm_at; /* careful pops that have seen top stand there */
    WEFT_I_LIFE
};

enum { WEFT_I_DEQUE_HASTY, WEFT_I_DEQUE_TOLD, WEFT_I_DEQUE_CAREFUL, WEFT_I_DEQUE_ROUND = 4 };

weft_i_inline bool weft_i_deque_is(size_t careful, size_t state)
{
    return careful % WEFT_I_DEQUE_ROUND == state;
}

weft_i_inline ptrdiff_t weft_i_deque_between(size_t top, size_t bottom)
{
    return (ptrdiff_t)(bottom - top);
}

weft_i_inline weft_atomic_ptr *weft_i_deque_cell(weft_i_deque_array *array, size_t index)
{
    return &array->cell[index & (array->size - 1)];
}

/*
 * Another array for the same elements, if they are not too many for it. False: out of memory. The old one is retired. The
 * allocator, and callbacks of the retirement, may use the deque as its owner, so what the caller has read is old then.
 */
WEFT_I_PRIVATE bool weft_i_deque_resize(weft_deque *deque, size_t size);

/* Whether there is room for one more. */
weft_i_inline bool weft_i_deque_has_room(weft_deque *deque, size_t bottom, const weft_i_deque_array *array)
{
    if (weft_i_likely((size_t)weft_i_deque_between(deque->seen_top, bottom) < array->size))
        return true;
    deque->seen_top = weft_i_load(&deque->top, DEQUE_A2);
    return (size_t)weft_i_deque_between(deque->seen_top, bottom) < array->size;
}

static weft_i_noinline bool weft_i_deque_push_again(weft_deque *deque, void *value);

weft_i_inline bool weft_i_deque_push(weft_deque *deque, void *value)
{
    size_t bottom = weft_i_load(&deque->bottom, memory_order_relaxed);            /* relaxed: the owner's */
    weft_i_deque_array *array = weft_i_load(&deque->array, memory_order_relaxed); /* relaxed: the owner's */
    if (weft_i_unlikely(!weft_i_deque_has_room(deque, bottom, array)))
        return weft_i_deque_push_again(deque, value);
    weft_i_store(weft_i_deque_cell(array, bottom), value, memory_order_relaxed); /* relaxed: published by DEQUE_R1 */
    weft_i_store(&deque->bottom, bottom + 1, DEQUE_R1);
    if (weft_i_deque_between(deque->highest, bottom + 1) > 0)
        deque->highest = bottom + 1;
    return true;
}

/* The array is full. */
static weft_i_noinline bool weft_i_deque_push_again(weft_deque *deque, void *value)
{
    const weft_i_deque_array *array = weft_i_load(&deque->array, memory_order_relaxed); /* relaxed: the owner's */
    return weft_i_deque_resize(deque, 2 * array->size) && weft_i_deque_push(deque, value);
}

typedef enum weft_i_deque_answer { WEFT_I_DEQUE_GOT, WEFT_I_DEQUE_LOST, WEFT_I_DEQUE_EMPTY } weft_i_deque_answer;

/* A careful pop has seen this top. After many that have seen the same one, pops are hasty again. */
static weft_i_noinline void weft_i_deque_calm_down(weft_deque *deque, size_t careful, size_t top)
{
    deque->calm = top == deque->calm_at ? deque->calm + 1 : 0;
    deque->calm_at = top;
    if (deque->calm < WEFT_DEQUE_CALM)
        return;
    deque->calm = 0;
    size_t hasty = careful - careful % WEFT_I_DEQUE_ROUND + WEFT_I_DEQUE_ROUND;
    /* relaxed: the full fence follows; a failure means that a thief needs care */
    (void)weft_i_cas(&deque->careful, &careful, hasty, memory_order_relaxed, memory_order_relaxed);
    weft_i_full_fence();
}

weft_i_inline weft_i_deque_answer weft_i_deque_pop(weft_deque *deque, void **value)
{
    size_t bottom = weft_i_load(&deque->bottom, memory_order_relaxed) - 1;        /* relaxed: the owner's */
    weft_i_deque_array *array = weft_i_load(&deque->array, memory_order_relaxed); /* relaxed: the owner's */
    weft_i_store(&deque->bottom, bottom, DEQUE_R1);
    weft_i_light_fence(weft_i_self());
    size_t careful = weft_i_load(&deque->careful, memory_order_relaxed); /* relaxed: as top below */
    bool hasty = weft_i_deque_is(careful, WEFT_I_DEQUE_HASTY);
    if (weft_i_unlikely(!hasty))
        weft_i_full_fence();
    size_t top = weft_i_load(&deque->top, memory_order_relaxed); /* relaxed: fences on both sides */
    if (weft_i_unlikely(!hasty))
        weft_i_deque_calm_down(deque, careful, top);
    ptrdiff_t left = weft_i_deque_between(top, bottom); /* beside the element that it wants */
    if (weft_i_unlikely(left < 0)) {
        weft_i_store(&deque->bottom, bottom + 1, DEQUE_R1);
        return WEFT_I_DEQUE_EMPTY;
    }
    *value = weft_i_load(weft_i_deque_cell(array, bottom), memory_order_relaxed); /* relaxed: the owner wrote it */
    if (weft_i_likely(left > 0))
        return WEFT_I_DEQUE_GOT;
    /* relaxed: the owner's own element, linearization point; a failure tells that a thief has it */
    bool won = weft_i_cas(&deque->top, &top, top + 1, memory_order_relaxed, memory_order_relaxed);
    weft_i_store(&deque->bottom, bottom + 1, DEQUE_R1);
    deque->calm_at += won; /* the owner itself has moved top */
    return won ? WEFT_I_DEQUE_GOT : WEFT_I_DEQUE_LOST;
}

/* Says that pops are to be careful, and that they are after the heavy fence. False: it is not possible yet. */
static weft_i_noinline bool weft_i_deque_make_careful(weft_deque *deque)
{
    size_t now = weft_i_load(&deque->careful, memory_order_relaxed); /* relaxed: the heavy fence follows */
    /* relaxed: the heavy fence follows; on failure another thief was first, and has told them, or more */
    if (weft_i_deque_is(now, WEFT_I_DEQUE_HASTY) &&
        weft_i_cas(&deque->careful, &now, now + 1, memory_order_relaxed, memory_order_relaxed))
        now++;
    if (!weft_i_heavy_fence())
        return false;
    if (weft_i_deque_is(now, WEFT_I_DEQUE_TOLD))
        /* relaxed: a failure means that they are, or that the owner has begun a new round */
        (void)weft_i_cas(&deque->careful, &now, now + 1, DEQUE_R4, memory_order_relaxed);
    return true;
}

/*
 * For a thief that has read top, and passed a fence since: it may believe bottom, since pops are careful, or since it
 * passes the heavy fence now. False: that is not possible yet.
 */
weft_i_inline bool weft_i_deque_is_safe(weft_deque *deque)
{
    return weft_i_likely(weft_i_deque_is(weft_i_load(&deque->careful, DEQUE_S3), WEFT_I_DEQUE_CAREFUL)) ||
           weft_i_deque_make_careful(deque);
}

/* How many elements there are for a thief for which weft_i_deque_is_safe. */
weft_i_inline ptrdiff_t weft_i_deque_seen(weft_deque *deque, size_t top)
{
    return weft_i_deque_between(top, weft_i_load(&deque->bottom, DEQUE_S2));
}

/* Takes element `top`, which weft_i_deque_seen has seen. */
weft_i_inline bool weft_i_deque_take(weft_deque *deque, weft_i_hold hold, size_t top, void **value, weft_scheme scheme)
{
    weft_i_deque_array *array = weft_i_protect(hold, 0, &deque->array, scheme);
    /* relaxed: DEQUE_S2 sees it; if it is overwritten, top has moved */
    void *taken = weft_i_load(weft_i_deque_cell(array, top), memory_order_relaxed);
    /* relaxed: a failure means that another has it */
    if (!weft_i_cas(&deque->top, &top, top + 1, DEQUE_S1, memory_order_relaxed))
        return false;
    *value = taken;
    return true;
}

/* How many elements there were at some time. "None" is an answer; others are a hint. */
weft_i_inline ptrdiff_t weft_i_deque_seem(weft_deque *deque)
{
    size_t top = weft_i_load(&deque->top, DEQUE_A3);
    return weft_i_deque_between(top, weft_i_load(&deque->bottom, DEQUE_A1));
}

/* LOST: tried once, another thread has the element, or the heavy fence is not possible yet. */
weft_i_inline weft_i_deque_answer weft_i_deque_steal(weft_deque *deque, void **value, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, deque->domain, scheme);
    weft_i_deque_answer answer = WEFT_I_DEQUE_EMPTY;
    size_t top = weft_i_load(&deque->top, memory_order_relaxed); /* relaxed: the full fence follows */
    weft_i_full_fence();
    if (weft_i_deque_is_safe(deque) && weft_i_deque_seen(deque, top) > 0)
        answer = weft_i_deque_take(deque, hold, top, value, scheme) ? WEFT_I_DEQUE_GOT : WEFT_I_DEQUE_LOST;
    weft_i_end(hold, &own);
    return answer;
}

/* Steals half, or as many as `to` has room for, with one heavy fence for all. Returns how many. */
weft_i_inline size_t weft_i_deque_steal_some(weft_deque *from, weft_deque *to, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, from->domain, scheme);
    size_t moved = 0, wanted = 0, top = 0;
    bool fresh = false; /* top is what this thread's compare-and-swap has just made it */
    for (bool more = true; more;) {
        if (!fresh) {
            top = weft_i_load(&from->top, memory_order_relaxed); /* relaxed: the fence follows */
            weft_i_full_fence();
        }
        if (!weft_i_deque_is_safe(from))
            break;
        ptrdiff_t there = weft_i_deque_seen(from, top);
        wanted = wanted ? wanted : there > 0 ? ((size_t)there + 1) / 2 : 0;
        void *value;
        size_t bottom = weft_i_load(&to->bottom, memory_order_relaxed); /* relaxed: the owner's, as the array below */
        more = there > 0 && moved < wanted &&
               weft_i_deque_has_room(to, bottom, weft_i_load(&to->array, memory_order_relaxed));
        fresh = more && weft_i_deque_take(from, hold, top++, &value, scheme);
        if (fresh)
            moved += weft_i_deque_push(to, value); /* there is room */
    }
    weft_i_end(hold, &own);
    return moved;
}

#endif
