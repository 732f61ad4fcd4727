/*
 * What of a map cannot be told key by key: an iteration beside updates (an entry present throughout is seen exactly once,
 * no key twice, nothing that was not there), and the size when nobody updates.
 */
#ifndef WEFT_CHECK_HISTORY_ITERATE_H
#define WEFT_CHECK_HISTORY_ITERATE_H

#include "check/history/check.h"

typedef struct lin_entry {
    int64_t key, value;
} lin_entry;

typedef struct lin_iteration {
    uint64_t call, ret;
    lin_entry *entry; /* as seen, in that order */
    size_t count, room;
    bool has_size;
    size_t size; /* as the map said while nobody updated */
} lin_iteration;

/*
 * Beside the history of the map's operations. An entry is present throughout if an operation that put it there had
 * returned before the iteration's call, and each removal returned before that operation's call or was called after the
 * iteration's return; absent throughout likewise. Keys without such certainty are not judged. O(n log n + n k), k the
 * iterations. *certain counts the entries that had to be seen.
 */
void lin_check_iterations(const lin_history *history, lin_iteration *iterations, size_t count, size_t *certain,
                          lin_finding *out);

#endif
