/*
 * private. The heavy fence without an interrupt: a thread asks all others, each answers in its next operation, and the
 * asking thread goes on meanwhile. (An expedited membarrier makes every processor that runs a thread of the process
 * stop for it: 5 to 20 us where the processors are virtual, in one operation of each batch, in each of the threads that
 * run.)
 *
 * A question is a bit in the record's `attention`, which its thread reads in each operation anyway. So a question costs
 * the asked thread nothing until then, and an answer is one read-modify-write. Rounds belong to the process: there is
 * one at a time, for all threads that retire.
 *
 * The argument. Thread W has unlinked objects and takes a ticket, by a read-modify-write of `rounds`. A round that
 * counts for the ticket begins later, by a read-modify-write of a thread S, which therefore sees W's unlinkings
 * (HANDSHAKE_X1). S passes a full fence and asks T. T answers at a moment A by one read-modify-write. What T reads
 * after A sees the unlinkings (RECORD_X1). What T published before A is seen by every thread that sees the answer
 * (HANDSHAKE_A2) or the end of the round (HANDSHAKE_R1, HANDSHAKE_A1). So A is to T what the heavy fence is (hazards.h,
 * epochs.h): a light fence in T comes before A or after it. This holds wherever A lies in T's work, and so for a signal
 * handler that answers for the code that it has interrupted.
 *
 * Threads that are not asked. S itself: its A is the beginning of the round. A thread that has no record when S looks:
 * if it takes one later, it passes a full fence after S has passed one, and so sees what S saw (weft_i_fence_join). A
 * thread that overwrites the question while it takes its record: likewise. A thread without a record publishes with
 * full fences, and W passes one, too, before it reads the guards that such threads have linked.
 *
 * Threads that do not answer (asleep, or busy with something else) are interrupted when patience is at its end: W
 * passes the heavy fence, which is an A of all threads, also for the round under way. So no thread waits for another,
 * wherever S or T may be.
 *
 * A heavy fence counts for all tickets that were taken before it began, whoever passes it. Each has a number. A ticket is
 * the next number, and a ticket and the beginning of a fence are read-modify-writes of one word; so the thread that fences
 * sees what was unlinked before the tickets up to its number (HANDSHAKE_X2). Threads that run side by side thus share
 * their interrupts: each costs both of two virtual processors up to 50 us.
 *
 * Absent threads. A thread that sleeps would not answer the next round either, and each batch would need an interrupt.
 * So the thread that passes the heavy fence first marks the threads that have not answered. A thread that is still
 * marked after the fence, and is then found in no operation, is offline: no round waits for it until it has answered.
 * What it published before the fence is seen by every thread that sees it offline and then passes a full fence. It
 * publishes nothing more that other threads rely on without loading `attention`, where it finds the question and
 * answers. All questions asked meanwhile came before that load, by read-modify-writes of the same word, so it then sees
 * what was unlinked before any of their rounds (RECORD_X1). A thread in an operation cannot be offline, since it would
 * go on without that load (weft_i_attempt_begin). The mark belongs to the question that came before the fence: a later
 * question may have found the thread in an operation that began after the fence. Only one thread marks at a time;
 * others pass the fence without marking.
 */
#ifndef WEFT_RECLAIM_HANDSHAKE_H
#define WEFT_RECLAIM_HANDSHAKE_H

#include <weft/reclaim/record.h>

/* A ticket for what the caller has unlinked until now. */
WEFT_I_PRIVATE weft_i_ticket weft_i_handshake_ticket(void);

/* Whether all threads have passed a fence since the ticket. Begins or ends a round where it can. Never waits. */
WEFT_I_PRIVATE bool weft_i_handshake_over(weft_i_ticket ticket);

/* Whether a heavy fence that counts for the ticket has begun, so that it may soon be over. */
WEFT_I_PRIVATE bool weft_i_handshake_fencing(weft_i_ticket ticket);

/*
 * Passes the heavy fence instead. `asked`: the caller has a ticket; threads that were asked and do not answer become
 * offline, and others' tickets may count the fence. False: it has failed.
 */
WEFT_I_PRIVATE bool weft_i_handshake_force(bool asked);

/* In a fork's child, where the thread that has begun a round may not exist. */
WEFT_I_PRIVATE void weft_i_handshake_after_fork(void);

#endif
