/*
 * A program: blocks of steps. The main thread does block 0 before all others. Blocks 1 to `threads` are done by a
 * thread each, the others by steps of earlier blocks, so that no block does itself.
 */
#ifndef WEFT_TESTS_LIVES_PROGRAM_H
#define WEFT_TESTS_LIVES_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>

enum { MOST_BLOCKS = 32, MOST_STEPS = 12, MOST_ARGUMENTS = 4, MOST_THREADS = 6, NO_BLOCK = -1 };
enum { LIVES_PIPE_KINDS = 6, LIVES_MAP_KINDS = 5 };

typedef struct step {
    int kind; /* in lives_kinds */
    int argument[MOST_ARGUMENTS];
    int then; /* a block, or NO_BLOCK */
} step;

typedef struct block {
    int count;
    step step[MOST_STEPS];
} block;

typedef struct program {
    uint64_t seed;
    int threads, blocks;
    block block[MOST_BLOCKS];
} program;

/* Where a block is done: this decides which steps may be chosen, and how many. */
enum { IN_SETUP = 1, IN_THREAD = 2, IN_CREW = 4, IN_CALLBACK = 8, ANYWHERE = IN_THREAD | IN_CREW | IN_CALLBACK };

typedef void body(void);

/*
 * One kind of step. `arguments` has a letter for each: D a domain, Q S P M a structure, A an allocator, H a scheme, K a
 * kind of map, X a kind of pipe, N a number of turns, C threads, W threads at once, T a timeout, E every E-th one, G guards, m
 * milliseconds, 2 a choice of two; B at the end: it has a block.
 */
typedef struct kind {
    const char *name; /* of the function in world_*.h */
    const char *arguments;
    void (*run)(const int *argument, body *then);
    int where;  /* where it may be chosen */
    int inside; /* where its block is done; 0: where the step itself is done */
    int weight;
    int cost; /* of one turn, in tenths of a microsecond */
} kind;

extern const kind lives_kinds[];
extern const int lives_kind_count;

/* The word for an argument in a printed program. NULL: it is a number. */
const char *lives_word(char letter, int argument);

/* ---- generate.c ---- */

typedef struct wish {
    const char *theme;   /* NULL: one that follows from the seed */
    const char *without; /* a comma list of kinds of steps, allocators, schemes; or NULL */
} wish;

extern const char *const lives_themes[];
void lives_generate(program *p, uint64_t seed, const wish *wish);
/* The blocks that are done at all, and the number of their steps. */
void lives_mark(const program *p, bool *done);
int lives_steps(const program *p);
bool lives_known_theme(const char *name);
/* The first unknown name in a comma list. NULL: all are known. */
const char *lives_unknown(const char *list, char *name, size_t size);

/* ---- steps.c ---- */

enum {
    LIVES_CALLS,
    LIVES_DOMAINS,
    LIVES_RECLAIMED,
    LIVES_RETIRED,
    LIVES_GUARDS,
    LIVES_BARRIERS,
    LIVES_VALUES,
    LIVES_REFUSALS,
    LIVES_DESTROYED,
    LIVES_ENDS,
    LIVES_CANCELLED,
    LIVES_THREADS,
    LIVES_LAST,
    LIVES_FORKS,
    LIVES_SIGNALS,
    LIVES_REFUSED,
    LIVES_PIPED,
    LIVES_HELD,
    LIVES_TALLIES
};
extern const char *const lives_tally_names[LIVES_TALLIES];
/* Shared with the processes that programs run in. NULL: nothing is counted. */
extern _Atomic uint64_t *lives_tally;

/* Runs it in this process, which ends here: 0, or 1 with a line on standard error that begins with "lives: ". */
_Noreturn void lives_perform(const program *p, int lasting_ms, int patience_ms);

/* ---- run.c ---- */

typedef struct verdict {
    bool failed;
    char what[100]; /* tells failures apart */
    char text[6000];
} verdict;

/* Runs it in a child, which is ended with all processes that it has started. */
void lives_try(const program *p, bool hasty, verdict *v);

/* The seeded bug that the library shows if steps.c was compiled with LIVES_SABOTAGE (sabotage.h); 0: none. */
enum {
    LIVES_TWICE = 1,
    LIVES_NEVER,
    LIVES_EARLY,
    LIVES_LOST,
    LIVES_AGAIN,
    LIVES_HANG,
    LIVES_ERRNO,
    LIVES_GARBAGE,
    LIVES_CACHES,
    LIVES_UNASKED,
    LIVES_NOT_BUSY,
    LIVES_DESTROYS,
    LIVES_KEEPS,
    LIVES_CANCELS,
    LIVES_MISSING,
    LIVES_CRASH,
    LIVES_FORK,
    LIVES_TORN,
    LIVES_ROOM,
    LIVES_WOKEN,
    LIVES_CHANGED
};
extern int lives_sabotage;

/* ---- shrink.c, print.c ---- */

/* Shortens it while it fails in the same way, for at most so many seconds. */
void lives_shrink(program *p, const verdict *v, double seconds, void (*show)(const program *p));
/* failure: its message; NULL: it has not failed. again: the command that replays it. */
void lives_print(FILE *to, const program *p, const char *failure, const char *again);

#endif
