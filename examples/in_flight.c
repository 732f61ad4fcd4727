/*
 * Requests in flight, by number. Answers come to any thread, in any order, and some come twice. The thread that removes a
 * request from the table owns it. It frees the request at once, since no thread looks at one that it has not removed.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/hashmap/table.h>

enum { REQUESTS = 50000, THREADS = 2 };

struct request {
    uint64_t number;
};
WEFT_TABLE_OF(flight, struct request *); /* the keys of a table are uint64_t */

static flight *in_flight;
static atomic_size_t answered, given_up;

static void end(uint64_t number, struct request *request, void *counter)
{
    atomic_fetch_add((atomic_size_t *)counter, request->number == number);
    free(request);
}

static void *receive(void *seed)
{
    uint64_t random = (uintptr_t)seed;
    for (int i = 0; i < 8 * REQUESTS; i++) {
        struct request *request;
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t number = (random >> 33) % REQUESTS;
        if (flight_remove(in_flight, number, &request)) /* false: not sent yet, or answered before */
            end(number, request, &answered);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    if (flight_create(&in_flight, NULL, NULL) != 0)
        return 1;
    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, receive, (void *)(i + 1)) != 0)
            return 1;
    for (uint64_t number = 0; number < REQUESTS; number++) {
        struct request *request = malloc(sizeof *request);
        if (request)
            request->number = number;
        if (!request || flight_insert(in_flight, number, request) != 0)
            return 1;
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    flight_destroy(in_flight, end, &given_up);
    printf("%zu requests answered, %zu given up\n", atomic_load(&answered), atomic_load(&given_up));
    return answered + given_up == REQUESTS ? 0 : 1;
}
