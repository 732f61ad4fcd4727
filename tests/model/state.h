/*
 * private. What the machine's files share: machine.c (threads and executions), search.c (which choices are made next),
 * memory.c (blocks, plain fields, views) and access.c (atomics, fences, locks).
 */
#ifndef WEFT_TESTS_MODEL_STATE_H
#define WEFT_TESTS_MODEL_STATE_H

#include "tests/model/machine.h"
#include "tests/model/fiber.h"

enum {
    THREADS = MODEL_THREADS,
    LOCATIONS = 512,
    MESSAGES = 120, /* of one location */
    STEPS = 4000,
    ENTRIES = 8000,
    BLOCKS = 2000,
    HEAVIES = 64,
    ARENA = 16 << 20,
    SLOTS = 4096, /* of hash tables */
    GAP = 64      /* between the positions of stores, so that others fit in */
};

typedef struct view {
    uint16_t at[LOCATIONS];
    uint32_t clock[THREADS];
    int known; /* of a store's view: locations when it was made; 0: all there are */
} view;

typedef struct message {
    uint64_t value;
    view *released; /* what reading it by acquire hands over; NULL: nothing */
    uint16_t place;
    bool taken; /* a read-modify-write has read it, and stands right behind it */
    uint8_t thread; /* which wrote it; 0: before the others began */
    uint16_t step;
    uint32_t past[THREADS]; /* per thread, the last of its steps that the writing depends on, itself included; + 1 */
    uint32_t readers[THREADS]; /* likewise of all that have read it */
} message;

typedef struct location {
    const void *address;
    uint64_t mask; /* of its size */
    int count;
    message store[MESSAGES]; /* in modification order */
} location;

typedef enum op_kind { OP_READ, OP_WRITE, OP_FENCE, OP_HEAVY, OP_LOCK, OP_YIELD, OP_START } op_kind;

typedef struct op {
    op_kind kind;
    bool global; /* goes through the global view */
    const void *where;
    bool waits; /* for the lock to be free */
    uint16_t heavy; /* of a heavy fence: which one of this execution */
    uint16_t calm;  /* of a load that would have been the same before these heavy fences: the first one's number + 1; or 0 */
} op;

typedef enum status { READY, YIELDED, ENDED } status;

typedef struct thread {
    model_fiber *fiber;
    status status;
    op next;
    view cur, acquired, released;
    uint32_t causes[THREADS]; /* per thread, the last of its steps that this one's depend on */
    void *tls;
    void *key; /* what it has set for the one key that there is */
} thread;

typedef struct step {
    op op;
    uint8_t thread;
    int entry;
    uint32_t causes[THREADS];
} step;

/* A choice: of a thread, or of one of `options`. */
typedef struct entry {
    bool is_thread;
    uint16_t options, chosen;
    uint8_t enabled, wanted, done, sleeping;
} entry;

typedef struct block {
    char *from, *to;
    bool freed;
    uint32_t access[THREADS];
} block;

typedef struct plain {
    const void *address;
    uint32_t generation;
    uint8_t writer;
    uint32_t written, read[THREADS];
} plain;

typedef struct mutex {
    const void *address;
    int holder; /* -1: none */
    view left;
} mutex;

typedef struct machine {
    const model_case *c;
    const model_options *options;
    model_result *result;
    model_fiber *explorer;
    thread thread[THREADS];
    unsigned running;
    bool direct; /* one thread only: no choices */
    bool over;   /* this execution cannot go on */
    bool blind;  /* it is one that was seen before */
    bool tracing;
    uint32_t generation;
    location *location;
    int locations;
    struct {
        const void *address;
        uint32_t generation;
        int index;
    } slot[SLOTS];
    plain plain[SLOTS];
    view global;
    view *views;
    int view_count, view_room;
    mutex mutex[64];
    int mutexes;
    step step[STEPS];
    int steps;
    op now; /* what the running thread does: a failed compare-and-swap turns out to be a read */
    message *wrote, *read;
    entry entry[ENTRIES];
    int entries, at;
    int idle_turns;
    struct {
        view *before[THREADS]; /* each thread's, as it was */
    } heavy[HEAVIES];
    int heavies;
    struct {
        const char *from, *to;
    } figures[32];
    int figure_ranges;
    void (*hook)(void *value);
    char *arena, *arena_next;
    block block[BLOCKS];
    int blocks;
    char *saved, *tls_now, *tls_first;
    size_t saved_size, tls_size;
    uint64_t outcomes;
} machine;

extern machine *m; /* all that changes lies there: this program's data are put back before each execution */

/* ---- machine.c ---- */

/* Fails this execution, which ends here; file NULL: no place in the code. */
void m_fail(const char *why, const char *file, int line);
/* The running thread says what it will do next, and waits for its turn. */
void m_turn(op o);
/* Shows a step of a failure. */
void m_trace(const char *what, const void *where, uint64_t value, const char *file, int line);

/* ---- search.c ---- */

/* One of n, for the search to try all. */
unsigned m_choose(unsigned n);
/* The next thread to go; 0: none can, or all that can sleep. */
unsigned m_choose_thread(unsigned previous);
/* A thread takes a step: finds the earlier ones that it races with. */
void m_note_step(unsigned who, const op *o, int in_entry);
/* Whether the running thread must be shown that it reads store `at`, or writes behind it, though later ones are there. */
bool m_is_due(const location *l, int at, bool writes);
/* Goes on with the next execution; false: all have been. */
bool m_advance(void);

/* ---- memory.c ---- */

void m_join_places(view *to, const view *from);
/* Places and clocks. */
void m_join(view *to, const view *from);
uint16_t m_place(const view *v, int index);
/* All that another knows. */
bool m_knows(const view *v, const view *of);
view *m_keep(const view *v);
bool m_is_figure(const void *where);
/* An access to memory: fails where there is none, or none any more. */
void m_touch(const void *address, const char *file, int line);

/* ---- access.c ---- */

mutex *m_mutex_at(const void *address);

#endif
