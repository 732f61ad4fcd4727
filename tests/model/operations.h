/* private. What the letters of a case do: structures.c those of queues, stacks and maps, cells.c those of cells. */
#ifndef WEFT_TESTS_MODEL_OPERATIONS_H
#define WEFT_TESTS_MODEL_OPERATIONS_H

#include "tests/model/kernels.h"

#include <weft/reclaim/local.h>

/* Of the case that runs; NULL: destroyed. */
extern weft_domain *the_domain;
bool somebody_does(const char *what);

#define PLAIN(address, write) model_plain(address, sizeof *(address), write, __FILE__, __LINE__)

/* False: none of these letters. */
bool structure_does(char what, int64_t key, int64_t value);
bool cell_does(char what);

int structure_create(unsigned before); /* with so many values; an error */
void structure_destroy(void);
int cell_create(void);
void cell_note_first(void); /* setup is over */
void cell_destroy(void);
void cell_check_gone(void); /* the domain has been destroyed: so are all objects */

#endif
