/*
 * A pool of buffers on a stack: the buffer given back last, still in the cache, goes out first. The stack only holds
 * pointers. Ownership is the pool's rule: the thread that has taken a buffer owns it until it gives it back.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/stacks/treiber.h>

enum { BUFFER = 4096, THREADS = 4, TURNS = 20000 };

typedef struct pool {
    weft_treiber *free;
    atomic_size_t made;
} pool;

static int pool_create(pool *p)
{
    atomic_init(&p->made, 0);
    return weft_treiber_create(&p->free, NULL);
}

static char *pool_take(pool *p)
{
    void *buffer;
    if (weft_treiber_try_pop(p->free, &buffer))
        return buffer;
    if ((buffer = malloc(BUFFER)) != NULL)
        atomic_fetch_add(&p->made, 1);
    return buffer;
}

static void pool_give(pool *p, char *buffer)
{
    if (weft_treiber_push(p->free, buffer) != 0) { /* no memory for a node: the pool is then one smaller */
        free(buffer);
        atomic_fetch_sub(&p->made, 1);
    }
}

static void free_one(void *buffer, void *ctx)
{
    free(buffer);
    ++*(size_t *)ctx;
}

/* Returns how many buffers the pool had. All must have been given back. */
static size_t pool_destroy(pool *p)
{
    size_t count = 0;
    weft_treiber_destroy(p->free, free_one, &count);
    return count;
}

static void *work(void *argument)
{
    pool *p = argument;
    for (int i = 0; i < TURNS; i++) {
        char *buffer = pool_take(p);
        if (!buffer)
            return "out of memory";
        memset(buffer, i, BUFFER); /* no other thread has it */
        for (int k = 1; k < BUFFER; k++)
            if (buffer[k] != buffer[0])
                return "a buffer had two owners";
        pool_give(p, buffer);
    }
    return NULL;
}

int main(void)
{
    pool p;
    pthread_t threads[THREADS];
    void *wrong = NULL;

    if (pool_create(&p) != 0)
        return 1;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, &p) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        wrong = result ? result : wrong;
    }
    size_t made = atomic_load(&p.made), given = pool_destroy(&p);
    printf("%d threads, %d turns each: %zu buffers made, %zu given back\n", THREADS, TURNS, made, given);
    if (wrong)
        fprintf(stderr, "%s\n", (const char *)wrong);
    return wrong || made != given || made > THREADS ? 1 : 0;
}
