/*
 * Two processes through one ring in shared memory. The parent reads a log that its child writes; the child is killed in the
 * middle of it, and a second child goes on where the ring stands. What was pushed is read, whole and once.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/queues/spsc.h>

enum { CAPACITY = 64, FIRST = 1000 };

struct line {
    pid_t writer;
    char text[60];
};

/* A child maps the memory by itself, as a process that was not forked would, and finds the ring there. */
static void write_lines(int file, size_t bytes, unsigned count)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    weft_spsc *ring;
    if (memory == MAP_FAILED || weft_spsc_attach(&ring, memory, bytes) != 0)
        _exit(1);
    for (unsigned i = 0; i < count; i++) {
        struct line line = {.writer = getpid()};
        snprintf(line.text, sizeof line.text, "line %u", i);
        while (!weft_spsc_try_push(ring, &line))
            sched_yield(); /* full */
    }
    _exit(0);
}

static pid_t start(int file, size_t bytes, unsigned count)
{
    pid_t child = fork();
    if (child == 0)
        write_lines(file, bytes, count);
    return child;
}

/* Reads `most` lines of this writer, or until it has ended and the ring is empty. Returns how many. */
static unsigned read_lines(weft_spsc *ring, pid_t writer, unsigned most)
{
    struct line line;
    char expected[60];
    unsigned seen = 0;
    for (int ended = 0; seen < most;) {
        if (weft_spsc_try_pop(ring, &line)) {
            snprintf(expected, sizeof expected, "line %u", seen++);
            for (unsigned i = 0; expected[i]; i++)
                if (line.writer != writer || line.text[i] != expected[i])
                    return 0;
        } else if (ended) {
            break; /* it was empty after the writer had ended */
        } else if (!(ended = waitpid(writer, NULL, WNOHANG) == writer)) {
            sched_yield();
        }
    }
    return seen;
}

int main(void)
{
    size_t bytes = weft_spsc_bytes(CAPACITY, sizeof(struct line), WEFT_SPSC_STAMPED);
    int file = memfd_create("log", 0); /* or shm_open, for processes that are no relatives */
    if (file < 0 || ftruncate(file, (off_t)bytes) != 0)
        return 1;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    weft_spsc *ring;
    if (memory == MAP_FAILED ||
        weft_spsc_init(&ring, memory, bytes, CAPACITY, sizeof(struct line), WEFT_SPSC_STAMPED) != 0)
        return 1;
    pid_t child = start(file, bytes, UINT32_MAX);
    unsigned first = child > 0 ? read_lines(ring, child, FIRST) : 0;
    if (first != FIRST || kill(child, SIGKILL) != 0 || waitpid(child, NULL, 0) != child)
        return 1;
    struct line line;
    unsigned left = 0;
    while (weft_spsc_try_pop(ring, &line)) /* what it had pushed before it died */
        left += line.writer == child;
    pid_t second = start(file, bytes, FIRST);
    unsigned then = second > 0 ? read_lines(ring, second, UINT32_MAX) : 0;
    printf("%u lines of the first child, then %s after its death, and %u of the second\n", first,
           left <= CAPACITY ? "no more than fit" : "too many", then);
    return then == FIRST && left <= CAPACITY ? 0 : 1;
}
