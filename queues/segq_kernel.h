/*
 * private. A list of segments, each an array whose cells are used once: FAAArrayQueue of A. Correia and P. Ramalhete
 * ("FAAArrayQueue - MPMC lock-free queue", concurrencyfreaks.blogspot.com, November 2016). An enqueuer takes the number
 * of a cell by a fetch-and-add and writes its value there, a dequeuer takes a number and the value. A dequeuer that
 * comes first marks the cell, and both go on to other numbers. Differences: the words for "empty" and "marked" are
 * addresses of the segment itself, so that any pointer is a value; a dequeuer looks at the cell before the number of
 * values; the queue can be closed; memory is the domain's.
 *
 * Invariants:
 *  (1) From head, following next, one meets tail, and then NULL or END.
 *  (2) tail never falls behind head: a segment is retired only when neither leads to it.
 *  (3) A cell changes once, from EMPTY: to a value, or to MARKED. (A dequeuer may overwrite the value that it takes.)
 *  (4) Each number below that of cells goes to at most one enqueuer and to at most one dequeuer.
 *  (5) A segment's next changes once, from NULL, after all numbers of its cells are given or the segment is closed: to
 *      the next segment, which has its first value already, or to END. Behind END no value can come.
 * It is lock-free: dequeuers may mark cells before enqueuers, but N such cells end a segment, and whoever links the
 * next one has enqueued its value.
 */
#ifndef WEFT_QUEUES_SEGQ_KERNEL_H
#define WEFT_QUEUES_SEGQ_KERNEL_H

#include <weft/queues/segq.h>
#include <weft/reclaim/local.h>

#include <errno.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define SEGQ_R1 memory_order_release /* fill a cell -> SEGQ_A1, SEGQ_X2, SEGQ_A5: publishes what the value leads to */
#define SEGQ_R2 memory_order_release /* link a segment, or END -> SEGQ_A3: publishes its cells; linearization point of its first value, and of closing */
#define SEGQ_R3 memory_order_release /* move tail -> WEFT_GUARD_A2: a thread that starts there sees the segment */
#define SEGQ_R4 memory_order_release /* move head -> WEFT_GUARD_A2: the same; and that tail is not behind it */
#define SEGQ_X1 memory_order_acq_rel /* take a number -> SEGQ_X1, SEGQ_A4: numbers order dequeues; a later one sees all that was enqueued before an earlier one */
#define SEGQ_A4 memory_order_acquire /* read the numbers taken -> SEGQ_X1: the same for an empty answer */
#define SEGQ_A1 memory_order_acquire /* dequeue reads its cell -> SEGQ_R1: sees what the value leads to */
#define SEGQ_X2 memory_order_acq_rel /* mark a cell -> SEGQ_R1, SEGQ_A5: a value may have come; who meets the mark sees that the number was taken before */
#define SEGQ_A3 memory_order_acquire /* read next -> SEGQ_R2: sees the cells; and no cell behind END */
#define SEGQ_A5 memory_order_acquire /* is it empty -> SEGQ_R1, SEGQ_X2: what the caller does next comes after the enqueue that it has seen */
#define SEGQ_R5 memory_order_release /* close -> SEGQ_A6: what the closing thread did before */
#define SEGQ_A6 memory_order_acquire /* meet the closed bit -> SEGQ_R5: passed on with END, or with -EPIPE */
#endif
/* clang-format on */

/* How often a dequeuer looks at its cell, for which an enqueuer has the number, before it marks the cell. */
#ifndef WEFT_SEGQ_LOOKS
#define WEFT_SEGQ_LOOKS 128
#endif

/* In `given`: no more numbers. The numbers themselves are below. */
#define WEFT_I_SEGQ_CLOSED (~(SIZE_MAX >> 1))

typedef struct weft_i_segq_segment {
    weft_i_hook hook; /* first */
    weft_atomic_ptr next;
    weft_i_aligned weft_i_atomic_size given; /* numbers of cells that enqueuers have taken, or more than there are */
    weft_i_aligned weft_i_atomic_size taken; /* the same of dequeuers */
    weft_i_aligned weft_atomic_ptr cell[WEFT_SEGMENT_CELLS];
} weft_i_segq_segment;

