/*
 * Safe memory reclamation: domains and guards.
 *
 * What. A thread unlinks an object from a lock-free structure while other threads may still read it. Readers hold a
 * guard, the remover retires the object, and the domain frees it once no guard can reach it. Weft's structures do this
 * inside. You can do the same for structures of your own (docs/reclamation.md goes through an example).
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
 * If weft_retire finds no memory (-ENOMEM), the object still belongs to the caller, and readers may still look at it.
 * The caller can only keep it and retire it later. A barrier does not help, since it waits only for retired objects. So
 * put a weft_hook into each object that you unlink: weft_retire_hook cannot fail.
 *
 * Which scheme. WEFT_HAZARD bounds the number of pending objects, whatever a reader does. Each pointer followed costs a
 * store and a second read. Under WEFT_EPOCH following pointers is free, but one guard that is held for long holds back
 * everything that is retired meanwhile. Structures use the scheme of their domain. When in doubt, use hazard pointers,
 * the default.
 *
 * When not. Neither is needed with one reader and one writer, or where a mutex is never contended.
 *
 * Threads need no registration: the first use makes the thread's record, under a lock (weft_domain_attach does it
 * ahead). When a thread exits, Weft's exit hook leaves its guards, reclaims what the thread has retired, passes objects
 * that are still protected to the domain, and frees the record for reuse. The hook calls reclaim callbacks and the
 * domain's allocator. The thread may use Weft after its exit hook, in later destructors of its keys; this is slower.
 *
 * A reclaim callback may end its thread, by pthread_exit or because it is cancelled. This holds for a callback that the
 * exit hook or a barrier has called, too: that barrier ends, and the domain takes over the objects that it had taken.
 * It does not hold in the destructor of a key of your own, where POSIX leaves pthread_exit undefined: the C library may
 * then call no other destructor, and the thread's guards are held for ever. A signal handler must neither end its
 * thread nor fork while the thread may be inside a function of Weft, which may hold a lock.
 *
 * After a fork the child goes on with all that it inherited. Guards of the parent's other threads count as left. The
 * domain takes over what those threads had retired and what their barriers had taken. There is one exception: if such a
 * thread was moving objects from one list to another at that instant, these (one list per thread at most) are never
 * reclaimed. The library's fork handlers (pthread_atfork) call no user code, since an allocator may have locks and fork
 * handlers of its own. A fork handler of yours may use Weft if it is registered after the library was loaded, as every one is
 * that main registers. One that an earlier constructor has registered runs while the library's handlers hold its locks,
 * and must not use Weft.
 *
 * A signal handler may call what a structure's header allows it. Else it may call only enter, protect, set, refresh and
 * leave, in balance, and only in a thread that has used Weft before, and had memory for its record (weft_domain_attach
 * says). If a thread may end while it holds more than 32 guards, or any guard without a record (there was no memory for
 * one, or the exit hook has run), keep those guards, and iterators, in memory that outlives the thread. No function of
 * Weft is a cancellation point. Asynchronous cancellation (PTHREAD_CANCEL_ASYNCHRONOUS) is unsupported.
 *
 * A program compiled with -DWEFT_DEBUG aborts, and writes the reason to standard error, if it uses or leaves a guard
 * that has been left or that another thread has entered, or enters a domain that has been destroyed. If the library is
 * compiled with -DWEFT_DEBUG, too, it does the same if a destroyed structure or domain is used, if an object is retired
 * twice, or if a fork handler uses Weft that must not.
 *
 * Constants of the implementation (compile-time, for the library as a whole):
 * - A thread reclaims in batches of WEFT_BATCH retired objects (1024) or WEFT_BATCH_BYTES (4 MiB).
 * - For each batch it asks all threads to pass a fence, which each does with its next guard or operation. If some have
 *   not done so after half a batch more, one membarrier(2) interrupts the threads that run, for all batches that wait.
 *   Threads that sleep are not waited for again until they run.
 * - Then it compares the batch with what guards hold, 512 objects at a time, one such step with each 64th retirement.
 * - Then it calls two callbacks per retirement, those of four retirements at once; more if callbacks retire, too.
 * - Under epochs, after a guard that was held for long, it looks at the guards again only after an eighth as many
 *   retirements as objects wait.
 * - For its next allocations a thread keeps at most WEFT_CACHE nodes (2048) of each class: one class has 32 bytes, two
 *   have 64. A domain keeps four such lists of each class. Arrays of 16.4 KiB are a fourth class: of these 8 count as a
 *   batch (of a thread's own, not of orphans), and a list has 16 at most. Further nodes stay pending until they go back
 *   to the allocator, two per retirement. Under epochs, while the thread itself takes nodes from there, it gives back
 *   only those that it has not needed for 256 * 1024 retirements.
 *
 * Where the kernel refuses membarrier, publishing costs a full fence instead. If it refuses later, by a filter that
 * comes after the first use, each scan interrupts the processors by a change of the page tables until all threads
 * publish with fences. Where that is impossible, too (processors other than x86, AMD's INVLPGB, mlock refused), nothing
 * is reclaimed until every thread with a record has used a guard or an operation once more, or has ended; the bound
 * below does not hold until then.
 *
 * Bound on what is pending under WEFT_HAZARD. Let T be the number of threads that have used the domain and have not
 * ended yet, and H the number of words that can hold objects back: 3 for each guard held at once, and 3 for each
 * thread. Then at any time at most
 *
 *     (T + 1) * (2 * B + H)    with B = max(WEFT_BATCH, H)
 *
 * objects are retired and not yet reclaimed, however many threads have come and gone. While a barrier runs the
 * callbacks of what it has taken, the bound is twice as high. What reclaim callbacks retire is not counted. Under
 * WEFT_EPOCH there is no bound; weft_domain_stats names the thread that holds reclamation back.
 *
 * Progress: enter, leave, protect, set and refresh are lock-free. Under epochs they are wait-free. Under hazard
 * pointers they are wait-free bounded, except protect, which retries when its source changes. If a thread has more than
 * 32 guards at once, or no memory for its record, a guard links itself into the domain under a lock, which is held
 * while the list of such guards is walked. Retiring is lock-free except for the callbacks it runs. There is one
 * exception, under WEFT_HAZARD: a thread without lists of its own (no memory, its exit hook has run, or a barrier has
 * them) waits for the thread that is reclaiming the objects of such threads if two batches of them are pending.
 *
 * Errors: 0 or a negative errno; errno itself is not touched.
 */
