#define BASE_MUTEX
#include "bench/adapters/baselines/list_queue.h"

#define NOTE "linked list under one pthread mutex, nodes from malloc outside the lock"

const bench_impl bench_mutex_queue = LIST_QUEUE("mutex-queue", BENCH_QUEUE, NOTE);
const bench_impl bench_mutex_mailbox = LIST_QUEUE("mutex-mailbox", BENCH_MAILBOX, NOTE);
