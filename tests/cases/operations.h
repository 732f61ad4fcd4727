/*
 * private. The operations that a case names: structures.c has those of queues, stacks and maps, cells.c those of cells. A
 * case says what a thread does as a list, "insert 1, remove 2, iterate", which is parsed before the machine runs it.
 */
#ifndef WEFT_TESTS_CASES_OPERATIONS_H
#define WEFT_TESTS_CASES_OPERATIONS_H

#include "tests/cases/kernels.h"

#include <weft/reclaim/local.h>

typedef struct operation {
    const char *name;
    const char *says;                            /* for --list */
    void (*perform)(int64_t key, int64_t value); /* value: another one for each operation of the case */
    bool keyed;                                  /* a key from 1 to 9 stands behind the name */
} operation;

/* Each ends with an entry without a name. */
extern const operation container_operations[], map_operations[], cell_operations[];
const operation *structure_operations(const char *structure);

/* Of the case that runs; NULL: destroyed. */
extern weft_domain *the_domain;

/* Whether a thread of the case does this; key 0: with any key, or without one. */
bool thread_does(unsigned thread, const char *name, int64_t key);
bool somebody_does(const char *name, int64_t key);

#define PLAIN(address, write) model_plain(address, sizeof *(address), write, __FILE__, __LINE__)

int structure_create(unsigned before); /* with so many values; an error */
void structure_destroy(void);
int cell_create(void);
void cell_note_first(void); /* setup is over */
void cell_destroy(void);
void cell_check_gone(void); /* the domain has been destroyed: so are all objects */

#endif
