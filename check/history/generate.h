/* Histories of a correct structure under simulated threads: each operation takes effect between its call and return. */
#ifndef WEFT_CHECK_HISTORY_GENERATE_H
#define WEFT_CHECK_HISTORY_GENERATE_H

#include "check/history/history.h"

typedef struct lin_random {
    uint64_t state;
} lin_random;

/* S. Vigna's splitmix64. */
static inline uint64_t lin_next(lin_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline size_t lin_below(lin_random *random, size_t n)
{
    return (size_t)(lin_next(random) >> 33) % n;
}

typedef struct lin_shape {
    lin_type type;
    size_t operations;
    unsigned clients, keys; /* keys: of maps */
    unsigned puts;          /* of 100 operations on a queue or stack */
    unsigned stays;         /* how often, of 100, the same client goes on; 100: no two operations overlap */
    bool last_may_pend;     /* a client's last operation may never return */
} lin_shape;

/* False: out of memory. */
bool lin_generate(lin_random *random, const lin_shape *shape, lin_history *out);

/* Changes an answer or a time. Afterwards the history is often not linearizable. */
void lin_spoil(lin_random *random, lin_history *history, lin_type type);

#endif