_Static_assert(sizeof(weft_i_segq_segment) == WEFT_I_SEGMENT_SIZE, "it is of the class for segments");
_Static_assert(!(WEFT_SEGMENT_CELLS & (WEFT_SEGMENT_CELLS - 1)), "numbers meet each cell once (weft_i_segq_cell)");

struct weft_segq {
    weft_domain *domain;
    weft_i_aligned weft_atomic_ptr head;
    weft_i_aligned weft_atomic_ptr tail;
    WEFT_I_LIFE
};

/* ---- words of a segment ---- */

weft_i_inline void *weft_i_segq_empty(weft_i_segq_segment *segment)
{
    return segment;
}

weft_i_inline void *weft_i_segq_marked(weft_i_segq_segment *segment)
{
    return (void *)((uintptr_t)segment | 1);
}

/* Whether this segment takes a pointer for one of the two. */
weft_i_inline bool weft_i_segq_is_word(weft_i_segq_segment *segment, const void *value)
{
    return (uintptr_t)value - (uintptr_t)segment <= 1;
}

/* The link behind the last segment of a closed queue. */
#define WEFT_I_SEGQ_END ((void *)1)

/*
 * The cell with this number. Successive numbers are 17 cells apart, so that threads with neighbouring numbers do not
 * share a line: 7 to 14 % more values with 2 and 8 threads, 3 % fewer with one (paired runs, 9 rounds, 2 cores).
 */
weft_i_inline weft_atomic_ptr *weft_i_segq_cell(weft_i_segq_segment *segment, size_t number)
{
    return &segment->cell[number * 17 % WEFT_SEGMENT_CELLS];
}

/* How many cells have this number or a higher one. */
weft_i_inline size_t weft_i_segq_room_from(size_t number)
{
    return number < WEFT_SEGMENT_CELLS ? WEFT_SEGMENT_CELLS - number : 0;
}

/* An empty segment, with so many numbers given. NULL: out of memory. */
weft_i_inline weft_i_segq_segment *weft_i_segq_segment_make(weft_domain *domain, size_t given)
{
    weft_i_segq_segment *segment = weft_i_node_alloc(domain, weft_i_local_get(domain), WEFT_I_SEGMENT);
    if (!segment)
        return NULL;
    weft_i_store(&segment->next, NULL, memory_order_relaxed);   /* relaxed: private until SEGQ_R2, as the next */
    weft_i_store(&segment->given, given, memory_order_relaxed); /* relaxed: as for next */
    weft_i_store(&segment->taken, 0, memory_order_relaxed);     /* relaxed: as for next */
    for (size_t i = 0; i < WEFT_SEGMENT_CELLS; i++)
        weft_i_store(&segment->cell[i], weft_i_segq_empty(segment), memory_order_relaxed); /* relaxed: as for next */
    return segment;
}

/* ---- enqueue ---- */

/* All numbers of the segment's cells are given, or it is closed. *spare is used up if it is linked. */
weft_i_inline weft_i_outcome weft_i_segq_extend(weft_segq *queue, weft_i_segq_segment *segment, bool closed,
                                                void *value, weft_i_segq_segment **spare)
{
    void *at = segment, *next = weft_i_load(&segment->next, SEGQ_A3), *link = closed ? WEFT_I_SEGQ_END : *spare;
    if (!next) {
        if (!link)
            return WEFT_I_WANTS_MEMORY;
        if (!closed) /* relaxed: private until SEGQ_R2 */
            weft_i_store(weft_i_segq_cell(*spare, 0), value, memory_order_relaxed);
        /* relaxed: a failure is read again */
        if (!weft_i_cas(&segment->next, &next, link, SEGQ_R2, memory_order_relaxed))
            return WEFT_I_AGAIN;
        next = link;
    }
    if (next == WEFT_I_SEGQ_END)
        return WEFT_I_CLOSED;
    /* relaxed: a failure means that another thread has moved it */
    (void)weft_i_cas(&queue->tail, &at, next, SEGQ_R3, memory_order_relaxed);
    if (next != *spare)
        return WEFT_I_AGAIN;
    *spare = NULL;
    return WEFT_I_DONE;
}

