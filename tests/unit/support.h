/*
 * What all unit and stress tests share: checks that work in any thread, an allocator that counts and fails, an
 * environment per test and scheme, threads that start together, threads that do one thing at a time when told, and
 * random numbers that repeat.
 */
#ifndef WEFT_TESTS_UNIT_SUPPORT_H
#define WEFT_TESTS_UNIT_SUPPORT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* included first everywhere */
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>

#include <weft/reclaim/domain.h>

/* cmocka's assertions leave by longjmp, which only the thread that runs the test may do: elsewhere, and in the
 * children of a fork, a failed check ends the process. */
#define CHECK(condition) ((condition) ? (void)0 : t_fail(#condition, __FILE__, __LINE__))
_Noreturn void t_fail(const char *condition, const char *file, int line);

/* Sanitizers make everything 5 to 20 times slower: smaller counts there. */
#if WEFT_I_ASAN || WEFT_I_TSAN
#define T_SANITIZED 1
#else
#define T_SANITIZED 0
#endif
#define T_SCALE(plain, sanitized) (T_SANITIZED ? (sanitized) : (plain))

#define T_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An integer as a pointer, for values and integer keys. */
static inline void *t_ptr(uintptr_t value)
{
    return (void *)value;
}

static inline uintptr_t t_int(const void *pointer)
{
    return (uintptr_t)pointer;
}

/* ---- allocator ---- */

typedef struct t_alloc {
    atomic_size_t bytes;   /* held now */
    atomic_size_t calls;   /* successful allocations so far */
    atomic_size_t refused; /* allocations that failed on purpose */
    atomic_long left;      /* below 0: never fails; n: the allocation after n more fails ... */
    atomic_bool for_good;  /* ... and all after it too */
    atomic_size_t largest; /* 0: no limit; n: an allocation of more than n bytes fails */
} t_alloc;

void t_alloc_init(t_alloc *alloc);
weft_allocator t_allocator(t_alloc *alloc);
/* The nth allocation from now (1 is the next one) fails, and with for_good all later ones. */
void t_alloc_fail(t_alloc *alloc, long nth, bool for_good);
void t_alloc_fail_never(t_alloc *alloc);

/* ---- environment ---- */

/* A test's initial state: the scheme, and what else its table says. */
typedef struct t_case {
    weft_scheme scheme;
    const void *what;
} t_case;

typedef struct t_env {
    weft_scheme scheme;
    const void *what;
    t_alloc alloc;
    weft_domain *domain; /* of that scheme, over that allocator */
} t_env;

/* Teardown destroys the domain, which must succeed and give all memory back. */
int t_env_setup(void **state);
int t_env_teardown(void **state);
weft_domain *t_domain(weft_scheme scheme, t_alloc *alloc);
/* Destroys the domain. Fails unless that gives back all that `alloc` gave. */
void t_domain_done(weft_domain *domain, const t_alloc *alloc);

extern t_case t_hazard, t_epoch;
#define T_CASE(test, label, initial)                                                                                   \
    {                                                                                                                  \
        .name = #test " (" label ")", .test_func = (test), .setup_func = t_env_setup, .teardown_func = t_env_teardown, \
        .initial_state = (initial)                                                                                     \
    }
#define T_BOTH(test) T_CASE(test, "hazard", &t_hazard), T_CASE(test, "epoch", &t_epoch)

weft_domain_statistics t_stats(weft_domain *domain);

/* ---- threads ---- */

/* Runs body(0, ctx) to body(n - 1, ctx) in n threads that start together, and waits for all of them. */
void t_run(unsigned n, void (*body)(unsigned index, void *ctx), void *ctx);

/* The same body, one thread after the other. */
void t_run_in_turn(unsigned n, void (*body)(unsigned index, void *ctx), void *ctx);

/*
 * A thread that runs `body` in a destructor after Weft's exit hook. It has no place in the domain then, so what it
 * retires becomes orphans. The t_last must live until the thread has been joined.
 */
typedef struct t_last {
    pthread_t thread;
    weft_domain *domain;
    void (*body)(void *ctx);
    void *ctx;
    pthread_key_t key;
    int rounds;
} t_last;
void t_last_start(t_last *last, weft_domain *domain, void (*body)(void *ctx), void *ctx);
void t_last_join(t_last *last);

/* A thread that does what it is told, one thing at a time. So a test determines the interleaving. */
typedef struct t_worker {
    pthread_t thread;
    sem_t told, done;
    void (*action)(void *ctx); /* NULL: end */
    void *ctx;
    int thread_id; /* as gettid(2) gives it */
} t_worker;

/* Waits on if a signal interrupts it. */
void t_sem_wait(sem_t *semaphore);

void t_worker_start(t_worker *worker);
/* Returns at once; the worker posts `done`. */
void t_worker_tell(t_worker *worker, void (*action)(void *ctx), void *ctx);
/* Returns when the worker has done it. */
void t_worker_do(t_worker *worker, void (*action)(void *ctx), void *ctx);
void t_worker_end(t_worker *worker);

/* For the usual actions of a worker: enter `domain` with `guard`; protect `source` or set `pointer`, if not NULL. */
typedef struct t_hold {
    weft_guard guard;
    weft_domain *domain;
    weft_atomic_ptr *source;
    const void *pointer;
    void *seen;
} t_hold;

void t_hold_enter(void *hold);
void t_hold_leave(void *hold);

/* Runs `child` in a forked process that is ended by an alarm after `seconds`; fails unless it exits with 0. */
void t_in_child(void (*child)(void *ctx), void *ctx, unsigned seconds);
/* For tests that fork by themselves. First in the child: sets an alarm, and removes cmocka's handlers, which return to
 * the parent's test. In the parent: the child must exit with 0. */
void t_child_begin(unsigned seconds);
void t_child_wait(int pid);

/* ---- retiring ---- */

/* Reclaim callbacks: add one to the atomic_int that ctx points to; free the object, too. */
void t_count(void *object, void *ctx);
void t_count_free(void *object, void *ctx);

/* Retires `n` fresh heap objects that t_count_free counts. */
void t_retire_many(weft_domain *domain, size_t n, atomic_int *count);

/* A barrier without a time limit that must succeed. */
void t_barrier(weft_domain *domain);

/* ---- random numbers ---- */

typedef struct t_rng {
    uint64_t state;
} t_rng;

uint64_t t_random(t_rng *rng);
size_t t_below(t_rng *rng, size_t bound);

/* ---- elements of rings ---- */

/* Element number n: all its bytes depend on n. */
void t_write_element(void *element, size_t size, size_t n);
bool t_is_element(const void *element, size_t size, size_t n);

#endif
