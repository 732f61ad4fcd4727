#include <weft/queues/mailbox_kernel.h>

#include <errno.h>

int weft_mailbox_create(weft_mailbox **out)
{
    if (!out)
        return -EINVAL;
    *out = weft_i_sys_alloc(sizeof **out, WEFT_I_LINE);
    if (!*out)
        return -ENOMEM;
    (*out)->oldest = NULL;
    weft_i_store(&(*out)->head, NULL, memory_order_relaxed); /* relaxed: nobody else knows the box */
    weft_i_born(*out);
    return 0;
}

bool weft_mailbox_push(weft_mailbox *box, weft_mail *mail)
{
    if (weft_i_unlikely(!box || !mail))
        return false;
    weft_i_check_alive(box);
    return weft_i_mailbox_push(box, mail);
}

weft_mail *weft_mailbox_take(weft_mailbox *box)
{
    if (weft_i_unlikely(!box))
        return NULL;
    weft_i_check_alive(box);
    return weft_i_mailbox_take(box);
}

bool weft_mailbox_arm(weft_mailbox *box)
{
    if (weft_i_unlikely(!box))
        return false;
    weft_i_check_alive(box);
    return weft_i_mailbox_arm(box);
}

void weft_mailbox_destroy(weft_mailbox *box, void (*drain)(weft_mail *mail, void *ctx), void *ctx)
{
    if (!box)
        return;
    for (weft_mail *mail; drain && (mail = weft_mailbox_take(box));)
        drain(mail, ctx);
    weft_i_dies(box);
    weft_i_sys_free(box);
}
