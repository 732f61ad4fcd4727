/* The mailbox: threads 1, 2, ... push and wake, the last one takes and arms. Each wake-up is counted. */
#define _GNU_SOURCE
#include "check/model/explain.h"
#include "tests/cases/operations.h"

#include <weft/queues/mailbox_kernel.h>

typedef struct letter {
    weft_mail mail;
    int64_t value;
} letter;

static weft_mailbox *box;
static letter letters[16 * (KERNEL_THREADS + 1)]; /* by value */
static size_t armed, woken;                       /* the machine runs one thread at a time */
static bool standing;                             /* armed, and no mail taken since: so nobody has heard it yet */
static long bed;                                  /* what the consumer writes before it arms, and who wakes it reads */

static void push(int64_t key, int64_t value)
{
    lin_operation *op = model_begin(LIN_ENQUEUE, 0, value);
    (void)key;
    tell(value);
    letters[value].value = value;
    if (weft_mailbox_push(box, &letters[value].mail)) {
        PLAIN(&bed, false);
        woken++;
    }
    model_end(op, LIN_NOTHING, 0);
}

static bool take_one(void)
{
    lin_operation *op = model_begin(LIN_DEQUEUE, 0, 0);
    letter *got = (letter *)(void *)weft_mailbox_take(box);
    int64_t value = got ? got->value : 0;
    if (got)
        hear(value);
    standing &= !got;
    model_end(op, got ? LIN_VALUE : LIN_NOTHING, value);
    return got;
}

OPERATION(take, (void)take_one())

/* "There is mail" is no answer of a queue, but a take that follows must find it. */
static void arm(int64_t key, int64_t value)
{
    (void)key, (void)value;
    if (armed == 0) /* later, who was woken may still be reading */
        PLAIN(&bed, true);
    if (weft_mailbox_arm(box)) {
        armed += !standing;
        standing = true;
    } else {
        MODEL_CHECK(take_one() && !standing);
    }
}

static const operation operations[] = {
    {"push", "push mail", push, false},
    {"take", "take the oldest mail", take, false},
    {"arm", "arm; if there is mail, take it", arm, false},
    {0},
};

static int create(unsigned before)
{
    int error = weft_mailbox_create(&box);
    for (unsigned i = 1; i <= before && !error; i++)
        push(0, i);
    return error;
}

/* Each successful arm is heard by one push, or still stands. */
static void destroy(void)
{
    size_t stands = weft_i_load(&box->head, memory_order_relaxed) == WEFT_I_MAILBOX_ARMED;
    MODEL_CHECK(armed - woken == stands);
    while (take_one())
        ;
    weft_mailbox_destroy(box, NULL, NULL);
}

static void explain(void)
{
    model_explain(&lin_queue_spec);
}

const structure_kind mailbox_kind = {operations, create, destroy, explain};
