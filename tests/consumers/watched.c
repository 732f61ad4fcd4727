/* A program for valgrind: uses everything once, from two threads. With an argument it keeps memory at the end. */
#include <pthread.h>
#include <stdio.h>
#include <weft/base/version.h>

#include "tests/support/containers.h"

static void *each[CONTAINERS];
static weft_map *map;
static weft_table *table;
static weft_atomic_ptr current;
static int values[2];

static void drop(void *object, void *ctx)
{
    (void)object;
    (void)ctx;
}

static void *work(void *ctx)
{
    void *value;
    weft_guard guard;
    for (uintptr_t i = 0; i < 1000; i++) {
        for (size_t c = 0; c < CONTAINERS; c++)
            if (containers[c].put(each[c], ctx) != 0 || !containers[c].take(each[c], &value))
                return ctx;
        if (weft_map_put(map, (void *)i, ctx, NULL) < 0 || weft_table_put(table, i, ctx, NULL) < 0)
            return ctx;
        weft_enter(&guard, NULL);
        (void)!weft_protect(&guard, &current);
        (void)!weft_map_get(map, &guard, (void *)(i / 2));
        (void)!weft_table_get(table, &guard, i / 2);
        weft_leave(&guard);
        (void)!weft_map_remove(map, (void *)(i / 3), NULL);
        (void)!weft_table_remove(table, i / 3, NULL);
        if (i % 16 == 0 && weft_retire(NULL, ctx, drop, NULL) != 0)
            return ctx;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    (void)argv;
    pthread_t thread[2];
    void *wrong;
    for (size_t c = 0; c < CONTAINERS; c++)
        if (containers[c].create(&each[c], NULL) != 0)
            return 1;
    if (weft_map_create(&map, NULL, NULL) != 0 || weft_table_create(&table, NULL, NULL) != 0)
        return 1;
    for (int i = 0; i < 2; i++)
        if (pthread_create(&thread[i], NULL, work, &values[i]) != 0)
            return 1;
    for (int i = 0; i < 2; i++)
        if (pthread_join(thread[i], &wrong) != 0 || wrong)
            return 1;
    for (size_t c = 0; c < CONTAINERS; c++)
        containers[c].destroy(each[c], NULL, NULL);
    weft_map_destroy(map, NULL, NULL);
    weft_table_destroy(table, NULL, NULL);
    if (argc == 1 && weft_shutdown() != 0)
        return 1;
    return printf("woven %s\n", weft_version_string()) < 0;
}
