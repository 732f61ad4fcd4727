/*
 * Checks that lin_check_map does not make: an iteration during updates sees an entry that is present throughout exactly
 * once, no key twice, and nothing that was not there; and the size is right while nobody updates.
 */
#ifndef WEFT_CHECK_HISTORY_ITERATE_H
#define WEFT_CHECK_HISTORY_ITERATE_H

#include "check/history/check.h"

typedef struct lin_entry {
    int64_t key, value;
} lin_entry;

typedef struct lin_iteration {
    uint64_t call, ret;
    lin_entry *entry; /* in the order in which they were seen */
    size_t count, room;
    bool has_size;
    size_t size; /* the map's answer while nobody updated */
} lin_iteration;

/*
 * `history` holds the map's other operations. An entry is present throughout if an operation that put it there
 * returned before the iteration's call, and each removal returned before that operation's call or was called after the
 * iteration's return. Absent throughout is the same with the roles exchanged. Other keys may be seen or not. O(n log n
 * + n k) for k iterations. *certain counts the entries that had to be seen.
 */
void lin_check_iterations(const lin_history *history, lin_iteration *iterations, size_t count, size_t *certain,
                          lin_finding *out);

#endif
