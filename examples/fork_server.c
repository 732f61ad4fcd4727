/*
 * A server that forks workers while its other threads use the structures. The child goes on with all that it inherited:
 * the structures are intact whatever the other threads were doing at that instant, their guards count as left, and no
 * call waits for them.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/hashmap/split_map.h>
#include <weft/queues/segq.h>

enum { WORKERS = 20, ROUTES = 1000 };

static weft_map *routes; /* number -> hops, changed all the time */
static weft_segq *log_lines;
static atomic_bool stop;

static void *update_routes(void *argument)
{
    uintptr_t turn = 0;
    void *line;
    (void)argument;
    while (!atomic_load(&stop)) {
        turn++;
        if (weft_map_put(routes, (void *)(turn % ROUTES), (void *)(turn % 32 + 1), NULL) < 0)
            return "out of memory";
        if (weft_segq_enqueue(log_lines, (void *)turn) != 0)
            return "out of memory";
        if (turn > 100 && !weft_segq_try_dequeue(log_lines, &line))
            return "a line is lost";
    }
    return NULL;
}

/* In the child: reads the routes as they were, changes its own copy, ends. */
static int serve(int worker)
{
    size_t found = 0;
    void *line;
    for (uintptr_t route = 0; route < ROUTES; route++)
        found += weft_map_get(routes, NULL, (void *)route) != NULL; /* values are numbers: no guard is needed */
    if (weft_map_put(routes, (void *)(uintptr_t)(ROUTES + worker), (void *)1, NULL) != 0)
        return 1;
    while (weft_segq_try_dequeue(log_lines, &line))
        ;
    /* the child reclaims what the parent's threads had retired, although those threads do not exist here */
    if (weft_domain_barrier(NULL, UINT64_MAX) != 0)
        return 1;
    return found == ROUTES && weft_map_size(routes) == ROUTES + 1 && weft_segq_is_empty(log_lines) ? 0 : 1;
}

int main(void)
{
    pthread_t updater;
    void *wrong;
    int good = 0;

    if (weft_map_create(&routes, NULL, NULL) != 0 || weft_segq_create(&log_lines, NULL) != 0)
        return 1;
    for (uintptr_t route = 0; route < ROUTES; route++)
        if (weft_map_put(routes, (void *)route, (void *)1, NULL) < 0)
            return 1;
    if (pthread_create(&updater, NULL, update_routes, NULL) != 0)
        return 1;

    for (int worker = 0; worker < WORKERS; worker++) {
        int status = 1;
        pid_t child = fork();
        if (child == 0)
            _exit(serve(worker));
        if (child > 0 && waitpid(child, &status, 0) == child)
            good += status == 0;
    }
    atomic_store(&stop, true);
    pthread_join(updater, &wrong);
    printf("%d of %d workers served\n", good, WORKERS);
    weft_map_destroy(routes, NULL, NULL);
    weft_segq_destroy(log_lines, NULL, NULL);
    return good == WORKERS && !wrong ? 0 : 1;
}
