#include "tests/stress/observe.h"

#include <stdlib.h>

bool o_conserved(const o_log *logs, size_t n, size_t producers, size_t each)
{
    unsigned char *seen = calloc(producers * each, 1);
    bool right = seen != NULL;
    size_t taken = 0;
    for (size_t l = 0; l < n; l++)
        for (size_t i = 0; i < logs[l].count && right; i++, taken++) {
            size_t p = o_producer(logs[l].value[i]), s = o_sequence(logs[l].value[i]);
            right = p < producers && s < each && !seen[p * each + s]++;
        }
    free(seen);
    return right && taken == producers * each;
}

bool o_in_order(const o_log *logs, size_t n)
{
    for (size_t l = 0; l < n; l++) {
        size_t next[O_PRODUCERS] = {0};
        for (size_t i = 0; i < logs[l].count; i++) {
            size_t p = o_producer(logs[l].value[i]), s = o_sequence(logs[l].value[i]);
            if (p >= O_PRODUCERS || s < next[p])
                return false;
            next[p] = s + 1;
        }
    }
    return true;
}
