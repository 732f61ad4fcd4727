/* weft-called SCHEME FAMILY CALLS: each of a family's operations so many times, by one thread: what callgrind looks at. */
#include "bench/count/operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    count_place place;
    if (argc != 4)
        return 2;
    bench_family family = (bench_family)atoi(argv[2]);
    long calls = atol(argv[3]);
    count_create(&place, family, argv[1]);
    void *thread = count_thread(&place);
    for (long i = 0; i < calls; i++)
        for (const count_operation *o = count_operations; o->name; o++)
            if (o->family == family)
                o->run(&place, thread, 0);
    place.impl->thread_end(place.object, thread);
    count_destroy(&place);
    return 0;
}
