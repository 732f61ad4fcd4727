/*
 * private. Thread records: one per living thread that uses Weft, made at first use, reused after its end, never
 * freed, in one list for the whole process that scans walk without a lock.
 */
#ifndef WEFT_BASE_RECORD_H
#define WEFT_BASE_RECORD_H

#include <weft/base/seam.h>
#include <weft/base/thread.h>

/* Nested guards a thread can hold before the next one links its own memory into the domain: at most WEFT_I_SLOTS. */
#ifndef WEFT_SLOTS
#define WEFT_SLOTS 32
#endif
/* Slots are opened a few at a time, so that scans read few. */
#ifndef WEFT_SLOTS_STEP
#define WEFT_SLOTS_STEP 4
#endif
#ifndef WEFT_HINTS
#define WEFT_HINTS 16
#endif

/* A thread's way to its part of a domain; ids are never reused, so a stale entry cannot match. */
typedef struct weft_i_hint {
    uint64_t id;
    void *local;
} weft_i_hint;

/* One running reclaim callback, on its caller's stack; more than one where a callback destroys another domain. */
typedef struct weft_i_callback {
    const void *domain;
    struct weft_i_callback *outer;
} weft_i_callback;

/* In a record's `attention`: publish with fences; and times THIEF, how many barriers want the thread's lists. */
enum { WEFT_I_FENCES = 1, WEFT_I_THIEF = 2 };

typedef struct weft_i_record {
    weft_i_thread thread; /* first: published */
    struct weft_i_record *next;
    weft_i_atomic_int owned;
    weft_i_atomic_int passed_fence;
    weft_i_slot operation; /* in use: the thread is busy, with the right to its lists (reclaim/local.h) */
    weft_i_atomic_int open; /* slots that were ever free to take */
    size_t number; /* how many records there were before it: tells apart threads that live at once */
    struct weft_i_callback *callback; /* that runs now, the owner's alone */
    const void *sharing;              /* the domain for which it runs callbacks of others */
    weft_i_hint hint[WEFT_HINTS];
} weft_i_record;

/* What reclaim/ wants to know of threads and forks; called with no lock of this file held, but for the fork. */
typedef struct weft_i_record_events {
    void (*exit)(weft_i_record *record);        /* the thread ends: hand over what it holds */
    void (*fork_prepare)(void);                 /* before a fork */
    void (*fork_parent)(void);                  /* after it */
    void (*fork_child)(void);                   /* in the child */
    void (*fork_lost)(weft_i_record *record);   /* in the child, for each thread that is not there any more */
    void (*fork_done)(void);                    /* in the child, last */
} weft_i_record_events;

/* The caller's record, made if need be; NULL: no memory, no key, or this thread's exit hook has already run. */
WEFT_I_PRIVATE weft_i_record *weft_i_record_get(const weft_i_record_events *events, void *default_domain);

/* The caller's record or NULL; makes none. */
WEFT_I_PRIVATE weft_i_record *weft_i_record_peek(void);

/* Opens more slots. False: all are in use. */
WEFT_I_PRIVATE bool weft_i_record_open(weft_i_record *record);

/* Its owner's id as gettid(2) gives it, or gave it if there is none now. */
WEFT_I_PRIVATE int weft_i_record_thread_id(weft_i_record *record);

/* How many of its slots a scan must look at. */
WEFT_I_PRIVATE int weft_i_record_slots(weft_i_record *record);

/* Head of the list of all records; follow ->next. */
WEFT_I_PRIVATE weft_i_record *weft_i_record_first(void);

/*
 * The heavy side of the asymmetric fence: after it, each light fence either comes wholly before it (what was
 * published is seen) or wholly after (what was written before the heavy fence is seen). False: no such promise can be
 * made yet, because membarrier has just failed and some thread has not passed a full fence since.
 */
WEFT_I_PRIVATE bool weft_i_heavy_fence(void);

#endif
