/*
 * weft-called SCHEME STRUCTURE CALLS: runs each of a structure's operations CALLS times, by one thread, for callgrind.
 */
#include "bench/count/operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    count_place place;
    if (argc != 4)
        return 2;
    const count_operation *first = count_operations;
    while (first->structure && strcmp(first->structure, argv[2]) != 0)
        first++;
    if (!first->structure)
        return 2;
    long calls = atol(argv[3]);
    count_create(&place, first, argv[1]);
    void *thread = count_thread(&place);
    for (long i = 0; i < calls; i++)
        for (const count_operation *o = first; count_is_of(o, first); o++)
            o->run(&place, thread, 0);
    place.impl->thread_end(place.object, thread);
    count_destroy(&place);
    return 0;
}