/* Tried once. *spare: NULL, or an empty segment whose first number is given. */
weft_i_inline weft_i_outcome weft_i_segq_enqueue(weft_segq *queue, void *value, weft_i_segq_segment **spare,
                                                 weft_i_way way, weft_scheme scheme)
{
    weft_i_trial trial;
    weft_i_outcome outcome = WEFT_I_AGAIN;
    if (weft_i_unlikely(!weft_i_trial_begin_only(&trial, queue->domain, way, scheme)))
        return WEFT_I_AGAIN;
    weft_i_segq_segment *segment = weft_i_protect(trial.attempt.hold, 0, &queue->tail, scheme);
    void *empty = weft_i_segq_empty(segment);
    /* relaxed: it is a number and nothing more */
    size_t number = weft_i_fetch_add(&segment->given, 1, memory_order_relaxed);
    if (weft_i_likely(number < WEFT_SEGMENT_CELLS) && weft_i_likely(!weft_i_segq_is_word(segment, value))) {
        /* relaxed: a failure means that the cell is marked */
        if (weft_i_likely(weft_i_cas(weft_i_segq_cell(segment, number), &empty, value, SEGQ_R1, memory_order_relaxed)))
            return weft_i_trial_end(&trial, WEFT_I_SEGMENT, WEFT_I_DONE, way);
    } else {
        if (number >= WEFT_SEGMENT_CELLS) /* relaxed: gives back a number that no enqueuer uses; none runs over */
            (void)weft_i_fetch_sub(&segment->given, 1, memory_order_relaxed);
        else /* relaxed: so that no value comes here any more */
            (void)weft_i_fetch_add(&segment->given, WEFT_SEGMENT_CELLS, memory_order_relaxed);
        if (way == WEFT_I_GUARDED)
            outcome = weft_i_segq_extend(queue, segment, weft_i_load(&segment->given, SEGQ_A6) & WEFT_I_SEGQ_CLOSED,
                                         value, spare);
    }
    return weft_i_trial_end(&trial, WEFT_I_SEGMENT, outcome, way);
}

/* The first of *spares, or a new one. NULL: out of memory. */
weft_i_inline weft_i_segq_segment *weft_i_segq_spare(weft_domain *domain, weft_i_segq_segment **spares)
{
    weft_i_segq_segment *spare = *spares;
    if (!spare)
        return weft_i_segq_segment_make(domain, 1);
    *spares = weft_i_load(&spare->next, memory_order_relaxed); /* relaxed: private until SEGQ_R2 */
    weft_i_store(&spare->next, NULL, memory_order_relaxed);    /* relaxed: likewise */
    return spare;
}

weft_i_inline void weft_i_segq_keep(weft_i_segq_segment *spare, weft_i_segq_segment **spares)
{
    weft_i_store(&spare->next, *spares, memory_order_relaxed); /* relaxed: private */
    *spares = spare;
}

/* The cold path: tries under guards. Takes segments from *spares where it needs them. */
static weft_i_noinline int weft_i_segq_enqueue_again(weft_segq *queue, void *value, weft_i_segq_segment **spares,
                                                     weft_i_outcome now)
{
    weft_scheme scheme = weft_i_scheme(queue->domain);
    weft_i_segq_segment *spare = NULL, *unfit = NULL;
    for (;;) {
        WEFT_I_REPEAT(now, weft_i_segq_enqueue(queue, value, &spare, WEFT_I_GUARDED, scheme));
        if (now != WEFT_I_WANTS_MEMORY)
            break;
        spare = weft_i_segq_spare(queue->domain, spares);
        if (spare && weft_i_segq_is_word(spare, value)) {
            unfit = spare;
            spare = weft_i_segq_spare(queue->domain, spares);
        }
        if (!spare)
            break;
        now = WEFT_I_AGAIN;
    }
    if (spare) /* another thread was first */
        weft_i_segq_keep(spare, spares);
    if (unfit)
        weft_i_segq_keep(unfit, spares);
    return now == WEFT_I_DONE ? 0 : now == WEFT_I_CLOSED ? -EPIPE : -ENOMEM;
}

