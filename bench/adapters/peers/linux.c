/* What Linux itself offers for handing values over: a pipe. (An eventfd adds numbers up, and so hands none over.) */
#include "bench/measure/loops_container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct ends {
    int in, out;
} ends;

static int ends_create(void **out, const bench_setup *setup)
{
    ends *e = malloc(sizeof *e);
    int file[2];
    (void)setup;
    if (!(*out = e))
        return -ENOMEM;
    if (pipe2(file, O_NONBLOCK | O_CLOEXEC) == 0) {
        *e = (ends){file[1], file[0]};
        return 0;
    }
    int error = -errno;
    free(e);
    *out = NULL;
    return error;
}

static void ends_destroy(void *object)
{
    ends *e = object;
    (void)close(e->in);
    (void)close(e->out);
    free(e);
}

BENCH_OP bool ends_put(void *object, void *thread, void *value)
{
    (void)thread;
    return write(((ends *)object)->in, &value, sizeof value) == sizeof value;
}

BENCH_OP bool ends_take(void *object, void *thread, void **value)
{
    (void)thread;
    return read(((ends *)object)->out, value, sizeof *value) == sizeof *value;
}

BENCH_CONTAINER(ends, ends_put, ends_take);

const bench_impl bench_pipe = {
    .name = "pipe",
    .family = BENCH_SPSC,
    .role = BENCH_PEER,
    .limits = "bounded, may wait",
    .note = "a Linux pipe of 8-byte messages, without waiting in it",
    .bounded = true,
    .create = ends_create,
    .destroy = ends_destroy,
    .thread_begin = bench_no_thread_begin,
    .thread_end = bench_no_thread_end,
    .container = &ends_ops,
    .drive = ends_drive,
};
