/*
 * A log whose writers never wait: when it is full, a new line takes the place of the oldest one, which is counted as
 * dropped. What it keeps are the newest lines, to be read when something has gone wrong.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <weft/queues/ring.h>

enum { WRITERS = 3, LINES = 10000, KEPT = 8 };

struct line {
    unsigned writer, number;
    char text[40];
};

WEFT_RING_OF(line_ring, struct line);

static line_ring *lines;
static atomic_ulong dropped;

static void *write_lines(void *index)
{
    struct line line = {.writer = (unsigned)(uintptr_t)index};
    for (line.number = 0; line.number < LINES; line.number++) {
        snprintf(line.text, sizeof line.text, "writer %u is at step %u", line.writer, line.number);
        if (line_ring_force_push(lines, &line, NULL))
            atomic_fetch_add(&dropped, 1);
    }
    return NULL;
}

/* Prints what the log has kept. Returns how many lines, or 0 if those of one writer are not in the order of writing. */
static unsigned long print_lines(void)
{
    struct line line, last[WRITERS] = {{0}};
    unsigned long kept = 0;
    for (; line_ring_try_pop(lines, &line); kept++) {
        if (line.number < last[line.writer].number)
            return 0;
        last[line.writer] = line;
        puts(line.text);
    }
    return kept;
}

int main(void)
{
    pthread_t threads[WRITERS];
    if (line_ring_create(&lines, KEPT, 0) != 0)
        return 1;
    for (uintptr_t i = 0; i < WRITERS; i++)
        if (pthread_create(&threads[i], NULL, write_lines, (void *)i) != 0)
            return 1;
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    unsigned long kept = print_lines();
    printf("%lu lines kept, %lu dropped\n", kept, atomic_load(&dropped));
    line_ring_destroy(lines);
    return kept == KEPT && atomic_load(&dropped) == WRITERS * (unsigned long)LINES - KEPT ? 0 : 1;
}
