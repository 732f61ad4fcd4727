/*
 * Implementations that do nothing, called like all others: their time is the driver's own cost. They are not in the
 * table of implementations; the suite measures them before everything else.
 */
#include "bench/measure/loops_map.h"
#include "bench/adapters/null.h"

static int null_create(void **out, const bench_setup *setup)
{
    static int anything;
    (void)setup;
    *out = &anything;
    return 0;
}

static void null_destroy(void *object)
{
    (void)object;
}

BENCH_OP bool null_put(void *object, void *thread, void *value)
{
    (void)object;
    (void)thread;
    __asm__ __volatile__("" : : "r"(value));
    return true;
}

BENCH_OP bool null_take(void *object, void *thread, void **value)
{
    (void)object;
    (void)thread;
    __asm__ __volatile__("" : : "r"(value) : "memory");
    return true;
}

BENCH_CONTAINER(null_container, null_put, null_take);

BENCH_OP void *null_get(void *object, void *thread, uint64_t key)
{
    (void)object;
    (void)thread;
    __asm__ __volatile__("" : : "r"(key));
    return NULL;
}

BENCH_OP bool null_insert(void *object, void *thread, uint64_t key, void *value)
{
    (void)object;
    (void)thread;
    __asm__ __volatile__("" : : "r"(key), "r"(value));
    return true;
}

BENCH_OP bool null_remove(void *object, void *thread, uint64_t key)
{
    (void)object;
    (void)thread;
    __asm__ __volatile__("" : : "r"(key));
    return true;
}

/* Work in registers only, in three dependency chains, so that sharing a core with another thread slows it down. */
BENCH_OP bool private_put(void *object, void *thread, void *value)
{
    uint64_t x = (uintptr_t)value | 1, y = x * 3, z = x * 5;
    (void)object;
    (void)thread;
    for (unsigned i = 0; i < 32; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        y ^= y << 13;
        y ^= y >> 7;
        z = z * UINT64_C(2862933555777941757) + 1;
    }
    __asm__ __volatile__("" : : "r"(x), "r"(y), "r"(z));
    return true;
}

BENCH_CONTAINER(private, private_put, null_take);

static int ping_pong_create(void **out, const bench_setup *setup)
{
    static _Alignas(BENCH_LINE) _Atomic(uint64_t) turn;
    (void)setup;
    *out = &turn;
    return 0;
}

static void ping_pong_drive(bench_worker *worker)
{
    _Atomic(uint64_t) *turn = worker->object;
    while (bench_running(worker)) {
        uint64_t now = atomic_load_explicit(turn, memory_order_relaxed);
        if (now % 2 != worker->index % 2)
            continue;
        atomic_store_explicit(turn, now + 1, memory_order_relaxed);
        worker->counts.operations++;
    }
}

static size_t null_size(void *object, void *thread)
{
    (void)object;
    (void)thread;
    return 0;
}

BENCH_MAP_LOOPS(null_map, null_get, null_insert, null_remove, null_size);

#define NULL_IMPL(impl, shown, of, make, drives, ...)                                                                  \
    const bench_impl impl = {                                                                                          \
        .name = shown,                                                                                                 \
        .family = of,                                                                                                  \
        .role = BENCH_FLOOR,                                                                                           \
        .create = make,                                                                                                \
        .destroy = null_destroy,                                                                                       \
        .thread_begin = bench_no_thread_begin,                                                                         \
        .thread_end = bench_no_thread_end,                                                                             \
        .drive = drives,                                                                                               \
        __VA_ARGS__,                                                                                                   \
    }

NULL_IMPL(bench_null_container, "null", BENCH_QUEUE, null_create, null_container_drive,
          .container = &null_container_ops);
NULL_IMPL(bench_private, "private", BENCH_QUEUE, null_create, private_drive, .container = &private_ops);
NULL_IMPL(bench_ping_pong, "ping-pong", BENCH_QUEUE, ping_pong_create, ping_pong_drive,
          .container = &null_container_ops);
NULL_IMPL(bench_null_map, "null", BENCH_MAP, null_create, null_map_drive, .map = &null_map_ops);
