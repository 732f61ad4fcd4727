/* weft_mailbox. Its mail is recycled as the nodes of other intrusive queues are (pool.h). */
#include "bench/measure/loops_container.h"
#include "bench/adapters/peers/pool.h"

#include <errno.h>

#include <weft/queues/mailbox.h>

typedef struct letter {
    weft_mail mail;
    void *value;
} letter;

_Static_assert(sizeof(letter) <= sizeof(((pool_node *)0)->entry), "room for a letter");

typedef struct office {
    weft_mailbox *box;
    _Alignas(BENCH_LINE) pool letters;
} office;

static int office_create(void **out, const bench_setup *setup)
{
    office *o = aligned_alloc(BENCH_LINE, sizeof *o);
    (void)setup;
    if (!(*out = o))
        return -ENOMEM;
    pool_init(&o->letters);
    int error = weft_mailbox_create(&o->box);
    if (error != 0) {
        free(o);
        *out = NULL;
    }
    return error;
}

static void office_destroy(void *object)
{
    office *o = object;
    weft_mailbox_destroy(o->box, NULL, NULL);
    pool_destroy(&o->letters);
    free(o);
}

static void *office_thread_begin(void *object)
{
    return pool_thread_begin(&((office *)object)->letters);
}

static void office_thread_end(void *object, void *thread)
{
    (void)object;
    pool_thread_end(thread);
}

bench_inline bool office_put(void *object, void *thread, void *value)
{
    letter *sent = pool_get(thread);
    if (!sent)
        return false;
    sent->value = value;
    (void)weft_mailbox_push(((office *)object)->box, &sent->mail);
    return true;
}

bench_inline bool office_take(void *object, void *thread, void **value)
{
    letter *got = (letter *)(void *)weft_mailbox_take(((office *)object)->box);
    if (!got)
        return false;
    *value = got->value;
    pool_put(thread, got);
    return true;
}

BENCH_CONTAINER(office, office_put, office_take);

const bench_impl bench_weft_mailbox = {
    .name = "weft-mailbox",
    .family = BENCH_MAILBOX,
    .role = BENCH_WEFT,
    .limits = "one consumer",
    .note = "mail recycled by its threads, as every intrusive queue's nodes here",
    .create = office_create,
    .destroy = office_destroy,
    .thread_begin = office_thread_begin,
    .thread_end = office_thread_end,
    .container = &office_ops,
    .drive = office_drive,
};
