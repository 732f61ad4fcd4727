/*
 * private. The heavy fence without an interrupt: all threads are asked, each answers when it comes by, and who has retired goes on
 * meanwhile. (An expedited membarrier makes every processor that runs a thread of the process stop for it: 5 to 20 us where the
 * processors are virtual, in one operation of each batch, in each of the threads that run.)
 *
 * To ask is a bit in the record's `attention`, which its thread reads in each operation anyway: asking costs the asked nothing
 * until then, and an answer is one read-modify-write. Rounds are the process's: one at a time, for all that retire.
 *
 * The argument. W has unlinked, and takes a ticket: a read-modify-write of `rounds`. A round that counts for it begins later, by a
 * read-modify-write of S, which therefore sees W's unlinkings (HANDSHAKE_X1), and S asks T, after a full fence. T answers at a moment A
 * by one read-modify-write: what T reads after A sees the unlinkings (RECORD_X1), and what T has published before A is seen by whoever
 * sees the answer (HANDSHAKE_A2) or the end of the round (HANDSHAKE_R1, HANDSHAKE_A1). So A is to T what the heavy fence is (hazards.h,
 * epochs.h): a light fence in T comes before A or after. That holds wherever in T's work A is, and so for a handler that answers
 * for the code that it has interrupted.
 *
 * Who is not asked. S itself: its beginning of the round is its A. A thread that S finds without a record: it takes one, and passes a
 * full fence, after S has passed one; then it sees what S saw (weft_i_fence_join). One that has overwritten the question as it took
 * its record: likewise. One without a record publishes with full fences; W passes one, too, before it reads what such have linked.
 *
 * Who does not answer (asleep, or busy with something else) is interrupted when patience is at its end: W passes the heavy fence,
 * which is an A of all threads, also for the round under way. So nobody waits for anybody, wherever S or T may be.
 *
 * Who is absent. One that sleeps would not answer the next round either, and the interrupts would go on with each batch. So who passes
 * the heavy fence marks those that have not answered before it; one that is marked still after it, and is then found in no operation,
 * is absent, and no round waits for it until it has answered. What it had published before the fence is seen by whoever sees that it is
 * absent, and passes a full fence before it looks. It publishes nothing more that anybody relies on without a look at `attention`, finds the
 * question there, and answers: all that asked it meanwhile did so before, by read-modify-writes of the same word, and so it then sees
 * what was unlinked before any of their rounds (RECORD_X1). In an operation it would go on without that look (weft_i_attempt_begin).
 * The mark stands for the very question that came before the fence: a later one may have found the thread in an operation, begun since.
 * One thread marks at a time; another passes the fence without.
 */
#ifndef WEFT_RECLAIM_HANDSHAKE_H
#define WEFT_RECLAIM_HANDSHAKE_H

#include <weft/reclaim/record.h>

/* For what the caller has unlinked until now. */
WEFT_I_PRIVATE size_t weft_i_handshake_ticket(void);

/* Whether all have passed a fence since; does what there is to do for it, without waiting. */
WEFT_I_PRIVATE bool weft_i_handshake_over(size_t ticket);

/* The same by the heavy fence; `asked`: of those that were, who does not come by is absent from then on. False: none was to be had. */
WEFT_I_PRIVATE bool weft_i_handshake_force(bool asked);

/* In a fork's child: who has begun a round may not be there. */
WEFT_I_PRIVATE void weft_i_handshake_after_fork(void);

#endif
