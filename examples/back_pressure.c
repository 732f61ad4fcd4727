/*
 * Jobs passed from several threads to several others through a ring of a few places. A producer that finds it full takes
 * the oldest job out and does it itself: so work is never made faster than it is done, and nobody waits for a consumer
 * that is late. At the end each consumer gets a job that says so; it comes out behind all others.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <weft/queues/ring.h>

enum { PRODUCERS = 3, CONSUMERS = 2, CAPACITY = 8, JOBS = 200, NUMBERS = 1000, PRIMES = 17984 };

struct job {
    unsigned first, count; /* no numbers: the end */
};

WEFT_RING_OF(job_ring, struct job);

static job_ring *ring;
static atomic_uint primes;

static bool is_prime(unsigned number)
{
    for (unsigned divisor = 2; divisor * divisor <= number; divisor++)
        if (number % divisor == 0)
            return false;
    return number >= 2;
}

static void do_job(const struct job *job)
{
    unsigned found = 0;
    for (unsigned i = 0; i < job->count; i++)
        found += is_prime(job->first + i);
    atomic_fetch_add(&primes, found);
}

static void *produce(void *index)
{
    for (unsigned i = (unsigned)(uintptr_t)index; i < JOBS; i += PRODUCERS) {
        struct job job = {.first = i * NUMBERS, .count = NUMBERS}, oldest;
        while (!job_ring_try_push(ring, &job))
            if (job_ring_try_pop(ring, &oldest)) /* no end among them: that comes after the last producer */
                do_job(&oldest);
    }
    return NULL;
}

static void *consume(void *unused)
{
    struct job job = {.count = 1};
    while (job.count > 0)
        if (job_ring_try_pop(ring, &job))
            do_job(&job);
        else
            sched_yield(); /* empty */
    return unused;
}

int main(void)
{
    pthread_t producers[PRODUCERS], consumers[CONSUMERS];
    if (job_ring_create(&ring, CAPACITY, 0) != 0)
        return 1;
    for (uintptr_t i = 0; i < PRODUCERS; i++)
        if (pthread_create(&producers[i], NULL, produce, (void *)i) != 0)
            return 1;
    for (int i = 0; i < CONSUMERS; i++)
        if (pthread_create(&consumers[i], NULL, consume, NULL) != 0)
            return 1;
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(producers[i], NULL);
    for (int i = 0; i < CONSUMERS; i++)
        while (!job_ring_try_push(ring, &(struct job){.count = 0}))
            sched_yield(); /* full: the consumers make room */
    for (int i = 0; i < CONSUMERS; i++)
        pthread_join(consumers[i], NULL);
    job_ring_destroy(ring);
    printf("%u primes below %u\n", atomic_load(&primes), JOBS * NUMBERS);
    return atomic_load(&primes) == PRIMES ? 0 : 1;
}
