/*
 * Safe memory reclamation: domains and guards.
 *
 * What. A lock-free structure unlinks an object while others may still be looking at it. Readers hold a guard; the
 * remover retires the object; the domain frees it once no guard can reach it. Weft's structures do this inside; this
 * interface is theirs and yours, for structures of your own (docs/using.md has a whole example).
 *
 *     weft_guard guard;
 *     weft_enter(&guard, NULL);                            // NULL: the process's default domain
 *     struct config *c = weft_protect(&guard, &current);   // valid until the guard is left or used again
 *     use(c);
 *     weft_leave(&guard);
 *     ...
 *     old = weft_ptr_exchange(&current, fresh);
 *     weft_retire_hook(NULL, &old->hook, old, sizeof *old, free_config, NULL);
 *
 * Where weft_retire finds no memory (-ENOMEM), the object is still the caller's, and readers may be looking at it: it can only be kept,
 * and retired later. No barrier helps, since a barrier waits for what was retired. So put a weft_hook into what you unlink:
 * weft_retire_hook cannot fail.
 *
 * Which scheme. WEFT_HAZARD bounds what can be pending whatever a reader does; each pointer followed costs a store and
 * a second read. WEFT_EPOCH makes following pointers free, and one guard held for long holds back everything that is
 * retired meanwhile. Structures take the scheme of their domain. When in doubt: hazard pointers, the default.
 *
 * When not. For one reader and one writer, or where a mutex is never contended, neither is needed.
 *
 * Threads need no registration: the first use makes the thread's record (under a lock; weft_domain_attach does it
 * ahead). The thread's exit leaves its guards, reclaims what it had retired, hands what somebody still holds to the domain,
 * and frees the record for reuse: callbacks and the domain's allocator are called there, too.
 * What a thread does after its exit hook has run (in later destructors of its keys) works, more slowly.
 * A reclaim callback may end its thread (pthread_exit, or cancelled), also one that the exit hook has called, or a barrier:
 * that barrier ends, and what it had taken is the domain's. Not so in the destructor of a key of your own, where POSIX leaves
 * pthread_exit undefined: the C library may then call no other destructor, and the thread's guards are held for ever.
 * A signal handler must neither end its thread nor fork while the thread may be inside a function of Weft's, since that may hold
 * a lock.
 * After a fork the child goes on with all that it inherited: guards of threads that are not there count as left, what
 * they had retired and what their barriers had taken is the domain's, but for what they were moving from one list to another
 * at that instant, at most one list each, which is never reclaimed. The handlers of a fork call no code of the user's: an
 * allocator may have locks and fork handlers of its own.
 * Nothing here may be called from a signal handler except enter, protect, set, refresh and leave, in balance, in a
 * thread that has used Weft before. If a thread may end while it holds more than 32 guards, or holds any without a record
 * (there was no memory for it, or the exit hook has run), keep those guards, iterators too, in memory that outlives the thread.
 * Nothing of Weft's is a cancellation point; asynchronous cancellation (PTHREAD_CANCEL_ASYNCHRONOUS) is unsupported.
 * A program that is compiled with -DWEFT_DEBUG is ended, with a line on standard error that says why, where it leaves or uses a
 * guard that has been left, or that another thread has entered, or enters a domain that has been destroyed. Where the library is
 * compiled so, too, likewise where a structure or domain is used that has been destroyed, and where an object is retired twice.
 *
 * Numbers the implementation is built on (compile-time, for the library as a whole): a thread reclaims in batches of
 * WEFT_BATCH retired objects (1024) or WEFT_BATCH_BYTES (4 MiB). It asks all threads to pass a fence, which each does with its
 * next guard or operation. If some have not done so after half a batch more, one membarrier(2) interrupts those that run; those
 * that sleep are not waited for again until they move. Then the batch is compared with what guards hold in steps of 512 objects, one
 * with each 64th retirement. Then two callbacks are called per retirement, four retirements' at once, or more where callbacks
 * retire, too. Under epochs, after a guard that was held for long, the next look at the guards comes only after an eighth as many
 * retirements as are waiting. For its next allocations a thread keeps at most WEFT_CACHE nodes (2048) of each class, one of 32 and
 * two of 64 bytes, and a domain four such lists of each. Nodes beyond that wait, as pending, to go back to the allocator, two per
 * retirement; under epochs, while the thread itself takes nodes from there, those alone that it has not needed for 256 batches.
 * Where membarrier is refused, publishing costs a full fence instead. Where it is refused late, by a filter that comes after the
 * first use, each scan interrupts the processors by a change of the page tables until all threads publish so; where that
 * cannot be either (other processors than x86, AMD's INVLPGB, mlock refused), nothing is reclaimed until every thread that
 * has a record has used a guard or an operation once more, or has ended, and the bound waits so long.
 *
 * Bound on what is pending under WEFT_HAZARD. Let T be the number of threads that have used the domain and have not ended
 * yet, and H the number of words that can hold objects back: 3 for each guard held at once, and for each thread. Then at
 * any time at most
 *
 *     (T + 1) * (2 * B + H)    with B = max(WEFT_BATCH, H)
 *
 * objects are retired and not yet reclaimed, however many threads have come and gone, and twice as many while a barrier
 * runs the callbacks of what it has taken. Reclaim callbacks' own retirements are not counted. Under WEFT_EPOCH there is no
 * bound; weft_domain_stats names the thread that holds reclamation back.
 *
 * Progress: enter, leave, protect, set and refresh are lock-free, wait-free under epochs and wait-free bounded for
 * hazards but for protect, which retries when its source changes. When a thread has more than 32 guards at once, or no
 * memory for its record, a guard links itself into the domain under a lock that is held while the list of such guards is walked.
 * Retiring is lock-free except for the callbacks it runs. One exception, under WEFT_HAZARD: where the thread has no lists of
 * its own here (no memory, its exit hook has run, a barrier has them), and two batches of objects of such threads wait, it waits
 * for the thread that is reclaiming them. Errors: 0 or a negative errno; errno itself is not touched.
 */
