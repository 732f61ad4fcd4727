/*
 * Work passed from two threads to two others through a typed queue. The queue never blocks: a consumer that finds it
 * empty does something else, here sched_yield. A counter tells it when nothing more will come.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/queues/msq.h>

enum { PRODUCERS = 2, CONSUMERS = 2, ORDERS = 10000 };

struct order {
    unsigned customer, amount;
};

WEFT_MSQ_OF(order_queue, struct order *); /* order_queue_enqueue(queue, order), with types checked */

static order_queue *queue;
static atomic_int producing = PRODUCERS;
static atomic_ullong turnover;

static void *produce(void *argument)
{
    unsigned customer = *(unsigned *)argument;
    for (unsigned i = 0; i < ORDERS; i++) {
        struct order *order = malloc(sizeof *order);
        if (!order)
            break;
        *order = (struct order){.customer = customer, .amount = i % 100};
        if (order_queue_enqueue(queue, order) != 0) { /* -ENOMEM: it is still ours */
            free(order);
            break;
        }
    }
    atomic_fetch_sub(&producing, 1); /* after the last enqueue: see below */
    return NULL;
}

static void *consume(void *argument)
{
    struct order *order;
    (void)argument;
    for (;;) {
        int left = atomic_load(&producing); /* before the queue is read */
        if (order_queue_try_dequeue(queue, &order)) {
            atomic_fetch_add(&turnover, order->amount);
            free(order); /* from here on it is this thread's alone: nothing to retire */
        } else if (left == 0) {
            return NULL; /* all were done before the queue was found empty */
        } else {
            sched_yield();
        }
    }
}

int main(void)
{
    pthread_t threads[PRODUCERS + CONSUMERS];
    unsigned customers[PRODUCERS];

    if (order_queue_create(&queue, NULL) != 0)
        return 1;
    for (unsigned i = 0; i < PRODUCERS + CONSUMERS; i++) {
        if (i < PRODUCERS)
            customers[i] = i;
        if (pthread_create(&threads[i], NULL, i < PRODUCERS ? produce : consume,
                           i < PRODUCERS ? &customers[i] : NULL) != 0)
            return 1;
    }
    for (unsigned i = 0; i < PRODUCERS + CONSUMERS; i++)
        pthread_join(threads[i], NULL);
    printf("turnover: %llu\n", atomic_load(&turnover));
    order_queue_destroy(queue, NULL, NULL);
    return atomic_load(&turnover) == 2ULL * ORDERS / 100 * 4950 ? 0 : 1;
}
