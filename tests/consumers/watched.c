/* What valgrind looks at: everything once, from two threads. With an argument, memory is kept at the end. */
#include <pthread.h>
#include <stdio.h>
#include <weft/base/version.h>
#include <weft/hashmap/split_map.h>
#include <weft/queues/msq.h>
#include <weft/stacks/treiber.h>

static weft_msq *queue;
static weft_treiber *stack;
static weft_map *map;
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
        if (weft_msq_enqueue(queue, ctx) != 0 || weft_treiber_push(stack, ctx) != 0 ||
            weft_map_put(map, (void *)i, ctx, NULL) < 0 || !weft_msq_try_dequeue(queue, &value) ||
            !weft_treiber_try_pop(stack, &value))
            return ctx;
        weft_enter(&guard, NULL);
        (void)!weft_protect(&guard, &current);
        (void)!weft_map_get(map, &guard, (void *)(i / 2));
        weft_leave(&guard);
        (void)!weft_map_remove(map, (void *)(i / 3), NULL);
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
    if (weft_msq_create(&queue, NULL) != 0 || weft_treiber_create(&stack, NULL) != 0 ||
        weft_map_create(&map, NULL, NULL) != 0)
        return 1;
    for (int i = 0; i < 2; i++)
        if (pthread_create(&thread[i], NULL, work, &values[i]) != 0)
            return 1;
    for (int i = 0; i < 2; i++)
        if (pthread_join(thread[i], &wrong) != 0 || wrong)
            return 1;
    weft_msq_destroy(queue, NULL, NULL);
    weft_treiber_destroy(stack, NULL, NULL);
    weft_map_destroy(map, NULL, NULL);
    if (argc == 1 && weft_shutdown() != 0)
        return 1;
    return printf("woven %s\n", weft_version_string()) < 0;
}