#ifndef WEFT_RECLAIM_DOMAIN_H
#define WEFT_RECLAIM_DOMAIN_H

#include <weft/reclaim/guard.h>

WEFT_BEGIN_DECLS

/*
 * Memory for structures and nodes of a domain. `free` gets the size that `alloc` was given. Must be thread-safe. No lock of Weft's
 * is held over them, and no fork handler calls them; they may use Weft, but not structures of the same domain. They should not
 * end their thread: what the call that they are in has allocated is lost then, and what it would have called back.
 */
typedef struct weft_allocator {
    void *(*alloc)(size_t size, size_t alignment, void *ctx); /* NULL where there is none */
    void (*free)(void *memory, size_t size, void *ctx);
    void *ctx;
} weft_allocator;

/* Zero in a field means its default. */
typedef struct weft_domain_config {
    weft_scheme scheme;       /* default WEFT_HAZARD */
    weft_allocator allocator; /* default: malloc and free; both functions or neither */
    void *reserved[4];        /* zero */
} weft_domain_config;

/* Figures of one moment; exact when no other thread uses the domain. */
typedef struct weft_domain_statistics {
    size_t threads;       /* that have a place in the domain: they retired in it, used a structure of it, or attached */
    size_t guards_held;   /* by any thread */
    size_t retired;       /* objects, since the domain's creation */
    size_t reclaimed;     /* of these, given to their callback or recycled */
    size_t pending;       /* retired - reclaimed */
    size_t pending_bytes; /* of these, as far as sizes are known (weft_retire tells none) */
    size_t pending_peak;  /* highest `pending` that a batch or this call met */
    size_t allocated;     /* bytes held through the domain's allocator or mapped, caches included */
    uint64_t blocker_age_ns; /* of the guard that is in the way: since the first reclamation that met it; 0: none */
    int blocker_thread;      /* its thread's id as gettid(2) gives it; 0: none, or unknown */
    size_t reserved[6];
} weft_domain_statistics;

typedef struct weft_i_hook {
    struct weft_i_hook *next;
    const struct weft_i_kind *kind;
} weft_i_hook;

/* Where weft_retire_hook keeps its notes: part of your object or of anything that lives until the callback runs. */
typedef struct weft_hook {
    weft_i_hook link; /* all fields are the domain's */
    void *object;
    size_t size;
    void (*reclaim)(void *object, void *ctx);
    void *ctx;
    void *reserved[2];
} weft_hook;

