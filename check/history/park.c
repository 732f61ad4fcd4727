#define _GNU_SOURCE
#include "check/history/park.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

static atomic_uint yield_one_in, sleep_one_in, nap_ns;
static atomic_size_t parked;
static _Thread_local uint64_t random_state;
static _Thread_local size_t left; /* atomic operations until `here`; 0: none */
static _Thread_local void (*here)(void *ctx);
static _Thread_local void *here_ctx;

void lin_park_set(unsigned yields, unsigned sleeps, unsigned ns)
{
    atomic_store(&yield_one_in, yields);
    atomic_store(&sleep_one_in, sleeps);
    atomic_store(&nap_ns, ns);
}

size_t lin_parked(void)
{
    return atomic_load(&parked);
}

void lin_park_at(size_t n, void (*function)(void *ctx), void *ctx)
{
    left = n + 1;
    here = function;
    here_ctx = ctx;
}

bool lin_park_cancel(void)
{
    bool waiting = left > 0;
    left = 0;
    return waiting;
}

static void hold_up(unsigned yields)
{
    unsigned sleeps = atomic_load_explicit(&sleep_one_in, memory_order_relaxed);
    random_state =
        random_state * 6364136223846793005u + ((uint64_t)(uintptr_t)&random_state | 1); /* each thread its own */
    uint64_t z = (random_state ^ random_state >> 30) * 0xbf58476d1ce4e5b9u;
    z ^= z >> 31;
    if (z % yields == 0) {
        atomic_fetch_add_explicit(&parked, 1, memory_order_relaxed);
        sched_yield();
    }
    if (sleeps && (z >> 32) % sleeps == 0) {
        atomic_fetch_add_explicit(&parked, 1, memory_order_relaxed);
        nanosleep(&(struct timespec){.tv_nsec = (long)atomic_load_explicit(&nap_ns, memory_order_relaxed)}, NULL);
    }
}

void lin_park(void)
{
    unsigned yields = atomic_load_explicit(&yield_one_in, memory_order_relaxed);
    if (left > 0 && --left == 0)
        here(here_ctx);
    if (yields)
        hold_up(yields);
}
