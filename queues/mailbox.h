/*
 * weft_mailbox: unbounded FIFO queue of any number of producers and one consumer. It is intrusive and allocates nothing;
 * signal handlers may push.
 *
 * Source: a stack by compare-and-swap (R. K. Treiber, IBM RJ 5118, 1986) that the consumer takes whole by one exchange and
 * turns round, as Linux's llist and folly's AtomicNotificationQueue do. That the consumer waits is said in the head's own
 * word.
 *
 * When. An actor's or event loop's inbox; work handed to one thread; a signal handler that reports. The push that must
 * wake the consumer knows it. When not: more than one consumer: weft_segq. No memory of the items' own: weft_segq.
 *
 * Mail. A weft_mail is a member of your object. While it is in a box, it is the box's: you neither change, free nor push it.
 * After take or drain it is yours again.
 *
 * Roles. Anybody may push, also a signal handler that has interrupted any function here, push and take of the same box
 * included. One thread at a time is the consumer: it calls take and arm. create and destroy run alone.
 *
 * Cost. Nothing but the member. One compare-and-swap to push; one exchange for all that has come since, and for each a walk
 * of one step, to take.
 *
 * Linearizable: a push takes effect at its compare-and-swap. A take that gives mail takes effect at any moment of its call,
 * since nobody else takes; "empty" and arm at the read, or the compare-and-swap, of the head.
 * Progress: push is lock-free. take is wait-free but for the mail that has come: its cost is one step for each, once.
 * A NULL box, or NULL mail: false, NULL, or nothing done. No function here is a cancellation point, except inside `drain`.
 */
#ifndef WEFT_QUEUES_MAILBOX_H
#define WEFT_QUEUES_MAILBOX_H

#include <weft/base/typed.h>

WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_mailbox weft_mailbox;

/* A member of an object that is to be pushed. It needs no initialisation. */
typedef struct weft_mail {
    struct weft_mail *weft_i_next;
} weft_mail;

/* -ENOMEM; -EINVAL: `out` NULL. On error *out is NULL. Blocks as malloc does. */
WEFT_API WEFT_NODISCARD int weft_mailbox_create(weft_mailbox **out);

/*
 * Adds the mail at the end. True: the consumer was armed, and is not any more: wake it. One push for each successful arm
 * hears that. Async-signal-safe: a handler may push to any box, whatever it has interrupted.
 */
WEFT_API bool weft_mailbox_push(weft_mailbox *box, weft_mail *mail);

/* Takes the oldest mail, which is the consumer's from now on. NULL: there is none. */
WEFT_API WEFT_NODISCARD weft_mail *weft_mailbox_take(weft_mailbox *box);

/*
 * Says that the consumer is about to sleep: the next push returns true. False: there is mail, and nothing has changed.
 * Arming twice is arming once. A consumer that wakes for another reason stays armed, and may take; then the next push
 * returns true all the same.
 */
WEFT_API WEFT_NODISCARD bool weft_mailbox_arm(weft_mailbox *box);

/* Frees the box. `drain(mail, ctx)` gets what is still inside, oldest first (NULL: it is left to its owners). */
WEFT_API void weft_mailbox_destroy(weft_mailbox *box, void (*drain)(weft_mail *mail, void *ctx), void *ctx);

WEFT_END_DECLS

#ifndef __cplusplus
/*
 * A typed view: WEFT_MAILBOX_OF(inbox, struct message, mail), where `mail` is the weft_mail among the members of struct
 * message. inbox_push and inbox_take have struct message * in its place.
 */
/* clang-format off */
#define WEFT_MAILBOX_OF(name, type, member)                                                                            \
    typedef struct name name;                                                                                          \
    typedef struct name##_i_each {                                                                                     \
        void (*function)(type *object, void *ctx);                                                                     \
        void *ctx;                                                                                                     \
    } name##_i_each;                                                                                                   \
    weft_i_typed type *name##_i_object(weft_mail *mail)                                                                \
    {                                                                                                                  \
        return mail ? (type *)(void *)((char *)mail - offsetof(type, member)) : NULL;                                  \
    }                                                                                                                  \
    weft_i_typed void name##_i_call(weft_mail *mail, void *each)                                                       \
    {                                                                                                                  \
        ((name##_i_each *)each)->function(name##_i_object(mail), ((name##_i_each *)each)->ctx);                        \
    }                                                                                                                  \
    weft_i_typed weft_mailbox *name##_untyped(name *typed) { return (weft_mailbox *)(void *)typed; }                   \
    WEFT_NODISCARD weft_i_typed int name##_create(name **out)                                                          \
    {                                                                                                                  \
        weft_mailbox *made = NULL;                                                                                     \
        int error = weft_mailbox_create(out ? &made : NULL);                                                           \
        if (out)                                                                                                       \
            *out = (name *)(void *)made;                                                                               \
        return error;                                                                                                  \
    }                                                                                                                  \
    weft_i_typed bool name##_push(name *typed, type *object)                                                           \
    {                                                                                                                  \
        return weft_mailbox_push(name##_untyped(typed), object ? &object->member : NULL);                              \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed type *name##_take(name *typed)                                                         \
    {                                                                                                                  \
        return name##_i_object(weft_mailbox_take(name##_untyped(typed)));                                              \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_arm(name *typed) { return weft_mailbox_arm(name##_untyped(typed)); }       \
    weft_i_typed void name##_destroy(name *typed, void (*drain)(type *object, void *ctx), void *ctx)                   \
    {                                                                                                                  \
        name##_i_each call = {drain, ctx};                                                                             \
        weft_mailbox_destroy(name##_untyped(typed), drain ? name##_i_call : NULL, &call);                              \
    }                                                                                                                  \
    typedef name name##_i_end
/* clang-format on */
#endif

#endif
