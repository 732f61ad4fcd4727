#define BASE_SPINLOCK
#include "bench/adapters/baselines/list_queue.h"

#define NOTE "the same list under Concurrency Kit's spinlock (fas)"

const bench_impl bench_spin_queue = LIST_QUEUE("spin-queue", BENCH_QUEUE, NOTE);
const bench_impl bench_spin_mailbox = LIST_QUEUE("spin-mailbox", BENCH_MAILBOX, NOTE);
