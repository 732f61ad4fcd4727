/*
 * private. What the machine's files share: its state, and how a step waits for its turn. The files above it: view.c
 * (what a thread knows), show.c, memory.c (blocks, plain accesses), lock.c, schedule.c (choices at random or as
 * given), search.c (choices of the search), access.c (atomics, fences), instrument.c (plain accesses as the compiler
 * reports them), thread.c, image.c (the state that an execution begins with), run.c (executions), explore.c.
 */
#ifndef WEFT_CHECK_MODEL_STATE_H
#define WEFT_CHECK_MODEL_STATE_H

#include "check/model/machine.h"
#include "check/model/fiber.h"

enum {
    THREADS = MODEL_THREADS,
    LOCATIONS = 512,
    MESSAGES = 120, /* of one location */
    STEPS = 4000,
    ALONE = 1 << 20, /* of setup, or finish */
    ENTRIES = 8000,
    BLOCKS = 2000,
    DEPTH = 8, /* of PCT, at most */
    HEAVIES = 64,
    NEAR = 256,
    MUTEXES = 64,
    ARENA = 16 << 20,
    SLOTS = 4096, /* of hash tables */
    GAP = 64      /* between the positions of stores, so that others fit in */
};

typedef struct view {
    uint32_t clock[THREADS];
    int known; /* in a store's view: the number of locations when it was made; 0: all there are */
    uint16_t at[LOCATIONS];
} view;

typedef struct message {
    uint64_t value;
    view *released;   /* what an acquire load of it hands over; NULL: nothing */
    const char *file; /* where it was written; NULL: it is the initial value */
    int line;
    uint16_t place;
    bool taken;     /* a read-modify-write has read it and comes right behind it */
    uint8_t thread; /* the writer; 0: it is the initial value */
    uint16_t step;
    uint32_t past[THREADS];    /* per thread: 1 + the last step that the write depends on, itself included; 0: none */
    uint32_t readers[THREADS]; /* likewise for all steps that have read it */
} message;

typedef struct location {
    const void *address;
    uint64_t mask; /* of its size */
    int last;      /* the last step there; -1: none */
    int count;
    message store[MESSAGES]; /* in modification order */
} location;

/* OP_TAKE waits until the lock is free; OP_LOCK is a trylock or an unlock. */
typedef enum op_kind { OP_READ, OP_WRITE, OP_FENCE, OP_HEAVY, OP_TAKE, OP_LOCK, OP_YIELD, OP_START } op_kind;

typedef struct op {
    const void *where;
    uint16_t heavy; /* a heavy fence's number in this execution */
    uint16_t calm;  /* 1 + number of the first heavy fence since which the load's result is the same; 0: none */
    uint8_t kind;
    bool global; /* goes through the global view */
} op;

typedef enum status { READY, YIELDED, ENDED } status;

typedef struct thread {
    model_fiber *fiber;
    status status;
    op next;
    view cur, acquired, released;
    uint32_t causes[THREADS]; /* per thread: 1 + the last of its steps that this thread depends on; 0: none */
    const char *file;         /* where it was last seen */
    int line;
    void *tls;
    void *key; /* its value for the one key that there is */
} thread;

typedef struct step {
    op op;
    uint8_t thread, usual; /* usual: the thread that runs if no schedule says otherwise */
    uint16_t passed;       /* the number of later stores passed over */
    int entry, previous;   /* previous: the one before it on its list (see last_like); -1: none */
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
    view *left; /* the freeing thread's view, if memory is reused */
} block;

typedef enum m_access { PLAIN_READ, PLAIN_WRITE, ATOMIC_READ, ATOMIC_WRITE, ACCESSES } m_access;

/* Four bytes of memory: the clock of each thread's last access of each kind. */
typedef struct cell {
    uint32_t generation, figure; /* figure: the exploration in which it holds statistics (model_figures) */
    uint8_t only;                /* the one thread that has accessed it; THREADS: more than one */
    uint16_t last[ACCESSES];     /* of that one thread */
    uint16_t at[ACCESSES][THREADS];
} cell;

typedef struct mutex {
    const void *address;
    int holder; /* -1: none */
    view left;
} mutex;

/* The state that an execution begins with. */
typedef struct image {
    char *data, *arena, *tls[THREADS];
    size_t arena_used;
    uint32_t clock[THREADS][THREADS];
    void *key[THREADS];
    int blocks;
    block block[BLOCKS];
} image;

typedef struct machine {
    const model_case *c;
    const model_options *options;
    model_result *result;
    model_fiber *explorer;
    thread thread[THREADS];
    unsigned running, tls_owner; /* tls_owner: the thread whose thread-local data are in place */
    bool direct;                 /* setup or finish: no choices */
    bool over;                   /* this execution cannot go on */
    bool blind;                  /* this execution is equivalent to an earlier one */
    bool tracing;
    bool reducing;
    unsigned usual, passed;   /* of the step that is under way */
    unsigned switches, stale; /* of this execution */
    const char *left;         /* the rest of the given schedule */
    uint64_t random;
    int priority[THREADS];
    unsigned change[DEPTH];
    uint32_t generation, exploration;
    location *location;
    int locations, here; /* here: the location accessed last */
    struct {
        const void *address;
        uint32_t generation;
        int index;
    } slot[SLOTS];
    cell *arena_cells, *data_cells;
    view global;
    view *views;
    int view_count, view_room;
    mutex mutex[MUTEXES];
    int mutexes;
    step step[STEPS];
    int steps, last_other; /* last_other: the last step that is no access; -1: none */
    op now;                /* the running thread's step: a failed compare-and-swap turns it into a read */
    message *wrote, *read;
    entry entry[ENTRIES];
    int alone;                /* steps of setup or finish */
    int entries, at, changed; /* changed: the first entry that differs from the execution before */
    int idle_turns;
    struct {
        view *before[THREADS]; /* each thread's view before the fence */
    } heavy[HEAVIES];
    int heavies;
    void (*hook)(void *value);
    char *arena, *arena_next;
    block block[BLOCKS];
    int blocks, near[NEAR]; /* near: a cache of search_block's results, by address */
    char *data, *tls_now;   /* the program's static data; the running thread's thread-local data */
    size_t data_size, tls_size;
    image first, ready; /* before and after setup */
    uint64_t outcomes;
} machine;

extern machine *m; /* holds all the machine's state: the program's static data are restored before each execution */

/* Fails this execution and ends it. file NULL: the place is where the thread was last seen. */
void m_fail(const char *why, const char *file, int line) __attribute__((cold));
/* Aborts unless there is room for one more: the execution is too long for the machine. */
void m_room(int used, int room, const char *of);
/* Where the running thread is in its code. */
void m_at(const char *file, int line);
/* The running thread announces its next step, and waits for its turn. */
void m_turn(op_kind kind, const void *where, bool global);
/* A file without its folders. */
const char *m_name_of(const char *file);

#endif