/*
 * Makes a domain. NULL config: defaults. -ENOMEM; -EINVAL: `out` NULL, unknown scheme, half an allocator. On error
 * *out is NULL. The domain must outlive its structures.
 */
WEFT_API WEFT_NODISCARD int weft_domain_create(weft_domain **out, const weft_domain_config *config);

/*
 * Reclaims everything that is left and frees the domain. -EBUSY: a guard is held, a structure uses it, a thread is in a
 * barrier of it, or a reclaim callback of this domain has called; -EBUSY also inside a callback of another domain while an
 * ending thread is at work in this one, and inside eight nested callbacks. Then nothing has happened. -EINVAL: NULL or the
 * default domain. No other thread may be using it; threads that end and had used it are waited for. It goes on for as long as
 * callbacks retire again; one that ends its thread leaves the domain as it is.
 */
WEFT_API WEFT_NODISCARD int weft_domain_destroy(weft_domain *domain);

/* The process's own domain: hazard pointers, malloc. Cannot fail and cannot be destroyed. */
WEFT_API weft_domain *weft_default_domain(void);

/*
 * Hands over an unlinked object: `reclaim(object, ctx)` is called once, by any thread, when no guard protects it. The
 * caller must have made it unreachable for new readers. -ENOMEM: then nothing happened; -EINVAL: object or reclaim NULL.
 */
WEFT_API WEFT_NODISCARD int weft_retire(weft_domain *domain, void *object, void (*reclaim)(void *object, void *ctx),
                                        void *ctx);

/*
 * The same without memory of its own, so that it cannot fail; any hazard inside [object, object + size) holds the
 * object back, so that pointers into it may be protected. `hook` must stay valid until the callback is called, which
 * may free it. A NULL hook, object or reclaim: nothing is done.
 */
WEFT_API void weft_retire_hook(weft_domain *domain, weft_hook *hook, void *object, size_t size,
                               void (*reclaim)(void *object, void *ctx), void *ctx);

/* Optional: makes this thread's record and its place in the domain now. 0 or -ENOMEM (all works without it, slower). */
WEFT_API WEFT_NODISCARD int weft_domain_attach(weft_domain *domain);

/* Reclaims what this thread and ended ones have retired and nobody holds, and returns this thread's caches. */
WEFT_API void weft_domain_flush(weft_domain *domain);

/*
 * Returns 0 when all that any thread had retired before the call has been reclaimed: not what was only unlinked. -EBUSY:
 * called inside an own guard of the domain or a reclaim callback of it, or eight callbacks deep; -ETIMEDOUT after timeout_ns
 * (0: one try; UINT64_MAX: no end). Blocks. Other threads' retirements go on meanwhile, and so does the bound.
 */
WEFT_API WEFT_NODISCARD int weft_domain_barrier(weft_domain *domain, uint64_t timeout_ns);

/*
 * Gives back all memory that the library keeps for later: the caches and what is pending in the default domain, the records of
 * this thread and of those that have ended. For a program's end, so that a leak checker finds nothing that is still reachable;
 * the system takes it all back without, too. To be called when no other thread uses the library any more: those that did have
 * been joined, or never use it again. All domains have been destroyed, and all structures of the default one. Runs reclaim
 * callbacks, and goes on for as long as these retire again; blocks only as weft_domain_barrier does.
 *
 * 0: it is done, and the library is as before its first use: it may be used again, by any thread, and shut down again. -EBUSY:
 * another thread has a record (it has used the library and has not ended), a guard is held, a structure or a domain is still there,
 * or a reclaim callback has called. Then nothing has happened, unless a callback that this call has run is the reason: what was
 * pending has been reclaimed then, and nothing else.
 *
 * What was lost before stays lost: in a fork's child, what other threads were moving from one list to another; and the record of
 * a thread that its callbacks ended again and again until the system no longer called its destructors: -EBUSY for ever.
 * Where a program has several copies of the library (in a plugin, or with WEFT_STATIC), this is about the copy that is called.
 */
WEFT_API WEFT_NODISCARD int weft_shutdown(void);

/* Fills *out; NULL out: nothing is done. */
WEFT_API void weft_domain_stats(weft_domain *domain, weft_domain_statistics *out);

WEFT_END_DECLS

#endif
