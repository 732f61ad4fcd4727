/*
 * private. The operations that a case names: structures.c has those of queues, stacks and maps, other files
 * those of other kinds. In a case a thread's operations are a list, "insert 1, remove 2, iterate", which is parsed before the machine
 * runs it.
 */
#ifndef WEFT_TESTS_CASES_OPERATIONS_H
#define WEFT_TESTS_CASES_OPERATIONS_H

#include "tests/cases/kernels.h"

#include <weft/reclaim/local.h>

typedef struct operation {
    const char *name;
    const char *says;                            /* for --list */
    void (*perform)(int64_t key, int64_t value); /* value: different for each operation of the case */
    bool keyed;                                  /* a key from 1 to 9 follows the name */
} operation;

/* An operation that is a statement, with neither key nor value. */
#define OPERATION(name, ...)                                                                                           \
    static void name(int64_t key, int64_t value)                                                                       \
    {                                                                                                                  \
        (void)key, (void)value;                                                                                        \
        __VA_ARGS__;                                                                                                   \
    }

/* What cases do with one kind of structure. The list ends with an entry without a name. */
typedef struct structure_kind {
    const operation *operations;
    int (*create)(unsigned before); /* puts so many values into it; 0 or -errno */
    void (*destroy)(void);          /* takes out what is left, so that the history explains it, too */
    void (*explain)(void);          /* checks that some order explains what the case has answered */
} structure_kind;

extern const structure_kind container_kind, mailbox_kind, deque_kind;
const structure_kind *ring_kind(const char *structure); /* NULL: it is no ring */
const structure_kind *map_kind_of(const char *structure);
const structure_kind *structure_kind_of(const char *structure);

extern const operation cell_operations[];

/* The running case's domain. NULL: it has been destroyed. */
extern weft_domain *the_domain;

/* Whether a thread of the case does this operation. key 0: with any key, or without one. */
bool thread_does(unsigned thread, const char *name, int64_t key);
bool somebody_does(const char *name, int64_t key);

#define PLAIN(address, write) model_plain(address, sizeof *(address), write, __FILE__, __LINE__)

/* What threads tell each other through a structure: plain writes before a put, read after the take. */
void tell(int64_t value);
void hear(int64_t value);

int cell_create(void);
void cell_note_first(void); /* setup is over */
void cell_destroy(void);
void cell_check_gone(void); /* checks that all objects have gone with their domain */

#endif
