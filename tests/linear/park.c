#define _GNU_SOURCE
#include "tests/linear/park.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

static atomic_uint yield_one_in, sleep_one_in;
static atomic_size_t parked;
static _Thread_local uint64_t random_state;

void lin_park_set(unsigned yields, unsigned sleeps)
{
    atomic_store(&yield_one_in, yields);
    atomic_store(&sleep_one_in, sleeps);
}

size_t lin_parked(void)
{
    return atomic_load(&parked);
}

void lin_park(void)
{
    unsigned yields = atomic_load_explicit(&yield_one_in, memory_order_relaxed);
    if (yields == 0)
        return;
    random_state = random_state * 6364136223846793005u + ((uint64_t)(uintptr_t)&random_state | 1); /* each thread its own */
    uint64_t z = (random_state ^ random_state >> 30) * 0xbf58476d1ce4e5b9u;
    z ^= z >> 31;
    if (z % yields == 0) {
        atomic_fetch_add_explicit(&parked, 1, memory_order_relaxed);
        sched_yield();
    }
    if ((z >> 32) % atomic_load_explicit(&sleep_one_in, memory_order_relaxed) == 0) {
        atomic_fetch_add_explicit(&parked, 1, memory_order_relaxed);
        nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
    }
}
