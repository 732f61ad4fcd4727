/*
 * private. Thread records: one per living thread that uses Weft, made at first use, reused after its end, in one list for the
 * whole process that scans walk without a lock. Only weft_shutdown frees them. life.h tells how one is had and lost.
 */
#ifndef WEFT_RECLAIM_RECORD_H
#define WEFT_RECLAIM_RECORD_H

#include <weft/base/seam.h>
#include <weft/reclaim/thread.h>

/* Nested guards a thread can hold before the next one links its own memory into the domain: at most WEFT_I_SLOTS. */
#ifndef WEFT_SLOTS
#define WEFT_SLOTS 32
#endif
/* Scans read so many slots more each time a thread holds more guards at once than ever. */
#ifndef WEFT_SLOTS_STEP
#define WEFT_SLOTS_STEP 4
#endif
#ifndef WEFT_HINTS
#define WEFT_HINTS 16
#endif

/* A thread's way to its place in a domain; ids are never reused, so a stale entry cannot match. */
typedef struct weft_i_hint {
    uint64_t id;
    void *local;
} weft_i_hint;

/*
 * In a record's `attention`: publish with fences; say that you have been here, and that you had not when others passed a heavy fence
 * (handshake.h); and times TAKER, how many barriers want the thread's lists.
 */
enum {
    WEFT_I_FENCES = 1,
    WEFT_I_ASKED = 2,
    WEFT_I_MARKED = 4,
    WEFT_I_ABSENT = 8,
    WEFT_I_QUESTIONS = WEFT_I_ASKED | WEFT_I_MARKED | WEFT_I_ABSENT,
    WEFT_I_TAKER = 16
};

/*
 * The order of locks: a thread that holds one takes only those below it in this list. None is ever held while code of the user's
 * runs, allocators included. Checked where the library is compiled with -DWEFT_DEBUG.
 */
enum {
    WEFT_I_RANK_DOMAINS,  /* registry.c: the list of domains */
    WEFT_I_RANK_OWNERS,   /* a domain's, as the next two: who is attached to which place */
    WEFT_I_RANK_LINKED,   /* its linked guards */
    WEFT_I_RANK_BLOCKER,  /* what its statistics name */
    WEFT_I_RANK_RECORDS,  /* record.c: who owns which */
    WEFT_I_RANK_FENCE,    /* fence.c: the mode */
    WEFT_I_RANK_PREPARING /* life.c: only tried for */
};

/* docs/reclamation.md has the table. */
typedef enum weft_i_life { WEFT_I_FREE, WEFT_I_IN_USE, WEFT_I_ENDING } weft_i_life;

typedef struct weft_i_record {
    weft_i_thread thread; /* first: published */
    struct weft_i_record *next;
    weft_i_atomic_int owned;
    weft_i_atomic_int passed_fence;
    weft_i_slot operation;      /* in use: the thread is busy, with the right to its lists (reclaim/state.h) */
    weft_i_atomic_int open;     /* slots that were ever taken, rounded up */
    size_t number;              /* how many records there were before it: tells apart threads that live at once */
    weft_i_life life;           /* the owner's alone, as the next two */
    struct weft_domain *visits; /* ENDING: keeps this one from being destroyed */
    weft_i_hint hint[WEFT_HINTS];
} weft_i_record;

/* What a thread without a record points to. */
WEFT_I_PRIVATE_OBJECT weft_i_record weft_i_no_record;

/* Takes a free record, or makes one. NULL: no memory. It publishes with fences until told otherwise. */
WEFT_I_PRIVATE weft_i_record *weft_i_record_take(void);

/* All guards in it count as left. */
WEFT_I_PRIVATE void weft_i_record_leave_all(weft_i_record *record);

/* The same, and another thread may take it. */
WEFT_I_PRIVATE void weft_i_record_give_back(weft_i_record *record);

/* Whether a thread owns it. */
WEFT_I_PRIVATE bool weft_i_record_owned(weft_i_record *record);

/* The caller's record or NULL; makes none. */
WEFT_I_PRIVATE weft_i_record *weft_i_record_peek(void);

/* The caller's id as gettid(2) gives it. */
WEFT_I_PRIVATE int weft_i_thread_id(void);

/* Its owner's id as gettid(2) gives it, or gave it if there is none now. */
WEFT_I_PRIVATE int weft_i_record_thread_id(weft_i_record *record);

/* A free slot for a nested guard, which is the caller's from then on. NULL: all are in use. */
WEFT_I_PRIVATE weft_i_slot *weft_i_record_take_slot(weft_i_record *record);

/* The slot has been emptied and may be taken again. */
WEFT_I_PRIVATE void weft_i_record_give_slot(weft_i_record *record, const weft_i_slot *slot);

/* The slots that a scan looks at: from WEFT_I_OPERATION up to, and without, the first that was never taken. */
enum { WEFT_I_OPERATION = -1 };
WEFT_I_PRIVATE int weft_i_record_slots(weft_i_record *record);

weft_i_inline weft_i_slot *weft_i_record_slot(weft_i_record *record, int i)
{
    return i == WEFT_I_OPERATION ? &record->operation : &record->thread.slot[i];
}

/* Head of the list of all records; follow ->next. */
WEFT_I_PRIVATE weft_i_record *weft_i_record_first(void);

/* The same; the list is empty then, and they are the caller's to free. Nobody owns one, and no other thread walks the list. */
WEFT_I_PRIVATE weft_i_record *weft_i_records_take(void);

/* For forks. */
WEFT_I_PRIVATE void weft_i_records_lock(void);
WEFT_I_PRIVATE void weft_i_records_unlock(void);

#endif
