/* plain: reads without any protection, for comparison. Only correct while nothing is retired. */
#include "bench/measure/loops_reclaim.h"

static int plain_create(void **out, const bench_setup *setup)
{
    static int anything;
    (void)setup;
    *out = &anything;
    return 0;
}

static void plain_destroy(void *object)
{
    (void)object;
}

bench_inline void plain_section(void *object, void *thread)
{
    (void)object;
    (void)thread;
}

bench_inline bench_object *plain_read(void *object, void *thread, bench_cell *cell)
{
    (void)object;
    (void)thread;
    return __atomic_load_n(&cell->pointer, __ATOMIC_RELAXED);
}

/* Never measured: the `retire` of its table is NULL. */
static void plain_leak(void *object, void *thread, bench_object *what)
{
    (void)object;
    (void)thread;
    (void)what;
}

static void plain_drive(bench_worker *worker)
{
    bench_reclaim_loops(worker, plain_section, plain_section, plain_read, plain_leak);
}

static const bench_reclaim_ops plain_ops = {plain_section, plain_section, plain_read, NULL, NULL};

const bench_impl bench_plain = {
    .name = "plain",
    .family = BENCH_RECLAIM,
    .role = BENCH_FLOOR,
    .note = "an unprotected read; enter-leave is the empty loop, the driver's own cost",
    .create = plain_create,
    .destroy = plain_destroy,
    .thread_begin = bench_no_thread_begin,
    .thread_end = bench_no_thread_end,
    .reclaim = &plain_ops,
    .drive = plain_drive,
};
