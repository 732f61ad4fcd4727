/*
 * private. Thread records: one per living thread that uses Weft, made at its first use and reused after its end. All
 * records of the process are in one list, which scans walk without a lock. Only weft_shutdown frees them. life.h has
 * their life.
 */
#ifndef WEFT_RECLAIM_RECORD_H
#define WEFT_RECLAIM_RECORD_H

#include <weft/base/backoff.h>
#include <weft/reclaim/thread.h>

/* Nested guards a thread can hold before the next one links its own memory into the domain: at most WEFT_I_SLOTS. */
#ifndef WEFT_SLOTS
#define WEFT_SLOTS 32
#endif
/* A scan reads a record's slots up to the highest one that was ever taken, rounded up to a multiple of this. */
#ifndef WEFT_SLOTS_STEP
#define WEFT_SLOTS_STEP 4
#endif
#ifndef WEFT_HINTS
#define WEFT_HINTS 16
#endif

/*
 * A cached pointer to the thread's place in a domain. Ids of domains are never reused, so a stale entry cannot match.
 */
typedef struct weft_i_hint {
    uint64_t id;
    void *local;
} weft_i_hint;

/*
 * A record's `attention`. FENCES: the owner must publish with full fences. ASKED: it must answer; MARKED: it had not
 * answered when another thread passed a heavy fence; OFFLINE: no round waits for it (handshake.h). The higher bits count
 * the barriers that want the owner's lists, each as TAKER.
 */
enum {
    WEFT_I_FENCES = 1,
    WEFT_I_ASKED = 2,
    WEFT_I_MARKED = 4,
    WEFT_I_OFFLINE = 8,
    WEFT_I_QUESTIONS = WEFT_I_ASKED | WEFT_I_MARKED | WEFT_I_OFFLINE,
    WEFT_I_TAKER = 16
};

/*
 * The order of locks: a thread that holds one takes only those below it in this list. None is ever held while user code
 * runs, allocators included. -DWEFT_DEBUG in the library checks this.
 */
enum {
    WEFT_I_RANK_DOMAINS,   /* registry.c: the list of domains */
    WEFT_I_RANK_OWNERS,    /* of a domain, as the next: which places are attached */
    WEFT_I_RANK_BLOCKER,   /* the guard that statistics report as blocker */
    WEFT_I_RANK_RECORDS,   /* record.c: which records are owned */
    WEFT_I_RANK_FENCE,     /* fence.c: the mode */
    WEFT_I_RANK_PREPARING, /* life.c: only tried, never waited for */
    WEFT_I_RANK_LINKED /* of a domain: linked guards; the only one that a signal handler takes, under any other, and that a fork does not take */
};

/* The round, or the heavy fence, that must be over (handshake.h). */
typedef struct weft_i_ticket {
    size_t round, fence;
} weft_i_ticket;

/* A record's states, as docs/reclamation.md lists them. */
typedef enum weft_i_life { WEFT_I_FREE, WEFT_I_IN_USE, WEFT_I_ENDING } weft_i_life;

typedef struct weft_i_record {
    weft_i_thread thread; /* first: published */
    struct weft_i_record *next;
    weft_i_atomic_int owned;
    weft_i_atomic_int passed_fence;
    weft_i_slot operation;  /* in use: the thread is busy, with the right to its lists (reclaim/state.h) */
    weft_i_atomic_int open; /* slots that were ever taken, rounded up */
    size_t number;          /* of records made before it; threads that live at the same time have different numbers */
    weft_i_life life;       /* only the owner uses this and what follows */
    struct weft_domain *visits; /* ENDING: the domain that is visited, and so kept from being destroyed */
    weft_i_pace pace;
    weft_i_hint hint[WEFT_HINTS];
} weft_i_record;

/* What a thread without a record points to. */
WEFT_I_PRIVATE_OBJECT weft_i_record weft_i_no_record;

/* Takes a free record, or makes one. NULL: no memory. Its owner publishes with fences until weft_i_fence_join. */
WEFT_I_PRIVATE weft_i_record *weft_i_record_take(void);

/* Leaves all guards in the record's slots. */
WEFT_I_PRIVATE void weft_i_record_leave_all(weft_i_record *record);

/* Leaves all guards; from then on another thread may take the record. */
WEFT_I_PRIVATE void weft_i_record_give_back(weft_i_record *record);

/* Whether a thread owns it. */
WEFT_I_PRIVATE bool weft_i_record_owned(weft_i_record *record);

/* The caller's record. NULL: it has none; none is made. */
WEFT_I_PRIVATE weft_i_record *weft_i_record_peek(void);

/* The caller's id as gettid(2) gives it. */
WEFT_I_PRIVATE int weft_i_thread_id(void);

/* The gettid(2) of the record's owner, or of its last owner. */
WEFT_I_PRIVATE int weft_i_record_thread_id(weft_i_record *record);

/* Takes a free slot for a nested guard. NULL: all are in use. */
WEFT_I_PRIVATE weft_i_slot *weft_i_record_take_slot(weft_i_record *record);

/* Frees a slot, which the caller has emptied. */
WEFT_I_PRIVATE void weft_i_record_give_slot(weft_i_record *record, const weft_i_slot *slot);

/* A scan reads the slots from WEFT_I_OPERATION up to, but not including, this number. */
enum { WEFT_I_OPERATION = -1 };
WEFT_I_PRIVATE int weft_i_record_slots(weft_i_record *record);

weft_i_inline weft_i_slot *weft_i_record_slot(weft_i_record *record, int i)
{
    return i == WEFT_I_OPERATION ? &record->operation : &record->thread.slot[i];
}

/* Head of the list of all records; follow ->next. */
WEFT_I_PRIVATE weft_i_record *weft_i_record_first(void);

/* Empties the list; the caller must free its records. No thread may own one, and no other thread may walk the list. */
WEFT_I_PRIVATE weft_i_record *weft_i_records_take(void);

/* For forks. */
WEFT_I_PRIVATE void weft_i_records_lock(void);
WEFT_I_PRIVATE void weft_i_records_unlock(void);

#endif
