#include "bench/run/progress.h"

#include "bench/machine/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define BETWEEN_NS(terminal) ((terminal) ? 100000000u : 5000000000u)

static unsigned seconds_left(const bench_progress *progress, uint64_t now)
{
    if (progress->done == 0)
        return 0;
    double each = (double)(now - progress->started_ns) / progress->done;
    return (unsigned)(each * (progress->total - progress->done) / 1e9 + 0.5);
}

void bench_progress_show(bench_progress *progress, const char *format, ...)
{
    uint64_t now = bench_now_ns();
    va_list arguments;
    if (progress->started_ns == 0) {
        progress->started_ns = now;
        progress->terminal = isatty(STDERR_FILENO);
    }
    if (progress->shown_ns != 0 && now - progress->shown_ns < BETWEEN_NS(progress->terminal))
        return;
    progress->shown_ns = now;
    unsigned left = seconds_left(progress, now);
    fprintf(stderr, progress->terminal ? "\r\033[K" : "");
    fprintf(stderr, "[%u/%u", progress->done + 1, progress->total);
    if (left > 0)
        fprintf(stderr, ", %u:%02u left", left / 60, left % 60);
    fputs("] ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, progress->terminal ? "" : "\n");
    fflush(stderr);
}

void bench_progress_clear(bench_progress *progress)
{
    if (progress->terminal == 1 && progress->shown_ns != 0)
        fputs("\r\033[K", stderr);
    progress->shown_ns = 0;
}