/* ---- dequeue ---- */

/* All numbers of the segment's cells are taken: moves head to the next one, and retires this one. */
weft_i_inline weft_i_outcome weft_i_segq_leave(weft_segq *queue, weft_i_segq_segment *segment, weft_i_trial *trial,
                                               weft_i_way way)
{
    void *at = segment, *next = weft_i_load(&segment->next, SEGQ_A3);
    if (!next || next == WEFT_I_SEGQ_END)
        return WEFT_I_EMPTY;
    if (way == WEFT_I_FAST)
        return WEFT_I_AGAIN;
    /* relaxed: a failure means that another thread has moved it. Invariant 2; this thread sees no tail from before head
       came here (SEGQ_R4) */
    (void)weft_i_cas(&queue->tail, &at, next, SEGQ_R3, memory_order_relaxed);
    at = segment;
    /* relaxed: a failure means that another thread has moved it, and retires the segment */
    if (weft_i_cas(&queue->head, &at, next, SEGQ_R4, memory_order_relaxed))
        weft_i_trial_retire(trial, &segment->hook, WEFT_I_SEGMENT, way);
    return WEFT_I_AGAIN;
}

/* The value in the cell; or one of the segment's words: the enqueuer has not come, and must go elsewhere. */
weft_i_inline void *weft_i_segq_take(weft_i_segq_segment *segment, weft_atomic_ptr *cell)
{
    void *empty = weft_i_segq_empty(segment), *value = weft_i_load(cell, SEGQ_A1);
    for (int i = 0; weft_i_unlikely(value == empty) && i < WEFT_SEGQ_LOOKS; i++)
        value = weft_i_load(cell, SEGQ_A1);
    if (weft_i_unlikely(value == empty))
        value = weft_i_exchange(cell, weft_i_segq_marked(segment), SEGQ_X2);
    return value;
}

/* Tried once. */
weft_i_inline weft_i_outcome weft_i_segq_dequeue(weft_segq *queue, void **value, weft_i_way way, weft_scheme scheme)
{
    weft_i_trial trial;
    weft_i_outcome outcome = WEFT_I_AGAIN;
    if (weft_i_unlikely(!weft_i_trial_begin_only(&trial, queue->domain, way, scheme)))
        return WEFT_I_AGAIN;
    weft_i_segq_segment *segment = weft_i_protect(trial.attempt.hold, 0, &queue->head, scheme);
    void *empty = weft_i_segq_empty(segment);
    size_t number = weft_i_load(&segment->taken, SEGQ_A4);
    if (weft_i_likely(number < WEFT_SEGMENT_CELLS)) {
        /* relaxed: the cell is only compared; an enqueue that precedes this call is seen in `given` at the latest */
        if (weft_i_load(weft_i_segq_cell(segment, number), memory_order_relaxed) == empty &&
            (weft_i_load(&segment->given, memory_order_relaxed) & ~WEFT_I_SEGQ_CLOSED) <= number)
            return weft_i_trial_end(&trial, WEFT_I_SEGMENT, WEFT_I_EMPTY, way);
        number = weft_i_fetch_add(&segment->taken, 1, SEGQ_X1);
    }
    if (weft_i_likely(number < WEFT_SEGMENT_CELLS)) {
        void *taken = weft_i_segq_take(segment, weft_i_segq_cell(segment, number));
        if (weft_i_likely(!weft_i_segq_is_word(segment, taken))) {
            *value = taken;
            outcome = WEFT_I_DONE;
        }
    } else {
        outcome = weft_i_segq_leave(queue, segment, &trial, way);
    }
    return weft_i_trial_end(&trial, WEFT_I_SEGMENT, outcome, way);
}