#ifndef WEFT_RECLAIM_DOMAIN_H
#define WEFT_RECLAIM_DOMAIN_H

#include <weft/reclaim/guard.h>

WEFT_BEGIN_DECLS

/*
 * Memory for structures and nodes of a domain. `free` gets the size that `alloc` was given. Both must be thread-safe.
 * Weft holds no lock while it calls them, and no fork handler calls them. They may use Weft, but not structures of the
 * same domain. They should not end their thread: then what the current call of Weft has allocated is lost, and
 * callbacks that it was about to make are not made.
 */
typedef struct weft_allocator {
    void *(*alloc)(size_t size, size_t alignment, void *ctx); /* returns NULL if there is no memory */
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
    size_t pending_peak;  /* highest `pending` that any batch or this call has seen */
    size_t allocated;     /* bytes held through the domain's allocator or mapped, caches included */
    uint64_t blocker_age_ns; /* since a scan first met the guard that holds objects back; 0: there is none */
    int blocker_thread;      /* id of that guard's thread, as of gettid(2); 0: none, or unknown */
    size_t reserved[6];
} weft_domain_statistics;

typedef struct weft_i_hook {
    struct weft_i_hook *next;
    const struct weft_i_kind *kind;
} weft_i_hook;

/*
 * What weft_retire_hook needs to remember. Put it into your object, or into anything that lives until the callback
 * runs.
 */
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
 * Reclaims everything that is left and frees the domain. No other thread may be using it; threads that are ending and
 * had used it are waited for. Continues as long as callbacks retire again. If a callback ends its thread, the domain
 * stays alive. -EINVAL: NULL or the default domain. -EBUSY, and nothing has happened: a guard is held, a structure uses
 * the domain, a thread is in a barrier of it, or the caller is a reclaim callback of this domain; a callback of another
 * domain while an ending thread is at work in this one; or eight nested callbacks.
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
 * Like weft_retire, but needs no memory and so cannot fail. Any hazard inside [object, object + size) holds the object
 * back, so that pointers into it may be protected. `hook` must stay valid until the callback is called, which may free
 * it. A NULL hook, object or reclaim: nothing is done.
 */
WEFT_API void weft_retire_hook(weft_domain *domain, weft_hook *hook, void *object, size_t size,
                               void (*reclaim)(void *object, void *ctx), void *ctx);

/*
 * Optional: makes the thread's record and its lists in the domain now. 0 or -ENOMEM (then all works, but more slowly).
 */
WEFT_API WEFT_NODISCARD int weft_domain_attach(weft_domain *domain);

/* Reclaims what this thread and ended threads have retired and no guard holds; frees this thread's cached nodes. */
WEFT_API void weft_domain_flush(weft_domain *domain);

/*
 * Returns 0 when all that any thread had retired before the call has been reclaimed. It does not wait for objects that
 * were only unlinked. -EBUSY: the caller holds a guard of the domain, is in a reclaim callback of it, or is eight
 * callbacks deep. -ETIMEDOUT after timeout_ns (0: one try; UINT64_MAX: no limit). Blocks. Other threads may retire
 * meanwhile, and the bound holds.
 */
WEFT_API WEFT_NODISCARD int weft_domain_barrier(weft_domain *domain, uint64_t timeout_ns);

/*
 * Frees all memory that the library keeps for later: the caches and pending objects of the default domain, and the
 * records of this thread and of ended threads. Meant for a program's end, so that a leak checker finds nothing still
 * reachable; the system takes the memory back without this call, too. Preconditions: the other threads that used the
 * library have been joined, or never use it again. All domains have been destroyed, and all structures of the default
 * domain. Runs reclaim callbacks, and continues as long as these retire again; blocks only as weft_domain_barrier does.
 *
 * 0: the library is as before its first use. Any thread may use it again, and it may be shut down again. -EBUSY:
 * another thread has a record (it has used the library and has not ended), a guard is held, a structure or a domain
 * still exists, or the caller is a reclaim callback. Then nothing has happened, unless a callback that this call has
 * run is the reason: then the pending objects have been reclaimed, and nothing else has happened.
 *
 * Two things cannot be given back. In a fork's child, objects that other threads were moving from one list to another
 * stay lost. If callbacks ended a thread again and again until the system no longer called its destructors, its record
 * stays owned, and the result is -EBUSY for ever. If a program has several copies of the library (in a plugin, or with
 * WEFT_STATIC), this is about the copy that is called.
 */
WEFT_API WEFT_NODISCARD int weft_shutdown(void);

/* Fills *out; NULL out: nothing is done. */
WEFT_API void weft_domain_stats(weft_domain *domain, weft_domain_statistics *out);

WEFT_END_DECLS

#endif
