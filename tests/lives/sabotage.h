/*
 * Bugs of the library, one for each thing that the oracle checks; lives_test demands that each is found. Some functions
 * are replaced by others that misbehave when lives_sabotage says so.
 */
#ifndef WEFT_TESTS_LIVES_SABOTAGE_H
#define WEFT_TESTS_LIVES_SABOTAGE_H

#include "tests/lives/program.h"

/* The bug `which` shows once in so many calls. */
static bool sabotaged(int which, int once_in)
{
    static atomic_int calls;
    return lives_sabotage == which && atomic_fetch_add(&calls, 1) % once_in == once_in - 1;
}

static int bad_retire(weft_domain *domain, void *object, void (*callback)(void *object, void *ctx), void *ctx)
{
    if (sabotaged(LIVES_TWICE, 50))
        weft_retire_hook(domain, malloc(sizeof(weft_hook)), object, 1, callback, ctx);
    if (sabotaged(LIVES_NEVER, 50))
        return 0;
    if (sabotaged(LIVES_EARLY, 1)) {
        callback(object, ctx);
        return 0;
    }
    if (sabotaged(LIVES_CANCELS, 1))
        pthread_testcancel();
    return weft_retire(domain, object, callback, ctx);
}

static int bad_enqueue(weft_msq *queue, void *value)
{
    return sabotaged(LIVES_LOST, 50) ? 0 : weft_msq_enqueue(queue, value);
}

static bool bad_dequeue(weft_msq *queue, void **value)
{
    static _Atomic(void *) last;
    if (sabotaged(LIVES_AGAIN, 50) && atomic_load(&last)) {
        *value = atomic_load(&last);
        return true;
    }
    bool found = weft_msq_try_dequeue(queue, value);
    if (found)
        atomic_store(&last, *value);
    return found;
}

static void bad_flush(weft_domain *domain)
{
    while (sabotaged(LIVES_HANG, 1))
        usleep(1000);
    weft_domain_flush(domain);
}

static int bad_attach(weft_domain *domain)
{
    int error = weft_domain_attach(domain);
    errno = sabotaged(LIVES_ERRNO, 1) ? ENOMEM : errno;
    return error;
}

static void bad_stats(weft_domain *domain, weft_domain_statistics *out)
{
    weft_domain_stats(domain, out);
    out->pending += sabotaged(LIVES_GARBAGE, 1) ? 100000000 : 0;
    out->allocated += sabotaged(LIVES_CACHES, 1) ? (size_t)1 << 34 : 0;
}

static int bad_barrier(weft_domain *domain, uint64_t timeout_ns)
{
    if (sabotaged(LIVES_UNASKED, 1))
        return 0;
    int error = weft_domain_barrier(domain, timeout_ns);
    return error == -EBUSY && sabotaged(LIVES_NOT_BUSY, 1) ? -ETIMEDOUT : error;
}

static int bad_destroy(weft_domain *domain)
{
    int error = weft_domain_destroy(domain);
    return error && sabotaged(LIVES_DESTROYS, 1) ? 0 : error;
}

static int bad_create(weft_domain **out, const weft_domain_config *config)
{
    int error = weft_domain_create(out, config);
    if (!error && config->allocator.alloc && sabotaged(LIVES_KEEPS, 1))
        return config->allocator.alloc(64, 16, config->allocator.ctx) ? 0 : -ENOMEM;
    return error;
}

static bool bad_remove(weft_map *map, const void *key, void **value)
{
    return sabotaged(LIVES_MISSING, 50) ? false : weft_map_remove(map, key, value);
}

static void bad_leave(weft_guard *guard)
{
    if (sabotaged(LIVES_CRASH, 100))
        raise(SIGSEGV);
    weft_leave(guard);
}

static unsigned *last_taken; /* the first word of the element that was taken last */

/* An element of a program's ring is its number, the inverse of it, and three times its number (world_pipes.h). */
static void spoil(unsigned *element, unsigned number)
{
    element[1] = ~number;
    element[0] = element[2] = element[3] = element[4] = number;
}

static bool bad_ring_push(weft_ring *ring, const void *element)
{
    if (last_taken && sabotaged(LIVES_CHANGED, 1))
        spoil(last_taken, 0);
    return weft_ring_try_push(ring, element);
}

static bool bad_ring_pop(weft_ring *ring, void *element)
{
    bool found = weft_ring_try_pop(ring, element);
    if (found && sabotaged(LIVES_TORN, 20))
        ((unsigned *)element)[3]++;
    return found;
}

static void *bad_take(weft_ring *ring)
{
    return last_taken = weft_ring_take(ring);
}

static void bad_give_back(weft_ring *ring, void *slot)
{
    last_taken = NULL;
    if (!sabotaged(LIVES_ROOM, 1))
        weft_ring_give_back(ring, slot);
}

static bool bad_mailbox_push(weft_mailbox *box, weft_mail *mail)
{
    return weft_mailbox_push(box, mail) || sabotaged(LIVES_WOKEN, 1);
}

static void hang_in_fork(void)
{
    while (sabotaged(LIVES_FORK, 1))
        usleep(1000);
}

static void sabotage_begin(void)
{
    if (lives_sabotage == LIVES_FORK)
        (void)pthread_atfork(NULL, NULL, hang_in_fork);
}

#define weft_retire bad_retire
#define weft_msq_enqueue bad_enqueue
#define weft_msq_try_dequeue bad_dequeue
#define weft_domain_flush bad_flush
#define weft_domain_attach bad_attach
#define weft_domain_stats bad_stats
#define weft_domain_barrier bad_barrier
#define weft_domain_destroy bad_destroy
#define weft_domain_create bad_create
#define weft_map_remove bad_remove
#define weft_leave bad_leave
#define weft_ring_try_push bad_ring_push
#define weft_ring_try_pop bad_ring_pop
#define weft_ring_take bad_take
#define weft_ring_give_back bad_give_back
#define weft_mailbox_push bad_mailbox_push

#endif