/* The cold path: tries under guards. */
static weft_i_noinline bool weft_i_segq_dequeue_again(weft_segq *queue, void **value, weft_i_outcome now)
{
    weft_scheme scheme = weft_i_scheme(queue->domain);
    WEFT_I_REPEAT(now, weft_i_segq_dequeue(queue, value, WEFT_I_GUARDED, scheme));
    return now == WEFT_I_DONE;
}

/* ---- the rest, under guards ---- */

/* Adds the first values of *values to cells whose numbers it takes at once; *values and *count are what is left. */
weft_i_inline weft_i_outcome weft_i_segq_fill(weft_segq *queue, void *const **values, size_t *count, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, queue->domain, scheme);
    weft_i_segq_segment *segment = weft_i_protect(hold, 0, &queue->tail, scheme);
    size_t wanted = *count < WEFT_SEGMENT_CELLS ? *count : WEFT_SEGMENT_CELLS;
    /* relaxed: as in weft_i_segq_enqueue */
    size_t number = weft_i_fetch_add(&segment->given, wanted, memory_order_relaxed);
    size_t room = weft_i_segq_room_from(number), end = number + (wanted < room ? wanted : room);
    if (wanted > room) /* relaxed: as in weft_i_segq_enqueue */
        (void)weft_i_fetch_sub(&segment->given, wanted - room, memory_order_relaxed);
    for (; number < end && !weft_i_segq_is_word(segment, **values); number++) {
        void *empty = weft_i_segq_empty(segment);
        /* relaxed: as above. A value whose cell is marked comes into the next one */
        if (weft_i_cas(weft_i_segq_cell(segment, number), &empty, **values, SEGQ_R1, memory_order_relaxed))
            --*count, ++*values;
    }
    weft_i_end(hold, &own);
    return *count && number == end && wanted <= room ? WEFT_I_AGAIN : WEFT_I_DONE;
}

/* Takes up to `count` numbers at once; *got values were there. */
weft_i_inline weft_i_outcome weft_i_segq_dequeue_some(weft_segq *queue, void **values, size_t count, size_t *got,
                                                      weft_scheme scheme)
{
    weft_i_trial trial;
    weft_i_outcome outcome = WEFT_I_AGAIN;
    (void)weft_i_trial_begin_only(&trial, queue->domain, WEFT_I_GUARDED, scheme);
    weft_i_segq_segment *segment = weft_i_protect(trial.attempt.hold, 0, &queue->head, scheme);
    size_t number = weft_i_load(&segment->taken, SEGQ_A4);
    /* relaxed: as in weft_i_segq_dequeue */
    size_t given = weft_i_load(&segment->given, memory_order_relaxed) & ~WEFT_I_SEGQ_CLOSED, end = number;
    given = given < WEFT_SEGMENT_CELLS ? given : WEFT_SEGMENT_CELLS;
    if (number < given) {
        size_t some = count < given - number ? count : given - number;
        number = weft_i_fetch_add(&segment->taken, some, SEGQ_X1);
        end = number + some;
    } else {
        outcome =
            number < WEFT_SEGMENT_CELLS ? WEFT_I_EMPTY : weft_i_segq_leave(queue, segment, &trial, WEFT_I_GUARDED);
    }
    for (; number < end && number < WEFT_SEGMENT_CELLS; number++) {
        void *value = weft_i_segq_take(segment, weft_i_segq_cell(segment, number));
        if (!weft_i_segq_is_word(segment, value))
            values[(*got)++] = value;
    }
    return weft_i_trial_end(&trial, WEFT_I_SEGMENT, *got ? WEFT_I_DONE : outcome, WEFT_I_GUARDED);
}

/* Whether there is a value behind the cells of head's segment: its successor has had one since it was linked. */
weft_i_inline bool weft_i_segq_goes_on(weft_i_segq_segment *segment)
{
    void *next = weft_i_load(&segment->next, SEGQ_A3);
    return next && next != WEFT_I_SEGQ_END;
}

