/*
 * private. What the machine's files share: all that changes, and how a step waits for its turn. Above it, each with a header of
 * its own: view.c (what a thread knows), show.c, memory.c (blocks, plain fields), lock.c, schedule.c (choices by chance or as
 * given), search.c (which choices are made next), access.c (atomics, fences), instrument.c (plain accesses as the compiler
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
    int known; /* of a store's view: locations when it was made; 0: all there are */
    uint16_t at[LOCATIONS];
} view;

typedef struct message {
    uint64_t value;
    view *released;   /* what reading it by acquire hands over; NULL: nothing */
    const char *file; /* who wrote it; NULL: before the others began */
    int line;
    uint16_t place;
    bool taken;     /* a read-modify-write has read it, and stands right behind it */
    uint8_t thread; /* which wrote it; 0: before the others began */
    uint16_t step;
    uint32_t past[THREADS];    /* per thread, the last of its steps that the writing depends on, itself included; + 1 */
    uint32_t readers[THREADS]; /* likewise of all that have read it */
} message;

typedef struct location {
    const void *address;
    uint64_t mask; /* of its size */
    int last;      /* step there; -1: none */
    int count;
    message store[MESSAGES]; /* in modification order */
} location;

/* TAKE: a lock that waits to be free; LOCK: try it, or leave it. */
typedef enum op_kind { OP_READ, OP_WRITE, OP_FENCE, OP_HEAVY, OP_TAKE, OP_LOCK, OP_YIELD, OP_START } op_kind;

typedef struct op {
    const void *where;
    uint16_t heavy; /* of a heavy fence: which one of this execution */
    uint16_t calm; /* of a load that would have been the same before these heavy fences: the first's number + 1; or 0 */
    uint8_t kind;
    bool global; /* goes through the global view */
} op;

typedef enum status { READY, YIELDED, ENDED } status;

typedef struct thread {
    model_fiber *fiber;
    status status;
    op next;
    view cur, acquired, released;
    uint32_t causes[THREADS]; /* per thread, the last of its steps that this one's depend on */
    const char *file;         /* where it was last seen */
    int line;
    void *tls;
    void *key; /* what it has set for the one key that there is */
} thread;

typedef struct step {
    op op;
    uint8_t thread, usual; /* usual: which one goes on if nothing is chosen */
    uint16_t passed;       /* over so many later stores */
    int entry, previous;   /* previous: the step before of its location, or of those that are no access; -1: none */
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
    view *left; /* by whoever freed it, where memory is given out again */
} block;

typedef enum m_access { PLAIN_READ, PLAIN_WRITE, ATOMIC_READ, ATOMIC_WRITE, ACCESSES } m_access;

/* Four bytes: when each thread was there last, by its clock. While only one was, that is all there is to know. */
typedef struct cell {
    uint32_t generation, figure; /* figure: the exploration in which it is one */
    uint8_t only;                /* the one thread; THREADS: more than one */
    uint16_t last[ACCESSES];     /* of the one thread */
    uint16_t at[ACCESSES][THREADS];
} cell;

typedef struct mutex {
    const void *address;
    int holder; /* -1: none */
    view left;
} mutex;

/* What an execution begins with. */
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
    unsigned running, tls_owner; /* tls_owner: whose thread-local data are in place */
    bool direct;                 /* one thread only: no choices */
    bool over;                   /* this execution cannot go on */
    bool blind;                  /* it is one that was seen before */
    bool tracing;
    bool reducing;
    unsigned usual, passed;   /* of the step that is under way */
    unsigned switches, stale; /* of this execution */
    const char *left;         /* of the schedule that was given */
    uint64_t random;
    int priority[THREADS];
    unsigned change[DEPTH];
    uint32_t generation, exploration;
    location *location;
    int locations, here; /* here: the one last accessed */
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
    int steps, last_other; /* last_other: the last that is no access; -1: none */
    op now;                /* what the running thread does: a failed compare-and-swap turns out to be a read */
    message *wrote, *read;
    entry entry[ENTRIES];
    int alone;                /* steps of setup or finish */
    int entries, at, changed; /* changed: the first that is another than in the execution before */
    int idle_turns;
    struct {
        view *before[THREADS]; /* each thread's, as it was */
    } heavy[HEAVIES];
    int heavies;
    void (*hook)(void *value);
    char *arena, *arena_next;
    block block[BLOCKS];
    int blocks, near[NEAR]; /* near: the block that an address like that was last found in */
    char *data, *tls_now;   /* this program's data; those of the thread that runs */
    size_t data_size, tls_size;
    image first, ready; /* before and after setup */
    uint64_t outcomes;
} machine;

extern machine *m; /* all that changes lies there: this program's data are put back before each execution */

/* Fails this execution, which ends here; file NULL: no place in the code. */
void m_fail(const char *why, const char *file, int line) __attribute__((cold));
/* Ends the program unless there is room for one more: an execution is too long for the machine. */
void m_room(int used, int room, const char *of);
/* Where the running thread is in its code. */
void m_at(const char *file, int line);
/* The running thread says what it will do next, and waits for its turn. */
void m_turn(op_kind kind, const void *where, bool global);
/* A file without its folders. */
const char *m_name_of(const char *file);

#endif
