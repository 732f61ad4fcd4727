/*
 * private. A stack of mail in one word, `head`, which the consumer takes whole by an exchange and turns round (mailbox.h
 * names the sources). No producer reads what a pointer leads to, so that mail which comes back under its old address
 * does no harm.
 *
 * Invariants:
 *  (1) head is NULL, ARMED, or the newest mail; from there next leads to older mail, and to NULL.
 *  (2) What `oldest` leads to is older than all mail that head leads to. Only the consumer touches it.
 *  (3) Only the consumer makes head NULL or ARMED. It makes it ARMED only while there is no mail in the box.
 */
#ifndef WEFT_QUEUES_MAILBOX_KERNEL_H
#define WEFT_QUEUES_MAILBOX_KERNEL_H

#include <weft/base/seam.h>
#include <weft/queues/mailbox.h>
#include <weft/reclaim/misuse.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define MAILBOX_X1 memory_order_acq_rel /* push -> MAILBOX_A1, MAILBOX_R1: publishes the mail, and sees what the consumer wrote before it armed; linearization point */
#define MAILBOX_A1 memory_order_acquire /* take the stack -> MAILBOX_X1: sees all mail in it */
#define MAILBOX_R1 memory_order_release /* arm -> MAILBOX_X1: what the consumer has made ready for whoever wakes it */
#endif
/* clang-format on */

#define WEFT_I_MAILBOX_ARMED ((void *)1)

struct weft_mailbox {
    weft_i_aligned weft_atomic_ptr head;
    weft_i_aligned weft_mail *oldest; /* the consumer's */
    WEFT_I_LIFE
};

weft_i_inline bool weft_i_mailbox_push(weft_mailbox *box, weft_mail *mail)
{
    void *head = weft_i_load(&box->head, memory_order_relaxed); /* relaxed: it is only compared */
    for (;;) {
        weft_i_write(&mail->weft_i_next, head == WEFT_I_MAILBOX_ARMED ? NULL : (weft_mail *)head);
        /* relaxed: what a refusal reads is only compared, too */
        if (weft_i_likely(weft_i_cas(&box->head, &head, (void *)mail, MAILBOX_X1, memory_order_relaxed)))
            return head == WEFT_I_MAILBOX_ARMED;
    }
}

/* The newest first becomes the oldest first. */
weft_i_inline weft_mail *weft_i_mailbox_turn(weft_mail *last)
{
    weft_mail *oldest = NULL;
    for (weft_mail *next; last; last = next) {
        next = weft_i_read(&last->weft_i_next);
        weft_i_write(&last->weft_i_next, oldest);
        oldest = last;
    }
    return oldest;
}

weft_i_inline weft_mail *weft_i_mailbox_take(weft_mailbox *box)
{
    if (!box->oldest) {
        void *head = weft_i_load(&box->head, memory_order_relaxed); /* relaxed: the exchange reads it again */
        if (!head || head == WEFT_I_MAILBOX_ARMED)
            return NULL;
        box->oldest = weft_i_mailbox_turn((weft_mail *)weft_i_exchange(&box->head, NULL, MAILBOX_A1));
    }
    weft_mail *mail = box->oldest;
    box->oldest = weft_i_read(&mail->weft_i_next);
    return mail;
}

weft_i_inline bool weft_i_mailbox_arm(weft_mailbox *box)
{
    void *head = NULL;
    if (box->oldest)
        return false;
    /* relaxed: refused, it tells nothing but that there is mail */
    return weft_i_cas(&box->head, &head, WEFT_I_MAILBOX_ARMED, MAILBOX_R1, memory_order_relaxed) ||
           head == WEFT_I_MAILBOX_ARMED;
}

#endif