/* What is in the cell. In a closed queue an empty one is marked: its enqueuer would have been before the closing. */
weft_i_inline void *weft_i_segq_look_at(weft_i_segq_segment *segment, weft_atomic_ptr *cell, bool closed)
{
    void *value = weft_i_load(cell, SEGQ_A5);
    if (closed && value == weft_i_segq_empty(segment) &&
        weft_i_cas(cell, &value, weft_i_segq_marked(segment), SEGQ_X2, SEGQ_A5))
        value = weft_i_segq_marked(segment);
    return value;
}

/*
 * DONE: there was a value; EMPTY: there was none when `given` was read. For a cell that is empty later was empty then,
 * and so was what follows, and the numbers below `taken` were with dequeuers before. A mark may stand in the place of a
 * value; but if a dequeuer has set it, `taken` has changed: AGAIN.
 */
weft_i_inline weft_i_outcome weft_i_segq_look(weft_segq *queue, weft_scheme scheme)
{
    weft_i_trial trial;
    weft_i_outcome outcome = WEFT_I_EMPTY;
    (void)weft_i_trial_begin_only(&trial, queue->domain, WEFT_I_GUARDED, scheme);
    weft_i_segq_segment *segment = weft_i_protect(trial.attempt.hold, 0, &queue->head, scheme);
    size_t first = weft_i_load(&segment->taken, SEGQ_A4);
    size_t given = weft_i_load(&segment->given, SEGQ_A6), end = given & ~WEFT_I_SEGQ_CLOSED;
    for (size_t i = first; i < end && i < WEFT_SEGMENT_CELLS && outcome != WEFT_I_DONE; i++) {
        void *value = weft_i_segq_look_at(segment, weft_i_segq_cell(segment, i), given & WEFT_I_SEGQ_CLOSED);
        if (!weft_i_segq_is_word(segment, value))
            outcome = WEFT_I_DONE;
        else if (value == weft_i_segq_marked(segment) && weft_i_load(&segment->taken, SEGQ_A4) != first)
            outcome = WEFT_I_AGAIN;
    }
    if (first >= WEFT_SEGMENT_CELLS)
        outcome = weft_i_segq_leave(queue, segment, &trial, WEFT_I_GUARDED);
    if (outcome == WEFT_I_EMPTY && end >= WEFT_SEGMENT_CELLS && weft_i_segq_goes_on(segment))
        outcome = WEFT_I_DONE;
    return weft_i_trial_end(&trial, WEFT_I_SEGMENT, outcome, WEFT_I_GUARDED);
}

/* Closes the last segment, unless it has a successor by now. */
weft_i_inline weft_i_outcome weft_i_segq_close(weft_segq *queue, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, queue->domain, scheme);
    weft_i_segq_segment *segment = weft_i_protect(hold, 0, &queue->tail, scheme), *none = NULL;
    /* who has a number from before may still fill the cell, as if before the closing */
    (void)weft_i_fetch_or(&segment->given, WEFT_I_SEGQ_CLOSED, SEGQ_R5);
    weft_i_outcome outcome = weft_i_segq_extend(queue, segment, true, NULL, &none);
    weft_i_end(hold, &own);
    return outcome;
}

/* The numbers that the last segment can give, now. */
weft_i_inline size_t weft_i_segq_room(weft_segq *queue, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, queue->domain, scheme);
    weft_i_segq_segment *segment = weft_i_protect(hold, 0, &queue->tail, scheme);
    size_t given = weft_i_load(&segment->given, memory_order_relaxed); /* relaxed: an estimate */
    weft_i_end(hold, &own);
    return weft_i_segq_room_from(given);
}

/* Whether END is behind the last segment. */
weft_i_inline bool weft_i_segq_is_closed(weft_segq *queue, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, queue->domain, scheme);
    weft_i_segq_segment *segment = weft_i_protect(hold, 0, &queue->tail, scheme);
    bool closed = weft_i_load(&segment->next, SEGQ_A3) == WEFT_I_SEGQ_END;
    weft_i_end(hold, &own);
    return closed;
}

#endif
