#include <weft/reclaim/fence.h>
#include <weft/reclaim/handshake.h>
#include <weft/reclaim/right.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define HANDSHAKE_X1 memory_order_acq_rel /* ticket; begin a round -> HANDSHAKE_X1: the thread that begins one sees what was unlinked before the tickets that it counts for */
#define HANDSHAKE_A2 memory_order_acquire /* has it answered -> RECORD_X1: sees what that thread had published */
#define HANDSHAKE_R1 memory_order_release /* all are asked; the round ends -> HANDSHAKE_A1: the questions come before; passes on what was seen of the threads that answered */
#define HANDSHAKE_X2 memory_order_acq_rel /* ticket; begin a heavy fence -> HANDSHAKE_X2: the thread that begins one sees what was unlinked before the tickets that it counts for */
#define HANDSHAKE_R2 memory_order_release /* the heavy fence is over -> HANDSHAKE_A3: passes on what all threads had published */
#define HANDSHAKE_A3 memory_order_acquire /* which fences are over -> HANDSHAKE_R2: sees what all threads had published before them */
#define HANDSHAKE_A1 memory_order_acquire /* how far is the round -> HANDSHAKE_R1: sees the questions; sees what the threads that answered had published */
#endif
/* clang-format on */

/* `rounds` is STEP times the number of rounds that are over, plus the state of the one under way. */
enum { NONE, ASKING, ASKED, STEP = 4 };

static weft_i_atomic_size rounds;
static weft_i_atomic_size begun;  /* the number of the heavy fence that has begun last */
static weft_i_atomic_size over;   /* the highest number of one that is over */
static weft_i_atomic_int marking; /* the id of the thread that marks offline ones; 0: none */

weft_i_ticket weft_i_handshake_ticket(void)
{
    size_t now = weft_i_fetch_add(&rounds, 0, HANDSHAKE_X1), fence = weft_i_fetch_add(&begun, 0, HANDSHAKE_X2);
    /* a round under way began before the ticket */
    return (weft_i_ticket){now - now % STEP + (now % STEP == NONE ? STEP : 2 * STEP), fence + 1};
}

/* Modulo 2^n: what is over counts as not over if half of all numbers have passed since. */
static bool has_reached(size_t now, size_t wanted)
{
    return (ptrdiff_t)(now - wanted) >= 0;
}

static bool is_over(weft_i_ticket ticket)
{
    return has_reached(weft_i_load(&rounds, HANDSHAKE_A1), ticket.round) ||
           has_reached(weft_i_load(&over, HANDSHAKE_A3), ticket.fence);
}

bool weft_i_handshake_fencing(weft_i_ticket ticket)
{
    /* relaxed: a hint */
    return has_reached(weft_i_load(&begun, memory_order_relaxed), ticket.fence);
}

static void end_fence(size_t number)
{
    size_t highest = weft_i_load(&over, memory_order_relaxed); /* relaxed: only compared */
    while (!has_reached(highest, number) &&
           !weft_i_cas(&over, &highest, number, HANDSHAKE_R2, memory_order_relaxed)) /* relaxed: only compared */
        ;
}

static void end_round(size_t now)
{
    /* relaxed: a failure means that another thread has ended it */
    (void)weft_i_cas(&rounds, &now, now - now % STEP + STEP, HANDSHAKE_R1, memory_order_relaxed);
}

static void begin_round(size_t now)
{
    weft_i_record *own = weft_i_record_peek();
    /* relaxed: a failure means that another thread has begun it, after the ticket */
    if (!weft_i_cas(&rounds, &now, now + ASKING, HANDSHAKE_X1, memory_order_relaxed))
        return;
    weft_i_full_fence(); /* -> weft_i_fence_join */
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        if (r != own && weft_i_record_owned(r))
            /* relaxed: the fence before it publishes what was unlinked -> RECORD_X1 */
            (void)weft_i_fetch_or(&r->thread.attention, WEFT_I_ASKED, memory_order_relaxed);
    size_t asking = now + ASKING;
    /* relaxed: a failure means that another thread has lost patience, and ended it */
    (void)weft_i_cas(&rounds, &asking, now + ASKED, HANDSHAKE_R1, memory_order_relaxed);
}

static bool all_have_answered(void)
{
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next) {
        int asked = weft_i_record_owned(r)
                        ? weft_i_load(&r->thread.attention, HANDSHAKE_A2) & (WEFT_I_ASKED | WEFT_I_OFFLINE)
                        : 0;
        if (asked == WEFT_I_ASKED)
            return false;
    }
    return true;
}

/* ---- offline threads ---- */

/* Marks the threads that have not answered. */
static void mark(void)
{
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next) {
        /* relaxed: the heavy fence comes next */
        int seen = weft_i_load(&r->thread.attention, memory_order_relaxed);
        if ((seen & WEFT_I_QUESTIONS) == WEFT_I_ASKED)
            /* relaxed: the heavy fence comes next; on failure the thread has answered, or a barrier has changed the
               word: the next mark suffices */
            (void)weft_i_cas(&r->thread.attention, &seen, seen | WEFT_I_MARKED, memory_order_relaxed,
                             memory_order_relaxed);
    }
}

/* Removes the marks that are left. If fenced, those threads become offline that are in no operation. */
static void tell_absent(bool fenced)
{
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next) {
        /* relaxed: the heavy fence comes before */
        int seen = weft_i_load(&r->thread.attention, memory_order_relaxed);
        while (seen & WEFT_I_MARKED) {
            /* relaxed: the heavy fence has come before */
            int bit = fenced && !weft_i_load(&r->operation.domain, memory_order_relaxed) ? WEFT_I_OFFLINE : 0;
            /* relaxed: the heavy fence before it pairs with the full fence of a thread that has read it and compares
               (scan.c) */
            if (weft_i_cas(&r->thread.attention, &seen, (seen & ~WEFT_I_MARKED) | bit, memory_order_relaxed,
                           memory_order_relaxed))
                break;
        }
    }
}

bool weft_i_handshake_over(weft_i_ticket ticket)
{
    if (is_over(ticket))
        return true;
    size_t now = weft_i_load(&rounds, HANDSHAKE_A1);
    if (now % STEP == NONE) {
        begin_round(now);
        now = weft_i_load(&rounds, HANDSHAKE_A1);
    }
    if (now % STEP == ASKED && all_have_answered())
        end_round(now);
    return is_over(ticket);
}

bool weft_i_handshake_force(bool asked)
{
    size_t now = weft_i_load(&rounds, HANDSHAKE_A1);
    bool marks = asked && weft_i_take_right(&marking, weft_i_thread_id());
    size_t number = asked ? weft_i_fetch_add(&begun, 1, HANDSHAKE_X2) + 1 : 0;
    if (marks)
        mark();
    bool fenced = weft_i_heavy_fence();
    if (marks) {
        tell_absent(fenced && weft_i_fence_interrupts());
        weft_i_give_right(&marking);
    }
    if (fenced && asked)
        end_fence(number);
    if (fenced && now % STEP != NONE)
        end_round(now);
    return fenced;
}

void weft_i_handshake_after_fork(void)
{
    /* relaxed: one thread */
    size_t now = weft_i_load(&rounds, memory_order_relaxed);
    weft_i_give_right(&marking);
    if (now % STEP != NONE)
        end_round(now);
}
