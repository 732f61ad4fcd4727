/*
 * The interface of an implementation: all that the bench, or another tool, needs to know of it.
 *
 * An adapter is one file that defines a `const bench_impl` and is named in registry.c. A driver does:
 *
 *     void *object, *thread;
 *     if (impl->create(&object, &setup) != 0) ...          // one thread
 *     thread = impl->thread_begin(object);                 // each thread, before its first operation; NULL: no memory
 *     impl->container->put(object, thread, value);         // any number of threads, by their own handle
 *     impl->thread_end(object, thread);                    // the same thread, which may have handles of other objects
 *     impl->destroy(object);                               // one thread, after all have ended
 *
 * This header is also C++, for adapters of C++ libraries.
 */
#ifndef BENCH_ADAPTER_H
#define BENCH_ADAPTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum bench_family {
    BENCH_QUEUE,
    BENCH_STACK,
    BENCH_RING,    /* bounded */
    BENCH_SPSC,    /* bounded, one producer and one consumer */
    BENCH_MAILBOX, /* one consumer */
    BENCH_DEQUE,   /* an owner, and thieves */
    BENCH_MAP,
    BENCH_RECLAIM,
    BENCH_WORDS,
    BENCH_FAMILIES
} bench_family;

/* Decides what a row is compared with, and whether a wrong result is our fault or a finding about a peer. */
typedef enum bench_role {
    BENCH_WEFT,     /* a wrong result ends the bench with status 1 */
    BENCH_BASELINE, /* likewise; ratio_to_mutex refers to the first mutex baseline of a family */
    BENCH_PEER,     /* a wrong result is counted and reported */
    BENCH_FLOOR     /* holds no values: nothing to check */
} bench_role;

typedef struct bench_setup {
    size_t capacity;  /* about how many entries the object will hold; 0: unknown */
    unsigned threads; /* the most that will use the object at once, including the creating one */
} bench_setup;

/* In bounded families objects have room for so many values. */
enum { BENCH_PLACES = 1024 };

/* Queue, stack and ring. Values are not NULL, and multiples of 8. */
typedef struct bench_container_ops {
    bool (*put)(void *object, void *thread, void *value); /* false: no memory, or full, which only `bounded` ones are */
    bool (*take)(void *object, void *thread, void **value); /* false: empty; of a deque, the owner's */
} bench_container_ops;

/* Map from 64-bit integers; keys stay below 2^62, values are as above and not owned. */
typedef struct bench_map_ops {
    void *(*get)(void *object, void *thread, uint64_t key);                /* NULL: absent */
    bool (*insert)(void *object, void *thread, uint64_t key, void *value); /* false: present, nothing changed */
    bool (*remove)(void *object, void *thread, uint64_t key);              /* false: absent */
    size_t (*size)(void *object, void *thread);                            /* exact while there are no updates */
} bench_map_ops;

/* What is retired: `room` is for the scheme's data; bench_object_free reclaims the object. */
typedef struct bench_object {
    void *room[8];
    uint64_t value;
    uint64_t *reclaimed; /* counter of the thread that retires it */
} bench_object;

typedef struct bench_cell {
    void *pointer; /* to a bench_object; read and replaced by others */
} bench_cell;

typedef struct bench_reclaim_ops {
    void (*enter)(void *object, void *thread);
    void (*leave)(void *object, void *thread);
    bench_object *(*protect)(void *object, void *thread, bench_cell *cell); /* inside enter and leave */
    void (*retire)(void *object, void *thread, bench_object *what);         /* NULL: this one never reclaims */
    void (*flush)(void *object, void *thread);                              /* reclaims what can be reclaimed now */
} bench_reclaim_ops;

/* One thread's part in a measurement (worker.h). */
typedef struct bench_worker bench_worker;

typedef struct bench_impl {
    const char *name;
    const char *scheme; /* "hazard", "epoch", or NULL */
    bench_family family;
    bench_role role;
    /* The ways in which it is not unbounded, lock-free and linearizable, in the words of bench/README.md, joined by
       ", "; NULL: none. Tables and the page show this. */
    const char *limits;
    const char *note;                                       /* one line that a reader of the table must know, or NULL */
    const char *broken;                                     /* one line: a known fault of this version, or NULL */
    int (*create)(void **object, const bench_setup *setup); /* 0, or -errno */
    void (*destroy)(void *object);
    void *(*thread_begin)(void *object);
    void (*thread_end)(void *object, void *thread);
    bool bounded;                         /* a full one refuses a value, and the bench asks again */
    const bench_container_ops *container; /* only the table of its family is set */
    const bench_map_ops *map;
    const bench_reclaim_ops *reclaim;
    void (*drive)(bench_worker *worker); /* the measured loops, made from the functions above (loops_*.h) */
} bench_impl;

/* For adapters without thread handles: begin returns the object itself, end does nothing. */
void *bench_no_thread_begin(void *object);
void bench_no_thread_end(void *object, void *thread);

/* Counts the object as reclaimed and frees it; any thread. */
void bench_object_free(bench_object *object);

/* All implementations of this program, and the names of those that it was built without; each list ends with NULL. */
extern const bench_impl *bench_impls[];
extern const char *bench_left_out[];

#ifdef __cplusplus
}
#endif

#endif
