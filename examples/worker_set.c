/*
 * Workers that stop when the work is done. Producers put jobs into a segment queue, the last of them closes it, and each
 * worker ends once the queue is closed and empty: no job is lost, and no special value says "stop".
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <weft/queues/segq.h>

enum { PRODUCERS = 2, WORKERS = 3, JOBS = 20000 };

WEFT_SEGQ_OF(job_queue, uintptr_t); /* job_queue_enqueue(queue, job), with types checked */

static job_queue *jobs;
static atomic_int producing = PRODUCERS;
static atomic_ulong sum;

static void *produce(void *first)
{
    for (uintptr_t job = (uintptr_t)first; job <= JOBS; job += PRODUCERS)
        if (job_queue_enqueue(jobs, job) != 0) { /* -ENOMEM; or -EPIPE, if somebody had closed it */
            fprintf(stderr, "job %lu and later ones are lost\n", (unsigned long)job);
            break; /* the workers must still learn that nothing comes any more */
        }
    if (atomic_fetch_sub(&producing, 1) == 1)
        job_queue_close(jobs);
    return NULL;
}

static void *work(void *unused)
{
    uintptr_t job;
    for (bool closed = false;;) {
        if (job_queue_try_dequeue(jobs, &job))
            atomic_fetch_add(&sum, job);
        else if (closed)
            return unused; /* it was empty after it had been closed: nothing comes any more */
        else if (!(closed = job_queue_is_closed(jobs)))
            sched_yield(); /* nothing in Weft blocks */
    }
}

int main(void)
{
    pthread_t thread[PRODUCERS + WORKERS];
    if (job_queue_create(&jobs, NULL) != 0)
        return 1;
    for (uintptr_t i = 0; i < PRODUCERS + WORKERS; i++)
        if (pthread_create(&thread[i], NULL, i < PRODUCERS ? produce : work, (void *)(i + 1)) != 0)
            return 1;
    for (int i = 0; i < PRODUCERS + WORKERS; i++)
        pthread_join(thread[i], NULL);
    job_queue_destroy(jobs, NULL, NULL);
    printf("the jobs' sum is %lu\n", (unsigned long)atomic_load(&sum));
    return atomic_load(&sum) == (unsigned long)JOBS * (JOBS + 1) / 2 ? 0 : 1;
}
